#include "kernel/vm/thread.h"

#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/space.h"
#include "kernel/cpu/trace.h"
#include "kernel/lock.h"
#include "kernel/vm/task.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "lib/x86.h"

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
    sched_entity_init(&thread->entity, &pcpu_this()->queue, slice_ticks);
    context_init(&thread->user_context);
    list_init(&thread->dying);
    thread->task = task;
    thread->vcpu = vcpu;
    thread->who = TRACE_ROOT;
    thread->wake.expire = wake_at_deadline;
    thread->regs.rip = entry;
    thread->regs.rsp = stack;
    thread->regs.rdi = argument;
    thread->regs.cs = SEL_USER_CS;
    thread->regs.ss = SEL_USER_DS;
    thread->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
}

/* The pCPU of that queue, if it is one, has to look at it again soon. */
static void look_again(struct sched_queue *queue)
{
    struct pcpu *pcpu;

    if (!queue)
        return;
    pcpu = container_of(queue, struct pcpu, queue);
    pcpu->resched = true;
    pcpu_kick(pcpu);
}

void thread_wake(struct thread *thread)
{
    unsigned home = thread_pcpu(thread)->id;
    bool waits = thread->entity.state == SCHED_NEW || thread->entity.state == SCHED_BLOCKED;
    struct sched_queue *queue = sched_wake(&thread->entity, x86_rdtsc());

    if (waits && !thread->entity.running)
        trace(TRACE_WAKE, thread->who, thread_pcpu(thread)->id, home);
    look_again(queue);
}

void thread_hold(struct thread *thread) { look_again(sched_hold(&thread->entity)); }

void thread_release(struct thread *thread) { look_again(sched_release(&thread->entity, x86_rdtsc())); }

void thread_move(struct thread *thread, struct pcpu *to)
{
    if (!thread->entity.running)
        trace(TRACE_MOVE, thread->who, to->id, thread_pcpu(thread)->id);
    look_again(sched_move(&thread->entity, &to->queue));
}

void thread_hand_over(struct thread *thread)
{
    struct sched_queue *queue = &pcpu_this()->queue;

    thread_wake(thread);
    if (thread->entity.queue == queue)
        sched_name_heir(queue, &thread->entity);
}

/* Its VM may have ended on another pCPU, while this one waited for the lock. */
void thread_block_current(void)
{
    struct sched_entity *entity = &pcpu_this()->current->entity;

    if (entity->state == SCHED_READY)
        entity->state = SCHED_BLOCKED;
}

void thread_kill(struct thread *thread)
{
    if (thread->entity.state == SCHED_DEAD)
        return;
    sched_kill(&thread->entity);
    list_push_back(&thread_pcpu(thread)->dying, &thread->dying);
    look_again(thread->entity.home);
}

enum vcpu_state thread_state_now(const struct thread *thread)
{
    static const enum vcpu_state states[] = {
        [SCHED_NEW] = VCPU_STATE_NEW,
        [SCHED_READY] = VCPU_STATE_READY,
        [SCHED_BLOCKED] = VCPU_STATE_BLOCKED,
        [SCHED_DEAD] = VCPU_STATE_DEAD,
    };

    const struct sched_entity *entity = &thread->entity;

    if (entity->state == SCHED_READY && entity->running)
        return thread->in_guest ? VCPU_STATE_GUEST : VCPU_STATE_MONITOR;
    return entity->state == SCHED_READY && entity->holds ? VCPU_STATE_PAUSED : states[entity->state];
}

/* Takes out of this pCPU's registers what belongs to the thread, so that it can go on elsewhere, or be freed. */
static void leave_pcpu(struct thread *thread)
{
    context_unload(&thread->user_context);
    if (thread->vcpu)
        vcpu_unload(thread->vcpu);
}

/* What they wait for goes only here: one that ran when its VM ended may have begun to wait after that. */
void thread_bury_dead(void)
{
    struct pcpu *pcpu = pcpu_this();

    while (!list_is_empty(&pcpu->dying)) {
        struct thread *thread = container_of(pcpu->dying.next, struct thread, dying);

        list_remove(&thread->dying);
        timer_disarm(&thread->wake);
        wait_cancel(&thread->vcpu->wait);
        leave_pcpu(thread);
        vm_thread_gone(thread->vcpu->vm);
    }
}

