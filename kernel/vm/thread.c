#include "kernel/vm/thread.h"

#include "kernel/cpu/pcpu.h"
#include "kernel/vm/task.h"
#include "kernel/vm/vcpu.h"
#include "lib/string.h"
#include "lib/x86.h"

_Noreturn void regs_return(const struct regs *regs);

static void wake_at_deadline(struct timer *timer)
{
    struct thread *thread = container_of(timer, struct thread, wake);

    thread->wait_mask = 0;
    thread->task->waiter = NULL;
    thread->regs.rax = (uint64_t)-ABI_ETIME;
    thread_wake(thread);
}

void thread_init(struct thread *thread, struct task *task, struct vcpu *vcpu, uint64_t entry, uint64_t stack,
                 uint64_t argument, uint64_t slice_ticks)
{
    memset(thread, 0, sizeof *thread);
    sched_entity_init(&thread->entity, slice_ticks);
    context_init(&thread->user_context);
    thread->task = task;
    thread->vcpu = vcpu;
    thread->wake.expire = wake_at_deadline;
    thread->regs.rip = entry;
    thread->regs.rsp = stack;
    thread->regs.rdi = argument;
    thread->regs.cs = SEL_USER_CS;
    thread->regs.ss = SEL_USER_DS;
    thread->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
}

void thread_wake(struct thread *thread)
{
    if (thread->state != THREAD_NEW && thread->state != THREAD_BLOCKED)
        return;
    thread->state = THREAD_READY;
    sched_ready(&pcpu_this()->queue, &thread->entity);
}

void thread_block_current(void) { pcpu_this()->current->state = THREAD_BLOCKED; }

void thread_kill(struct thread *thread)
{
    if (thread->state == THREAD_READY && thread != pcpu_this()->current)
        sched_remove(&thread->entity);
    thread->state = THREAD_DEAD;
    timer_disarm(&thread->wake);
}

static _Noreturn void resume(struct thread *thread)
{
    if (thread->in_guest)
        vcpu_enter(thread->vcpu);
    context_load(&thread->user_context);
    regs_return(&thread->regs);
}

static void switch_to(struct pcpu *pcpu, struct thread *thread)
{
    pcpu->current = thread;
    pcpu->frame_end = (uint64_t)(&thread->regs + 1);
    if (pcpu->space_loaded != thread->task->space.root.value) {
        pcpu->space_loaded = thread->task->space.root.value;
        x86_write_cr3(pcpu->space_loaded);
    }
    timer_set_hardware();
}

_Noreturn void thread_dispatch(void)
{
    struct pcpu *pcpu = pcpu_this();
    struct sched_entity *next;

    sched_stop(&pcpu->queue, x86_rdtsc());
    if (pcpu->current && pcpu->current->state == THREAD_READY)
        sched_ready(&pcpu->queue, &pcpu->current->entity);
    pcpu->current = NULL;
    while (!(next = sched_rr_pick(&pcpu->queue, x86_rdtsc()))) {
        timer_set_hardware();
        x86_wait_for_interrupt();
    }
    pcpu->resched = false;
    switch_to(pcpu, container_of(next, struct thread, entity));
    resume(pcpu->current);
}

_Noreturn void thread_return(void)
{
    struct pcpu *pcpu = pcpu_this();

    if (!pcpu->current || pcpu->resched || pcpu->current->state != THREAD_READY)
        thread_dispatch();
    resume(pcpu->current);
}
