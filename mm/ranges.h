/* Memory maps as firmware and boot loaders hand them over: unsorted, overlapping, with parts that are taken. */
#ifndef MM_RANGES_H
#define MM_RANGES_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes [start, end) of host-physical memory. One with end <= start is empty. */
struct mm_range {
    uint64_t start, end;
};

/* A memory map: what is usable RAM, and what of the same address space must not be touched. */
struct mm_ranges {
    const struct mm_range *usable, *reserved;
    unsigned n_usable, n_reserved;
};

/* The whole 4 KiB pages within `r` that the direct map can hold. */
struct mm_range mm_range_pages_inside(struct mm_range r);

/*
 * Finds the first run of whole pages at or above `from` (page-aligned) that is usable and nowhere reserved, as long as
 * it gets. A page that is usable or free only in part does not count. Returns false when there is none.
 */
bool mm_ranges_next_free(const struct mm_ranges *map, uint64_t from, struct mm_range *found);

#endif
