/*
 * The two halves of an exit that every back end goes through, with the fast path between them. They are inline because
 * exits are what a hypervisor does all day: one that the kernel answers passes through no function but its handler.
 *
 *     verdict = vcpu_exit_handle(vcpu, counter, row);
 *     if (vcpu_exit_is_done(vcpu, verdict)) {
 *         RIP behind the instruction; enter
 *     }
 *     vcpu_exit_finish(vcpu, row, verdict);
 */
#ifndef KERNEL_VM_EXIT_H
#define KERNEL_VM_EXIT_H

#include "kernel/cpu/trace.h"
#include "kernel/vm/vcpu.h"

/*
 * Counts and traces an exit, and lets its handler decide. vcpu->exit_reason and vcpu->rip are set; `counter` is its index in
 * vcpu.exit_count.
 */
static inline __attribute__((always_inline)) enum verdict
vcpu_exit_handle(struct vcpu *vcpu, unsigned counter, const struct exit_row *row)
{
    vcpu->exits++;
    vcpu->exit_count[counter]++;
    if (!row->handler) {
        trace(TRACE_MONITOR, vcpu->thread.who, vcpu->exit_reason, vcpu->rip);
        return VERDICT_MONITOR;
    }
    trace(TRACE_EXIT, vcpu->thread.who, vcpu->exit_reason, vcpu->rip);
    return row->handler(vcpu);
}

/*
 * Whether the guest can be entered again right behind its instruction. Whoever has something to be seen to before sets
 * `attention`; who unmaps guest memory, or ends the timeslice, does that from another pCPU or from an interrupt, and both
 * are exits of their own.
 */
static inline bool vcpu_exit_is_done(const struct vcpu *vcpu, enum verdict verdict)
{
    return verdict == VERDICT_ANSWERED && vcpu->attention == 0;
}

#endif
