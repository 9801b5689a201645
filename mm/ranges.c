#include "mm/ranges.h"

#include "mm/direct.h"

static uint64_t min(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t max(uint64_t a, uint64_t b) { return a > b ? a : b; }

struct mm_range mm_range_pages_inside(struct mm_range r)
{
    return (struct mm_range){align_up(min(r.start, MM_DIRECT_LIMIT), PAGE_BYTES),
                             align_down(min(r.end, MM_DIRECT_LIMIT), PAGE_BYTES)};
}

/* The pages that `r` touches; the last page of the address space is above MM_DIRECT_LIMIT and need not be exact. */
static struct mm_range pages_touched(struct mm_range r)
{
    if (r.end <= r.start)
        return (struct mm_range){0, 0};
    return (struct mm_range){align_down(r.start, PAGE_BYTES), align_up(min(r.end, MM_DIRECT_LIMIT), PAGE_BYTES)};
}

/* The first usable address at or above `from`; UINT64_MAX when there is none. */
static uint64_t usable_from(const struct mm_ranges *map, uint64_t from)
{
    uint64_t first = UINT64_MAX;

    for (unsigned i = 0; i < map->n_usable; i++) {
        struct mm_range u = mm_range_pages_inside(map->usable[i]);

        if (u.end > max(u.start, from))
            first = min(first, max(u.start, from));
    }
    return first;
}

/* Where the reserved range that covers `at` ends; `at` when none does. */
static uint64_t reserved_until(const struct mm_ranges *map, uint64_t at)
{
    for (unsigned i = 0; i < map->n_reserved; i++) {
        struct mm_range r = pages_touched(map->reserved[i]);

        if (r.start <= at && at < r.end)
            return r.end;
    }
    return at;
}

/* Where the run of usable, not reserved pages ends that begins at `start`. */
static uint64_t run_end(const struct mm_ranges *map, uint64_t start)
{
    uint64_t end = start;

    for (bool grown = true; grown;) {
        grown = false;
        for (unsigned i = 0; i < map->n_usable; i++) {
            struct mm_range u = mm_range_pages_inside(map->usable[i]);

            if (u.start <= end && end < u.end) {
                end = u.end;
                grown = true;
            }
        }
    }
    for (unsigned i = 0; i < map->n_reserved; i++) {
        struct mm_range r = pages_touched(map->reserved[i]);

        if (r.end > r.start && r.start > start)
            end = min(end, r.start);
    }
    return end;
}

bool mm_ranges_next_free(const struct mm_ranges *map, uint64_t from, struct mm_range *found)
{
    for (;;) {
        uint64_t start = usable_from(map, from);

        if (start == UINT64_MAX)
            return false;
        from = reserved_until(map, start);
        if (from == start) {
            *found = (struct mm_range){start, run_end(map, start)};
            return true;
        }
    }
}
