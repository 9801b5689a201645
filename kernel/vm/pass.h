/*
 * Passing the pCPU on: the current vCPU blocks, and another that was blocked goes on in its place, from guest to guest. It
 * is the frequent case of a message, so all of this is inline, and leaves out what a switch by the scheduler has to do: no
 * run queue is touched, for nobody else's turn comes; nor the timer, for it is the same turn.
 *
 *     if (pass_is_possible(pcpu, other)) { ...; pass_on(pcpu, other); return VERDICT_PASS; }
 *
 * The back end then goes on with pcpu->current, by pass_enter if it knows a short way, else by vcpu_exit_finish.
 */
#ifndef KERNEL_VM_PASS_H
#define KERNEL_VM_PASS_H

#include "kernel/cpu/space.h"
#include "kernel/cpu/trace.h"
#include "kernel/lock.h"
#include "kernel/vm/vm.h"
#include "kernel/vm/vcpu.h"

/*
 * Whether `other`, which is blocked in guest mode, could be entered here with nothing to be seen to before: its control
 * block is still active on this pCPU, which is its home, no event waits for it, and no translation is stale. And neither
 * it nor the current vCPU has to leave this pCPU. Under the kernel lock, as pass_on.
 */
static inline bool pass_is_possible(const struct pcpu *pcpu, const struct vcpu *other)
{
    return other->loaded_on == pcpu && other->thread.entity.home == &pcpu->queue && other->attention == 0 && other->thread.entity.holds == 0 &&
           other->npt_generation == other->vm->memory.generation && !pcpu->resched &&
           (pcpu_count == 1 || pcpu->current->entity.pinned);
}

/* Makes the other vCPU's thread the current one, with what is left of the turn. */
static inline void pass_on(struct pcpu *pcpu, struct vcpu *other)
{
    struct thread *from = pcpu->current, *to = &other->thread;
    uint64_t now = x86_rdtsc();

    trace_ring_put(&pcpu->trace, now, TRACE_PASS, to->who, now - pcpu->queue.started, from->who);
    sched_pass(&pcpu->queue, &to->entity, now);
    from->entity.state = SCHED_BLOCKED;
    from->entity.running = false;
    to->entity.state = SCHED_READY;
    to->entity.running = true;
    pcpu->current = to;
    pcpu->regs = &to->regs;
    context_save_cr2(&from->vcpu->guest_context);
    context_load_cr2(&other->guest_context);
    pcpu->space_loaded = other->vm->task.space.root.value;
    x86_write_cr3(pcpu->space_loaded);
}

/* For the back end's short way, behind VERDICT_PASS: the vCPU to enter, once its control block is the current one and the
 * tick in guest mode is set. What is left to do is its own, and context_load or context_pass. */
static inline struct vcpu *pass_enter(struct pcpu *pcpu)
{
    struct vcpu *vcpu = pcpu->current->vcpu;

    *pcpu_exit_slots(pcpu) = (struct exit_slots){vcpu->page->gpr, vcpu};
    pcpu->vcpu_loaded = vcpu;
    kernel_lock_release(pcpu);
    return vcpu;
}

#endif
