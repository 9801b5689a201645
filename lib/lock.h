/*
 * Spinlock. Whoever comes first after a release takes it: no order among those that wait. A machine that is a virtual one
 * itself may have fewer CPUs under it than it shows, and handing the lock to a waiter that is not running would make all
 * others wait for that one's next turn. But who releases it while others wait lets one of them in, for a moment, before
 * he can come back: else two CPUs in step with each other, of which one is always just inside, would go on like that for
 * ever. Taken with interrupts off; never held across a return to ring 3 or a guest.
 */
#ifndef LIB_LOCK_H
#define LIB_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>

/* Begins as all zeros. */
struct lock {
    atomic_bool taken;
    atomic_uint waiting; /* how many want it who have not got it at once */
};

/* How often the lock is looked at by who gives waiters the chance to take it. */
enum { LOCK_COURTESY = 64 };

__attribute__((noinline)) static void lock_wait(struct lock *l)
{
    atomic_fetch_add_explicit(&l->waiting, 1, memory_order_relaxed);
    do
        while (atomic_load_explicit(&l->taken, memory_order_relaxed))
            __builtin_ia32_pause();
    while (atomic_exchange_explicit(&l->taken, true, memory_order_acquire));
    atomic_fetch_sub_explicit(&l->waiting, 1, memory_order_relaxed);
}

__attribute__((noinline)) static void lock_let_in(const struct lock *l)
{
    for (unsigned i = 0; i < LOCK_COURTESY && !atomic_load_explicit(&l->taken, memory_order_relaxed); i++)
        __builtin_ia32_pause();
}

static inline void lock_take(struct lock *l)
{
    if (atomic_exchange_explicit(&l->taken, true, memory_order_acquire))
        lock_wait(l);
}

static inline void lock_release(struct lock *l)
{
    atomic_store_explicit(&l->taken, false, memory_order_release);
    if (atomic_load_explicit(&l->waiting, memory_order_relaxed))
        lock_let_in(l);
}

#endif
