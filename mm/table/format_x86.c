#include "mm/table.h"

/* "4-Level Paging" in Intel's manual, "Long-Mode Page Translation" and "Nested Paging" in AMD's. */
enum {
    PTE_P = 1 << 0,
    PTE_RW = 1 << 1,
    PTE_US = 1 << 2,
    PTE_PWT = 1 << 3, /* alone, PAT entry 1; PCD alone, entry 2; both, 3. kernel/cpu/space.c says what is in them */
    PTE_PCD = 1 << 4,
    PTE_A = 1 << 5,
    PTE_D = 1 << 6,
    PTE_G = 1 << 8,
};
#define PTE_OWNED (1ull << 52) /* bits 52 to 58 are for software */
#define PTE_NX    (1ull << 63)

/* The nested walk is a user access at every level, so US is always set. Its memory types go by the host's PAT. */
const struct mm_format mm_format_npt = {
    .name = "NPT",
    .present = PTE_P,
    .table = PTE_P | PTE_RW | PTE_US,
    .leaf = PTE_US | PTE_NX,
    /*        read   write   execute user uncached           owned      global */
    .flip = {PTE_P, PTE_RW, PTE_NX, 0,   PTE_PCD | PTE_PWT, PTE_OWNED, 0},
    .accessed = PTE_A,
    .dirty = PTE_D,
    .needs_read = MM_WRITE | MM_EXECUTE,
    .bias = 0,
};

const struct mm_format mm_format_host = {
    .name = "host",
    .present = PTE_P,
    .table = PTE_P | PTE_RW | PTE_US,
    .leaf = PTE_NX,
    /*        read   write   execute user    uncached owned      global combining */
    .flip = {PTE_P, PTE_RW, PTE_NX, PTE_US, PTE_PCD, PTE_OWNED, PTE_G, PTE_PWT},
    .accessed = PTE_A,
    .dirty = PTE_D,
    .needs_read = MM_WRITE | MM_EXECUTE,
    .bias = 1ull << 47,
};
