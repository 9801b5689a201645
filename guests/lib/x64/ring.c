#include "guests/lib/x64/ring.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "guests/lib/common/message.h"

enum { PAGE = 4096, PAGE_TABLE = 0x07, PAGE_2M = PAGE_TABLE | 0x80, ENTRIES = 512, GIB_SHIFT = 30 };

/* Maps the window's GiB to itself by 2 MiB pages: crt0 has mapped the first GiB only. */
static void map_window(void)
{
    static uint64_t directory[ENTRIES] __attribute__((aligned(PAGE)));
    const uint64_t mask = ~(uint64_t)(PAGE - 1);
    uint64_t cr3, *pdpt;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    pdpt = (uint64_t *)(*(uint64_t *)(cr3 & mask) & mask);
    for (uint64_t i = 0; i < ENTRIES; i++)
        directory[i] = (RING_WINDOW + (i << 21)) | PAGE_2M;
    pdpt[RING_WINDOW >> GIB_SHIFT] = (uint64_t)directory | PAGE_TABLE;
    __asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
}

long ring_open(struct ring *ring, unsigned channel)
{
    enum channel_kind kind = (enum channel_kind)channel_kind(channel);
    uint8_t *base = (uint8_t *)(RING_WINDOW + channel * RING_STRIDE);
    struct ring_side *receiver = (struct ring_side *)(base + RING_PAGE_RECEIVER * PAGE);
    struct ring_side *sender = (struct ring_side *)(base + RING_PAGE_SENDER * PAGE);
    bool sends = kind == CHANNEL_RING_SEND;

    if (!sends && kind != CHANNEL_RING_RECEIVE)
        return -ABI_ENOENT;
    map_window();
    *ring = (struct ring){
        .channel = channel,
        .own = sends ? sender : receiver,
        .other = sends ? receiver : sender,
        .data = base + RING_PAGE_DATA * PAGE,
        .bytes = (uint64_t)channel_size(channel) * PAGE,
    };
    ring->own_count = ring->own->count;
    return 0;
}

/* How far the other side is ahead or behind, at most the ring's size, whatever it writes. */
static inline uint64_t distance(const struct ring *ring, uint64_t head, uint64_t tail)
{
    uint64_t n = tail - head;

    return n <= ring->bytes ? n : 0;
}

static inline uint64_t room(const struct ring *ring)
{
    return ring->bytes - distance(ring, atomic_load_explicit(&ring->other->count, memory_order_acquire), ring->own_count);
}

static inline uint64_t ready(const struct ring *ring)
{
    return distance(ring, ring->own_count, atomic_load_explicit(&ring->other->count, memory_order_acquire));
}

/* Until amount(ring) is not 0. Having said that it sleeps, it looks once more: the other side looks at that after it has
 * moved its counter, so one of the two sees the other. */
static long wait_for(struct ring *ring, uint64_t (*amount)(const struct ring *))
{
    struct message bell;
    long error = 0;

    while (amount(ring) == 0 && error == 0) {
        ring->own->sleep++;
        atomic_thread_fence(memory_order_seq_cst);
        if (amount(ring) == 0)
            error = message_receive(ring->channel, &bell, CHANNEL_FOR_EVER);
        ring->own->sleep++;
    }
    return amount(ring) ? 0 : error; /* what the other did before its end counts */
}

/* Makes a new counter known, and rings if the other side sleeps, once for each sleep. */
static inline __attribute__((always_inline)) void advance(struct ring *ring, size_t bytes)
{
    static const struct message bell;
    uint64_t sleep;

    ring->own_count += bytes;
    atomic_store_explicit(&ring->own->count, ring->own_count, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    sleep = atomic_load_explicit(&ring->other->sleep, memory_order_relaxed);
    if (sleep % 2 == 0 || sleep == ring->rung)
        return;
    ring->rung = sleep;
    message_send(ring->channel, &bell, 0); /* a bell that has been rung already is as good */
}

/* The piece that does not wrap. */
static inline size_t piece(const struct ring *ring, uint64_t bytes)
{
    uint64_t to_end = ring->bytes - (ring->own_count & (ring->bytes - 1));

    return bytes < to_end ? bytes : to_end;
}

static inline uint8_t *here(const struct ring *ring) { return ring->data + (ring->own_count & (ring->bytes - 1)); }

static inline __attribute__((always_inline)) long find_room(struct ring *ring, uint8_t **at, size_t *bytes)
{
    uint64_t n = room(ring);
    long error = 0;

    if (n == 0) {
        error = wait_for(ring, room);
        n = room(ring);
    }
    *at = here(ring);
    *bytes = piece(ring, n);
    return error;
}

static inline __attribute__((always_inline)) long find_ready(struct ring *ring, const uint8_t **at, size_t *bytes)
{
    uint64_t n = ready(ring);
    long error = 0;

    if (n == 0) {
        error = wait_for(ring, ready);
        n = ready(ring);
    }
    *at = here(ring);
    *bytes = piece(ring, n);
    return error;
}

long ring_room(struct ring *ring, uint8_t **at, size_t *bytes) { return find_room(ring, at, bytes); }

void ring_put(struct ring *ring, size_t bytes) { advance(ring, bytes); }

long ring_ready(struct ring *ring, const uint8_t **at, size_t *bytes) { return find_ready(ring, at, bytes); }

void ring_take(struct ring *ring, size_t bytes) { advance(ring, bytes); }

long ring_write(struct ring *ring, const void *from, size_t bytes)
{
    const uint8_t *next = from;
    size_t left = bytes;

    while (left > 0) {
        uint8_t *at;
        size_t n;
        long error = find_room(ring, &at, &n);

        if (error)
            return error;
        n = n < left ? n : left;
        memcpy(at, next, n);
        advance(ring, n);
        next += n;
        left -= n;
    }
    return (long)bytes;
}

long ring_read(struct ring *ring, void *to, size_t bytes)
{
    const uint8_t *at;
    size_t n;
    long error = find_ready(ring, &at, &n);

    if (error)
        return error;
    n = n < bytes ? n : bytes;
    memcpy(to, at, n);
    advance(ring, n);
    return (long)n;
}
