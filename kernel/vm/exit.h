/*
 * The two halves of an exit that every back end goes through, with the fast path between them. They are inline because
 * exits are what a hypervisor does all day: one that the kernel answers passes through no function but its handler.
 *
 *     verdict = vcpu_exit_handle(vcpu, counter, row);
 *     if (vcpu_exit_is_done(vcpu, verdict)) {
 *         RIP behind the instruction; enter
 *     }
 *     vcpu_exit_finish(vcpu, row, verdict);
 *
 * The way to the monitor is here, too, for it is the next in frequency.
 */
#ifndef KERNEL_VM_EXIT_H
#define KERNEL_VM_EXIT_H

#include "kernel/cpu/trace.h"
#include "kernel/vm/vcpu.h"

/* Counts and traces an exit. vcpu->exit_reason and vcpu->rip are set; `counter` is its index in vcpu.exit_count. */
static inline __attribute__((always_inline)) void vcpu_exit_note(struct vcpu *vcpu, size_t counter, enum trace_kind kind)
{
    uint64_t now = x86_rdtsc(); /* first: so it is out of the way of the other registers */

    vcpu->exits++;
    vcpu->exit_count[counter]++;
    trace_at(now, kind, vcpu->thread.who, vcpu->exit_reason, vcpu->rip);
}

/* The same, and then lets the exit's handler decide. */
static inline __attribute__((always_inline)) enum verdict
vcpu_exit_handle(struct vcpu *vcpu, size_t counter, const struct exit_row *row)
{
    if (!row->handler) {
        vcpu_exit_note(vcpu, counter, TRACE_MONITOR);
        return VERDICT_MONITOR;
    }
    vcpu_exit_note(vcpu, counter, TRACE_EXIT);
    return row->handler(vcpu);
}

/*
 * Whether the guest can be entered again right behind its instruction. Whoever has something to be seen to before sets
 * `attention`; who unmaps guest memory, or ends the timeslice, does that from another pCPU or from an interrupt, and both
 * are exits of their own.
 */
_Static_assert(VERDICT_ANSWERED == 0, "both conditions in one");

static inline bool vcpu_exit_is_done(const struct vcpu *vcpu, enum verdict verdict)
{
    return (verdict | vcpu->attention) == 0;
}

/*
 * The two parts of a way to the monitor, around what the back end reads out of the control block: what is known of the exit;
 * and the return to ring 3, where vcpu_run gives 0. No thread_return: other pCPUs that want something of this one also kick
 * it. `quickly` is for exits that no handler has looked at, so that the kernel lock is free.
 */
static inline __attribute__((always_inline)) struct exit_record *vcpu_exit_record(struct vcpu *vcpu,
                                                                                 const struct exit_row *row)
{
    struct exit_record *record = &vcpu->page->exit;

    vcpu->exits_monitor++;
    record->reason = vcpu->exit_reason;
    record->rip = vcpu->rip;
    record->groups = row->groups;
    return record;
}

static inline __attribute__((always_inline)) _Noreturn void vcpu_exit_to_monitor(struct vcpu *vcpu, bool quickly)
{
    context_save_cr2(&vcpu->guest_context);
    vcpu->thread.in_guest = false;
    vcpu->thread.regs.rax = 0;
    if (!quickly || vcpu->guest_context.eager)
        vcpu_exit_switch_context(vcpu);
    regs_return_syscall(&vcpu->thread.regs);
}

/* The inverse: the thread is in the guest from now on. */
static inline __attribute__((always_inline)) void vcpu_run_note(struct vcpu *vcpu)
{
    trace(TRACE_RUN, vcpu->thread.who, 0, 0);
    context_load_cr2(&vcpu->guest_context);
    vcpu->thread.in_guest = true;
}

#endif
