/*
 * Page tables of a lab guest. Linear = guest-physical up to 1 GiB, by 2 MiB pages that are open to CPL 3; behind that, a
 * window of 4 KiB and 2 MiB pages for the test. The next row finds all of it as it was.
 */
#ifndef GUESTS_LIB_LAB_PAGE_H
#define GUESTS_LIB_LAB_PAGE_H

#include <stdint.h>

enum {
    PAGE_BYTES = 4096,
    PAGE_LARGE_BYTES = 0x200000,
    PAGE_SLOTS = 512,
    PAGE_LARGE_SLOTS = 511,
    PAGE_SCRATCH = 16,
    PAGE_FREE = 0x200000, /* gpa: from here to the end of memory nothing is the library's */
};

/* "Paging-Structure Entries" */
enum page_flag {
    PAGE_PRESENT = 1 << 0, PAGE_WRITE = 1 << 1, PAGE_USER = 1 << 2, PAGE_PWT = 1 << 3, PAGE_PCD = 1 << 4,
    PAGE_ACCESSED = 1 << 5, PAGE_DIRTY = 1 << 6, PAGE_LARGE = 1 << 7, PAGE_GLOBAL = 1 << 8,
};
#define PAGE_NX (1ull << 63)

/* Maps 4 KiB, or 2 MiB, of the window to a gpa with these flags (PAGE_LARGE is added); returns the linear address. */
void *page_map(unsigned slot, uint64_t gpa, uint64_t flags);
void *page_map_large(unsigned slot, uint64_t gpa, uint64_t flags);

/* The entry of an address in the table of a level: 4 PML4, 3 PDPT, 2 directory, 1 table. Null where the walk ends above that. */
uint64_t *page_entry(const void *linear, unsigned level);

/* Forgets all translations but global ones. */
void page_flush(void);

/* Page n < PAGE_SCRATCH of some pages in a row, gpa = its address, zeroed when a row asks for the first time. */
void *page_scratch(unsigned n);

/* For the library. */
void page_reset(void);

#endif
