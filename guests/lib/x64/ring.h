/*
 * Rings: bulk data from one VM to another through shared memory, one producer, one consumer. What is written is a stream
 * of bytes; the other side is told by a bell only when it waits. The sender sees the receiver's page read-only and the
 * other way round: a ring believes nothing that the other side could have written to it but the other's own counter, and
 * that only within the ring's size.
 */
#ifndef GUESTS_LIB_X64_RING_H
#define GUESTS_LIB_X64_RING_H

#include <stddef.h>
#include <stdint.h>

#include "config/abi.h"

/* The page that a side writes. */
struct ring_side {
    _Atomic uint64_t count; /* bytes ever put, or taken */
    _Atomic uint64_t sleep; /* how often it went to sleep and woke up; odd: it sleeps, and wants the bell */
};

struct ring {
    unsigned channel;
    struct ring_side *own;
    const struct ring_side *other;
    uint8_t *data;
    uint64_t bytes;     /* of data, a power of two */
    uint64_t own_count; /* own->count, as only this side sets it */
    uint64_t rung;      /* the other's sleep for which the bell has been rung */
};

/* Opens the ring that is channel `channel`, from either side; maps its memory at its guest-physical address. 0;
 * -ABI_ENOENT: the channel is no ring. */
long ring_open(struct ring *ring, unsigned channel);

/* Sender: where the next bytes go, and in *room how many there is room for without a wrap: at least one, after waiting.
 * ring_put makes the first `bytes` of them known to the receiver. -ABI_EPIPE: it is full and the receiver is gone. */
long ring_room(struct ring *ring, uint8_t **at, size_t *room);
void ring_put(struct ring *ring, size_t bytes);

/* Receiver: where the next bytes are, and in *ready how many without a wrap: at least one, after waiting. ring_take gives
 * the room of the first `bytes` of them back. -ABI_EPIPE: the sender is gone, and all has been taken. */
long ring_ready(struct ring *ring, const uint8_t **at, size_t *ready);
void ring_take(struct ring *ring, size_t bytes);

/* Copies all of a buffer into the ring; as much as is there, up to `bytes`, out of it. -> bytes, or -ABI_EPIPE. */
long ring_write(struct ring *ring, const void *from, size_t bytes);
long ring_read(struct ring *ring, void *to, size_t bytes);

#endif