/* The thread runs no more. One that may move takes all that it has with it. */
static inline void put(struct pcpu *pcpu, struct thread *thread, uint64_t now, uint64_t started)
{
    struct sched_queue *queue;

    if (thread->in_guest)
        context_save_cr2(&thread->vcpu->guest_context);
    pcpu->current = NULL;
    if (!thread->entity.pinned && pcpu_count > 1)
        leave_pcpu(thread);
    queue = sched_put(&thread->entity, now);
    trace_at(now, TRACE_STOP, thread->who, now - started, thread_state_now(thread));
    if (thread_pcpu(thread) != pcpu)
        trace(TRACE_MOVE, thread->who, thread_pcpu(thread)->id, pcpu->id);
    look_again(queue);
}

/* Sleeps until there is something to run. What is left of dead tasks in CR3 goes first. */
static struct thread *pick(struct pcpu *pcpu)
{
    for (;;) {
        struct sched_entity *next;
        struct thread *thread;
        unsigned victim;

        thread_bury_dead();
        next = sched_pick(&pcpu->queue, x86_rdtsc(), &victim);
        if (next) {
            thread = container_of(next, struct thread, entity);
            if (victim != pcpu->id)
                trace_at(pcpu->queue.started, TRACE_STEAL, thread->who, victim, 0); /* no later than TRACE_SWITCH */
            return thread;
        }
        space_load(pcpu, &space_kernel);
        timer_set_hardware();
        kernel_lock_leave();
        x86_wait_for_interrupt();
        kernel_lock_enter();
        sched_awake(&pcpu->queue);
    }
}

static inline __attribute__((always_inline)) _Noreturn void resume(struct thread *thread)
{
    if (thread->in_guest)
        vcpu_enter(thread->vcpu);
    context_load_lazily(&thread->user_context);
    kernel_lock_leave();
    regs_return(&thread->regs);
}

static inline void switch_to(struct pcpu *pcpu, struct thread *thread)
{
    trace_at(pcpu->queue.started, TRACE_SWITCH, thread->who, thread->in_guest, 0);
    pcpu->current = thread;
    pcpu->regs = &thread->regs;
    context_close_fpu();
    if (thread->in_guest)
        context_load_cr2(&thread->vcpu->guest_context);
    thread->migrations += thread->ran_on && thread->ran_on != pcpu;
    thread->ran_on = pcpu;
    space_load(pcpu, &thread->task->space);
}

/* The current thread has blocked and its heir goes on: the same turn, so the timer stays as it is. */
static _Noreturn void pass_on(struct pcpu *pcpu)
{
    struct thread *from = pcpu->current, *to;
    uint64_t now = x86_rdtsc(), started = pcpu->queue.started;

    to = container_of(sched_inherit(&pcpu->queue, now), struct thread, entity);
    to->entity.running = true;
    put(pcpu, from, now, started);
    switch_to(pcpu, to);
    if (to->vcpu)
        to->vcpu->attention |= ATTENTION_SLICE;
    resume(to);
}

_Noreturn void thread_dispatch(void)
{
    struct pcpu *pcpu = pcpu_this();
    uint64_t now, started = pcpu->queue.started;
    struct thread *next;

    kernel_lock_enter();
    if (pcpu->queue.heir && pcpu->current && pcpu->current->entity.state == SCHED_BLOCKED && !pcpu->resched)
        pass_on(pcpu);
    now = x86_rdtsc();
    sched_stop(&pcpu->queue, now);
    if (pcpu->current)
        put(pcpu, pcpu->current, now, started);
    next = pick(pcpu);
    pcpu->resched = false; /* whatever there was to look at, pick has seen it */
    switch_to(pcpu, next);
    timer_set_hardware();
    resume(next);
}

_Noreturn void thread_return(void)
{
    struct pcpu *pcpu = pcpu_this();

    if (!pcpu->current || pcpu->resched || pcpu->current->entity.state != SCHED_READY)
        thread_dispatch();
    resume(pcpu->current);
}
