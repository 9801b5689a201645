/*
 * The monitor's lock: of its threads, one per vCPU, one at a time is outside SYS_VCPU_RUN. Devices, reports and newlib
 * need no locks of their own then.
 */
#ifndef VMM_MONITOR_LOCK_H
#define VMM_MONITOR_LOCK_H

#include <stdatomic.h>

#include "vmm/lib/syscall.h"

extern atomic_flag monitor_lock;

/* Waits by giving up the pCPU, until it has the lock: who has it may be waiting for this very one. */
void lock_wait(void);

static inline void lock_take(void)
{
    if (atomic_flag_test_and_set_explicit(&monitor_lock, memory_order_acquire))
        lock_wait();
}

static inline void lock_release(void) { atomic_flag_clear_explicit(&monitor_lock, memory_order_release); }

#endif
