/* What the EPT families share: places in memory that nobody else uses, their EPT entries, and the kinds of access. */
#ifndef GUESTS_TESTS_EPT_H
#define GUESTS_TESTS_EPT_H

#include <stdbool.h>
#include <stdint.h>

/* "Format of an EPT Page-Table Entry" */
enum ept_bit {
    EPT_R = 1 << 0, EPT_W = 1 << 1, EPT_X = 1 << 2, EPT_RWX = 7, EPT_TYPE_SHIFT = 3, EPT_LEAF = 1 << 7, EPT_A = 1 << 8,
    EPT_D = 1 << 9,
};

/* Bits 11:0 of the EPT pointer: write-back, 4 levels; with accessed and dirty flags. */
enum { EPTP_PLAIN = 0x1e, EPTP_FLAGS = 0x5e };

/* Guest-physical addresses that are linear ones, too: the page to be accessed, and one for a page table. */
#define EPT_TARGET 0x400000ull
#define EPT_TABLE  0x600000ull
#define EPT_LARGE  0x800000ull /* never split: of a large page, see PLACE_2M */

enum { EPT_OFFSET = 0x230, EPT_BYTE = 0xc3 /* RET */ };

enum ept_access { ACCESS_READ, ACCESS_WRITE, ACCESS_MODIFY, ACCESS_FETCH, ACCESS_KINDS };
#define ACCESSES AXIS("read", "write", "modify", "fetch")

/* The permissions that are allowed, by their place on an axis. */
extern const uint8_t ept_permissions[6];
#define PERMISSIONS AXIS("none", "r", "rw", "x", "rx", "rwx")

/* The EPT entry for a page: of level 1, 2 or 3, which nobody else needs. */
struct ept_place {
    unsigned level;
    uint64_t gpa, open; /* the page; the entry with all rights, accessed and dirty clear */
    uint8_t *linear;
};

/* What is at each level, the lowest first, and a large page instead of a table. */
enum ept_where { PLACE_4K, PLACE_TABLE, PLACE_DIRECTORY, PLACE_2M };
#define PLACES AXIS("4k", "table", "directory", "2m")

static inline bool ept_is_leaf(enum ept_where where) { return where == PLACE_4K || where == PLACE_2M; }

/* Fills a page with EPT_BYTE and opens its entry. A directory needs memory at 1 GiB, a large page memory that is backed
 * by such, or the row is skipped. */
struct ept_place ept_open(enum ept_where where);

/* Some bits of the entry, and all again; reads the entry. */
void ept_set(const struct ept_place *place, uint64_t clear, uint64_t set);
void ept_reopen(const struct ept_place *place);
uint64_t ept_entry(const struct ept_place *place);

/* What an access needs: EPT_R and so on. */
unsigned ept_needed(enum ept_access access);

/* Does it. A write leaves EPT_BYTE + 1, as a modification of EPT_BYTE does; a fetch calls the RET there. */
void ept_do(enum ept_access access, void *at);
void ept_touch(enum ept_access access, const struct ept_place *place); /* at EPT_OFFSET */

/* Opens the place again and looks whether its byte is as it was, or as after the access that was done. */
void ept_expect_byte(const struct ept_place *place, enum ept_access access, bool done);

/* VMFUNC: function and operand. */
static inline void ept_vmfunc(uint64_t rax, uint64_t rcx)
{
    __asm__ volatile(".byte 0x0f, 0x01, 0xd4" : : "a"(rax), "c"(rcx) : "memory");
}

/* Whether an entry is one that execute-only pages are needed for. */
const uint16_t *ept_permission_needs(unsigned permission);

#endif
