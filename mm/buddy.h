/* The buddy allocator: all free RAM of the machine, in blocks of 4 KiB << order that are aligned to their size. */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

#include "lib/addr.h"
#include "mm/ranges.h"

enum {
    MM_ORDER_MAX = 18, /* 1 GiB */
    MM_ORDERS,
};

/*
 * Takes over the memory that is in `usable` and not in `reserved` (see mm/ranges.h). The allocator's own tables, about
 * one byte a page, come out of it, from above 1 MiB where there is room. When no run of free pages is large enough for
 * the tables, the allocator stays empty: mm_buddy_total_pages() is 0.
 *
 * Reserved memory is not touched. A kernel whose direct map is not complete yet names the rest as reserved and hands
 * it over later with mm_buddy_add.
 */
void mm_buddy_init(const struct mm_range *usable, unsigned n_usable, const struct mm_range *reserved,
                   unsigned n_reserved);

/*
 * Hands over the whole pages inside `range`, which was usable and reserved at mm_buddy_init. A page that the allocator
 * holds or gave out already, or that was not usable, is a bug; so hand over what mm_ranges_next_free finds rather than
 * the ranges of a memory map.
 */
void mm_buddy_add(struct mm_range range);

/* Takes a block from the smallest that are sufficient; HPA_NONE when there is none. Its contents are undefined. */
hpa_t mm_buddy_alloc(unsigned order);

/* mm_buddy_alloc(0), which is what is asked for nearly always. */
hpa_t mm_buddy_alloc_page(void);

/* Gives a block back, with the order that it was taken with. Anything else that is passed is a bug. */
void mm_buddy_free(hpa_t block, unsigned order);

/* Makes a taken block of order `from` into taken blocks of order `to` <= from, to be freed one by one. */
void mm_buddy_divide(hpa_t block, unsigned from, unsigned to);

/* The inverse: the taken blocks of order `from` that make up the one of order `to` >= from at `block` become that one. */
void mm_buddy_join(hpa_t block, unsigned from, unsigned to);

/* 4 KiB pages that are free now. */
uint64_t mm_buddy_free_pages(void);

/* 4 KiB pages that the allocator was given, free or taken, without its own tables. */
uint64_t mm_buddy_total_pages(void);

/* Blocks on the free list of `order`. */
uint64_t mm_buddy_free_blocks(unsigned order);

#endif
