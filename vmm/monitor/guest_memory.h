/* The guest's memory as its monitor sees it: a window in which gpa 0 is at `base`. */
#ifndef VMM_MONITOR_GUEST_MEMORY_H
#define VMM_MONITOR_GUEST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct guest_memory {
    uint8_t *base;
    uint64_t bytes;
};

/* Where guest-physical [gpa, gpa + bytes) is, or NULL if any of it is not memory. No sum can wrap. */
static inline void *guest_memory_at(const struct guest_memory *memory, uint64_t gpa, uint64_t bytes)
{
    if (bytes > memory->bytes || gpa > memory->bytes - bytes)
        return NULL;
    return memory->base + gpa;
}

#endif
