/* One byte for each page frame of usable RAM, for the buddy allocator alone. Holes in the memory map cost nothing. */
#ifndef MM_FRAMES_H
#define MM_FRAMES_H

#include <stddef.h>

#include "mm/buddy.h"

/* A GiB of the address space, with a byte for each frame from its first to its last usable one. */
struct mm_section {
    uint8_t *frames;
    uint32_t first, n; /* n = 0: none usable */
};

struct mm_frames {
    struct mm_section *sections;
    uint64_t n;
};

/* As many frames as the largest block, so none crosses from one section into the next. */
#define MM_SECTION_FRAMES (1ull << MM_ORDER_MAX)

/*
 * Places the bytes in free memory of the map, above 1 MiB where there is room, and sets them to `initial`. Returns what
 * they occupy; an empty range, and `frames` has none, when no free run is large enough.
 */
struct mm_range mm_frames_init(struct mm_frames *frames, const struct mm_ranges *map, uint8_t initial);

/* The byte of frame number `frame`; NULL when it has none. */
static inline uint8_t *mm_frames_at(const struct mm_frames *frames, uint64_t frame)
{
    uint64_t i = frame % MM_SECTION_FRAMES;
    const struct mm_section *s;

    if (frame / MM_SECTION_FRAMES >= frames->n)
        return NULL;
    s = &frames->sections[frame / MM_SECTION_FRAMES];
    if (i < s->first || i - s->first >= s->n)
        return NULL;
    return &s->frames[i - s->first];
}

#endif
