/* Which arguments the page-table functions accept. For mm/table/ alone. */
#ifndef MM_TABLE_CHECK_H
#define MM_TABLE_CHECK_H

#include "mm/table/entry.h"

/* Whether va is an address of the format: below 2^48, or canonical. */
static inline bool mm_check_address(const struct mm_format *f, uint64_t va)
{
    return (va + f->bias) >> MM_ADDRESS_BITS == 0;
}

/* Whether the table may map [va, va + bytes). */
static inline bool mm_check_range(const struct mm_table *t, uint64_t va, uint64_t bytes)
{
    uint64_t last = va + bytes - 1;

    /* With at most 2^48 bytes, a range that has both ends in the address space has all of it there. */
    return is_aligned(va | bytes, PAGE_BYTES) && (bytes - 1) >> MM_ADDRESS_BITS == 0 && last > va &&
           mm_check_address(t->format, va) && mm_check_address(t->format, last) &&
           mm_level_slot(last, MM_LEVEL_TOP) < t->first_foreign;
}

static inline bool mm_check_rights(const struct mm_format *f, unsigned rights)
{
    return rights >> MM_RIGHT_COUNT == 0 && rights & (MM_READ | MM_WRITE | MM_EXECUTE) &&
           (rights & MM_READ || !(rights & f->needs_read));
}

/* Whether an entry's address field can hold the frames, and owned ones can be a block. */
static inline bool mm_check_frames(hpa_t hpa, uint64_t bytes, unsigned rights)
{
    const uint64_t limit = MM_ENTRY_ADDRESS + PAGE_BYTES;

    return is_aligned(hpa.value, PAGE_BYTES) && bytes <= limit && hpa.value <= limit - bytes &&
           (!(rights & MM_OWNED) || (is_aligned(bytes, bytes) && is_aligned(hpa.value, bytes) && bytes <= GIB));
}

#endif
