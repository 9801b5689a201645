#include "kernel/cpu/trace_ring.h"

#include "lib/string.h"

void trace_ring_init(struct trace_ring *ring, void *room, size_t bytes)
{
    size_t n = 1;

    while (2 * n * sizeof *ring->record <= bytes)
        n *= 2;
    ring->record = room;
    ring->mask = n - 1;
    ring->next = 0;
}

void trace_ring_move(struct trace_ring *ring, void *room, size_t bytes)
{
    const struct trace_ring old = *ring;
    uint64_t next = old.next, first = next > old.mask ? next - old.mask - 1 : 0;

    trace_ring_init(ring, room, bytes);
    for (uint64_t i = first; i < next; i++)
        ring->record[i & ring->mask] = old.record[i & old.mask];
    ring->next = next;
}

/* The oldest record that is whole while the writer may be writing number `next`: that one takes the place of another. */
static uint64_t oldest(const struct trace_ring *ring, uint64_t next)
{
    return next > ring->mask ? next - ring->mask : 0;
}

size_t trace_ring_read(const struct trace_ring *ring, uint64_t *from, struct trace_record *out, size_t n)
{
    uint64_t next = __atomic_load_n(&ring->next, __ATOMIC_ACQUIRE), first = oldest(ring, next), lost;

    first = *from > first ? *from : first;
    n = first >= next ? 0 : next - first < n ? next - first : n;
    for (size_t i = 0; i < n; i++)
        out[i] = ring->record[(first + i) & ring->mask];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    next = __atomic_load_n(&ring->next, __ATOMIC_ACQUIRE);
    lost = oldest(ring, next) > first ? oldest(ring, next) - first : 0;
    lost = lost < n ? lost : n;
    memmove(out, out + lost, (n - lost) * sizeof *out);
    *from = first + lost;
    return n - lost;
}
