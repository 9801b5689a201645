/*
 * The kernel lock: one pCPU at a time is in the part of the kernel that touches what pCPUs share. Exits that concern
 * the vCPU alone (CPUID, null hypercalls, the way to the monitor and back) never take it. Kernel entries are short and
 * run with interrupts off, so a finer lock would buy little and cost each of them more.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "kernel/cpu/pcpu.h"
#include "lib/lock.h"

extern struct lock kernel_lock;

/* The two halves where it is known that this pCPU, `pcpu`, has not got it, or has it. */
static inline void kernel_lock_take(struct pcpu *pcpu)
{
    lock_take(&kernel_lock);
    pcpu->has_lock = true;
}

static inline void kernel_lock_release(struct pcpu *pcpu)
{
    pcpu->has_lock = false;
    lock_release(&kernel_lock);
}

/* Takes it, unless this pCPU has it already. */
static inline __attribute__((always_inline)) void kernel_lock_enter(void)
{
    struct pcpu *pcpu = pcpu_this();

    if (!pcpu->has_lock)
        kernel_lock_take(pcpu);
}

/* Gives it back, if this pCPU has it. */
static inline __attribute__((always_inline)) void kernel_lock_leave(void)
{
    struct pcpu *pcpu = pcpu_this();

    if (pcpu->has_lock)
        kernel_lock_release(pcpu);
}

#endif
