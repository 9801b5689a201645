#include "mm/table.h"

/* "EPT Translation Mechanism" in Intel's manual: the formats of the EPT paging-structure entries. */
enum {
    EPT_READ = 1 << 0,
    EPT_WRITE = 1 << 1,
    EPT_EXECUTE = 1 << 2,
    EPT_TYPE_WB = 6 << 3, /* memory type; UC is 0. "Ignore PAT", bit 6, stays 0 */
    EPT_ACCESSED = 1 << 8,
    EPT_DIRTY = 1 << 9,
};
#define EPT_OWNED (1ull << 52) /* bits 52 to 56 of a leaf are ignored */

const struct mm_format mm_format_ept = {
    .name = "EPT",
    .present = EPT_READ | EPT_WRITE | EPT_EXECUTE,
    .table = EPT_READ | EPT_WRITE | EPT_EXECUTE,
    .leaf = EPT_TYPE_WB,
    /*        read      write      execute      user  uncached     owned      global */
    .flip = {EPT_READ, EPT_WRITE, EPT_EXECUTE, 0,    EPT_TYPE_WB, EPT_OWNED, 0},
    .accessed = EPT_ACCESSED,
    .dirty = EPT_DIRTY,
    .needs_read = MM_WRITE,
    .bias = 0,
};
