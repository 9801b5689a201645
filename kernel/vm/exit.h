/*
 * The two halves of an exit that every back end goes through, with the fast path between them. They are inline because
 * exits are what a hypervisor does all day: one that the kernel answers passes through no function but its handler.
 *
 *     vcpu_exit_note(vcpu, counter);
 *     verdict = vcpu_exit_handle(vcpu, row);
 *     if (vcpu_exit_is_done(vcpu, verdict)) {
 *         RIP behind the instruction; enter
 *     }
 *     vcpu_exit_finish(vcpu, row, verdict);
 */
#ifndef KERNEL_VM_EXIT_H
#define KERNEL_VM_EXIT_H

#include "kernel/cpu/trace.h"
#include "kernel/vm/vcpu.h"

/* Counts and traces an exit. vcpu->exit_reason and vcpu->rip are set; `counter` is its index in vcpu.exit_count. */
static inline __attribute__((always_inline)) void vcpu_exit_note(struct vcpu *vcpu, unsigned counter)
{
    vcpu->exits++;
    vcpu->exit_count[counter]++;
    trace(TRACE_EXIT, vcpu->thread.who, vcpu->exit_reason, vcpu->rip);
}

/* What is to be done about an exit, by its handler. */
static inline enum verdict vcpu_exit_handle(struct vcpu *vcpu, const struct exit_row *row)
{
    return row->handler ? row->handler(vcpu) : VERDICT_MONITOR;
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
