/* Ticket spinlock: first come, first served. Taken with interrupts off; never held across a return to ring 3 or a guest. */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

struct lock {
    _Atomic uint32_t next, owner;
};

static inline void lock_take(struct lock *l)
{
    uint32_t ticket = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);

    while (atomic_load_explicit(&l->owner, memory_order_acquire) != ticket)
        __builtin_ia32_pause();
}

static inline void lock_release(struct lock *l)
{
    uint32_t owner = atomic_load_explicit(&l->owner, memory_order_relaxed);

    atomic_store_explicit(&l->owner, owner + 1, memory_order_release);
}

#endif
