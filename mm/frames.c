#include "mm/frames.h"

#include "lib/string.h"
#include "mm/direct.h"

/* Sections from address 0 up to the last usable page. */
static uint64_t sections_needed(const struct mm_range *usable, unsigned n)
{
    uint64_t sections = 0;

    for (unsigned i = 0; i < n; i++) {
        struct mm_range u = mm_range_pages_inside(usable[i]);

        if (u.start < u.end && (u.end - 1) / GIB >= sections)
            sections = (u.end - 1) / GIB + 1;
    }
    return sections;
}

/* What section number `s` must cover so that each usable frame in it has its byte. */
static struct mm_section section_extent(const struct mm_range *usable, unsigned n, uint64_t s)
{
    uint64_t first = UINT64_MAX, end = 0, base = s * MM_SECTION_FRAMES;

    for (unsigned i = 0; i < n; i++) {
        struct mm_range u = mm_range_pages_inside(usable[i]);
        uint64_t a = u.start >> PAGE_SHIFT, b = u.end >> PAGE_SHIFT;

        if (a < base)
            a = base;
        if (b > base + MM_SECTION_FRAMES)
            b = base + MM_SECTION_FRAMES;
        if (a < b && a < first)
            first = a;
        if (a < b && b > end)
            end = b;
    }
    if (first >= end)
        return (struct mm_section){NULL, 0, 0};
    return (struct mm_section){NULL, (uint32_t)(first - base), (uint32_t)(end - first)};
}

/* The lowest free run of at least `bytes` that begins at or above `from`. */
static bool find_room(const struct mm_ranges *map, uint64_t from, uint64_t bytes, struct mm_range *room)
{
    for (; mm_ranges_next_free(map, from, room); from = room->end) {
        if (room->end - room->start >= bytes)
            return true;
    }
    return false;
}

struct mm_range mm_frames_init(struct mm_frames *frames, const struct mm_ranges *map, uint8_t initial)
{
    uint64_t n = sections_needed(map->usable, map->n_usable), total = 0, bytes;
    struct mm_range room;
    uint8_t *next;

    *frames = (struct mm_frames){NULL, 0};
    for (uint64_t s = 0; s < n; s++)
        total += section_extent(map->usable, map->n_usable, s).n;
    bytes = align_up(n * sizeof(struct mm_section) + total, PAGE_BYTES);
    if (bytes == 0 || (!find_room(map, MIB, bytes, &room) && !find_room(map, 0, bytes, &room)))
        return (struct mm_range){0, 0};

    *frames = (struct mm_frames){mm_direct(HPA(room.start)), n};
    next = (uint8_t *)(frames->sections + n);
    memset(next, initial, total);
    for (uint64_t s = 0; s < n; s++) {
        frames->sections[s] = section_extent(map->usable, map->n_usable, s);
        frames->sections[s].frames = next;
        next += frames->sections[s].n;
    }
    return (struct mm_range){room.start, room.start + bytes};
}
