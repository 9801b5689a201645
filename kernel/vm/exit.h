/*
 * The two halves of an exit that every back end goes through, with the fast path between them. They are inline because
 * exits are what a hypervisor does all day: one that the kernel answers passes through no function but its handler.
 *
 *     verdict = vcpu_exit_handle(vcpu, row);
 *     if (vcpu_exit_can_resume(vcpu, verdict)) {
 *         RIP behind the instruction; enter
 *     }
 *     vcpu_exit_finish(vcpu, row, verdict);
 */
#ifndef KERNEL_VM_EXIT_H
#define KERNEL_VM_EXIT_H

#include "kernel/cpu/pcpu.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

static inline void vcpu_exit_trace(const struct vcpu *vcpu)
{
    struct pcpu *pcpu = pcpu_this();
    unsigned i = pcpu->exit_trace_next;

    pcpu->exit_trace[i] = (struct exit_trace){vcpu->exit_reason, vcpu->rip, vcpu->vm->id, vcpu->id};
    pcpu->exit_trace_next = (i + 1) % EXIT_TRACE_ENTRIES;
}

/* Counts and notes an exit, and lets its handler decide. vcpu->exit_reason and vcpu->rip are set. */
static inline enum verdict vcpu_exit_handle(struct vcpu *vcpu, const struct exit_row *row)
{
    vcpu->exits++;
    vcpu_exit_trace(vcpu);
    return row->handler ? row->handler(vcpu) : VERDICT_MONITOR;
}

/*
 * Whether the guest can go on behind its instruction at once, as nothing is to be seen to before: nothing is pending, no
 * translation may be stale, the handler had no need of the kernel lock. That the timeslice is over is seen elsewhere: it
 * takes an interrupt, which is an exit of its own.
 */
static inline bool vcpu_exit_can_resume(const struct vcpu *vcpu, enum verdict verdict)
{
    return verdict == VERDICT_SKIP && vcpu->attention == 0 &&
           vcpu->npt_generation == vcpu->vm->memory.generation && !pcpu_this()->has_lock;
}

#endif
