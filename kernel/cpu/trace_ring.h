/* A ring of trace records: one writer, which never waits, and readers who may come too late. Pure arithmetic. */
#ifndef KERNEL_CPU_TRACE_RING_H
#define KERNEL_CPU_TRACE_RING_H

#include <stddef.h>

#include "config/abi.h"

struct trace_ring {
    struct trace_record *record; /* a power of two of them */
    uint64_t mask;               /* their number - 1 */
    uint64_t next;               /* number of the next record, from 0; it goes to record[next & mask] */
};

/* Makes an empty ring of `bytes` bytes at `room`: as many records as fit, rounded down to a power of two. */
void trace_ring_init(struct trace_ring *ring, void *room, size_t bytes);

/*
 * Copies the same ring's newest records to larger room of `bytes` bytes, and goes on there. Nobody may write meanwhile.
 */
void trace_ring_move(struct trace_ring *ring, void *room, size_t bytes);

/* Appends a record, over the oldest one. Only the ring's writer. Stores are seen in order (x86), so the number goes last; and
 * nobody else changes that, so a plain increment will do. */
static inline __attribute__((always_inline)) void
trace_ring_put(struct trace_ring *ring, uint64_t tsc, enum trace_kind kind, uint32_t who, uint64_t a, uint64_t b)
{
    ring->record[ring->next & ring->mask] = (struct trace_record){tsc, kind, who, a, b};
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    ring->next++;
}

/*
 * Copies at most n records from number *from on to `out`, while the writer may be at work; those that it has overwritten,
 * or may be overwriting, are left out. *from becomes the number of the first one copied; -> how many they are.
 */
size_t trace_ring_read(const struct trace_ring *ring, uint64_t *from, struct trace_record *out, size_t n);

#endif
