/*
 * Spinlock. Whoever comes first after a release takes it: no order among those that wait. A machine that is a virtual one
 * itself may have fewer CPUs under it than it shows, and handing the lock to a waiter that is not running would make all
 * others wait for that one's next turn. Taken with interrupts off; never held across a return to ring 3 or a guest.
 */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>

struct lock {
    atomic_bool taken;
};

static inline void lock_take(struct lock *l)
{
    while (atomic_exchange_explicit(&l->taken, true, memory_order_acquire))
        while (atomic_load_explicit(&l->taken, memory_order_relaxed))
            __builtin_ia32_pause();
}

static inline void lock_release(struct lock *l) { atomic_store_explicit(&l->taken, false, memory_order_release); }

#endif
