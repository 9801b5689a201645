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
    sched_entity_init(&thread->entity, slice_ticks);
    context_init(&thread->user_context);
    list_init(&thread->dying);
    thread->task = task;
    thread->vcpu = vcpu;
    thread->who = TRACE_ROOT;
    thread->pcpu = pcpu_this();
    thread->wake.expire = wake_at_deadline;
    thread->regs.rip = entry;
    thread->regs.rsp = stack;
    thread->regs.rdi = argument;
    thread->regs.cs = SEL_USER_CS;
    thread->regs.ss = SEL_USER_DS;
    thread->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
}

/* Where a thread that gets ready goes: home, unless that is busy, another pCPU is idle, and it may move. */
static struct pcpu *place(struct thread *thread)
{
    if (thread->pinned || thread->pcpu->idle)
        return thread->pcpu;
    for (unsigned i = 0; i < pcpu_count; i++)
        if (pcpus[i]->idle)
            return pcpus[i];
    return thread->pcpu;
}

/* Puts a ready thread that does not run into the queue of its pCPU, which may have to wake up for it. */
static void enqueue(struct thread *thread)
{
    if (thread->holds)
        return;
    sched_ready(&thread->pcpu->queue, &thread->entity, x86_rdtsc());
    if (thread->pcpu->idle) {
        thread->pcpu->idle = false;
        pcpu_kick(thread->pcpu);
    }
}

void thread_wake(struct thread *thread)
{
    struct pcpu *home;

    if (thread->state != THREAD_NEW && thread->state != THREAD_BLOCKED)
        return;
    thread->state = THREAD_READY;
    if (thread->running)
        return; /* it was about to leave its pCPU, and now it stays */
    home = thread->pcpu;
    thread->pcpu = place(thread);
    trace(TRACE_WAKE, thread->who, thread->pcpu->id, home->id);
    enqueue(thread);
}

/* Makes the pCPU that runs the thread look at it again soon. */
static void interrupt_turn(struct thread *thread)
{
    thread->pcpu->resched = true;
    pcpu_kick(thread->pcpu);
}

void thread_hold(struct thread *thread)
{
    thread->holds++;
    if (thread->running)
        interrupt_turn(thread);
    else
        sched_remove(&thread->entity);
}

void thread_release(struct thread *thread)
{
    if (--thread->holds == 0 && thread->state == THREAD_READY && !thread->running)
        enqueue(thread);
}

void thread_move(struct thread *thread, struct pcpu *to)
{
    if (thread->running) {
        thread->move_to = to;
        interrupt_turn(thread);
        return;
    }
    trace(TRACE_MOVE, thread->who, to->id, thread->pcpu->id);
    thread->pcpu = to;
    if (thread->state == THREAD_READY && !thread->holds) {
        sched_remove(&thread->entity);
        enqueue(thread);
    }
}

void thread_hand_over(struct thread *thread)
{
    struct sched_queue *queue = &pcpu_this()->queue;

    thread_wake(thread);
    if (thread->entity.queue == queue)
        sched_name_heir(queue, &thread->entity);
}

void thread_block_current(void) { pcpu_this()->current->state = THREAD_BLOCKED; }

void thread_kill(struct thread *thread)
{
    if (thread->state == THREAD_DEAD)
        return;
    if (thread->state == THREAD_READY && !thread->running)
        sched_remove(&thread->entity);
    thread->state = THREAD_DEAD;
    timer_disarm(&thread->wake);
    list_push_back(&thread->pcpu->dying, &thread->dying);
    interrupt_turn(thread);
}

enum vcpu_state thread_state_now(const struct thread *thread)
{
    static const enum vcpu_state states[] = {
        [THREAD_NEW] = VCPU_STATE_NEW,
        [THREAD_READY] = VCPU_STATE_READY,
        [THREAD_BLOCKED] = VCPU_STATE_BLOCKED,
        [THREAD_DEAD] = VCPU_STATE_DEAD,
    };

    if (thread->state == THREAD_READY && thread->running)
        return thread->in_guest ? VCPU_STATE_GUEST : VCPU_STATE_MONITOR;
    return thread->state == THREAD_READY && thread->holds ? VCPU_STATE_PAUSED : states[thread->state];
}

/* Takes out of this pCPU's registers what belongs to the thread, so that it can go on elsewhere, or be freed. */
static void leave_pcpu(struct thread *thread)
{
    context_unload(&thread->user_context);
    if (thread->vcpu)
        vcpu_unload(thread->vcpu);
}

void thread_bury_dead(void)
{
    struct pcpu *pcpu = pcpu_this();

    while (!list_is_empty(&pcpu->dying)) {
        struct thread *thread = container_of(pcpu->dying.next, struct thread, dying);

        list_remove(&thread->dying);
        leave_pcpu(thread);
        vm_thread_gone(thread->vcpu->vm);
    }
}

/* The thread runs no more: it goes to the end of the queue if it is still ready. One that may move takes all that it has
 * with it. */
static inline void put(struct pcpu *pcpu, struct thread *thread, uint64_t now, uint64_t started)
{
    if (thread->in_guest)
        context_save_cr2(&thread->vcpu->guest_context);
    pcpu->current = NULL;
    thread->running = false;
    trace_at(now, TRACE_STOP, thread->who, now - started, thread_state_now(thread));
    if (!thread->pinned && pcpu_count > 1)
        leave_pcpu(thread);
    if (thread->move_to) {
        trace(TRACE_MOVE, thread->who, thread->move_to->id, pcpu->id);
        thread->pcpu = thread->move_to;
        thread->move_to = NULL;
    }
    if (thread->state == THREAD_READY)
        enqueue(thread);
}

/* A ready thread of the pCPU with the longest queue that may move, or NULL. */
static struct sched_entity *steal(struct pcpu *thief)
{
    struct pcpu *victim = NULL;
    struct list *node;

    for (unsigned i = 0; i < pcpu_count; i++)
        if (pcpus[i] != thief && (!victim || pcpus[i]->queue.length > victim->queue.length))
            victim = pcpus[i];
    if (!victim || victim->queue.length == 0)
        return NULL;
    for (node = victim->queue.ready.next; node != &victim->queue.ready; node = node->next) {
        struct sched_entity *entity = container_of(node, struct sched_entity, node);
        struct thread *thread = container_of(entity, struct thread, entity);

        if (thread->pinned)
            continue;
        sched_remove(entity);
        trace(TRACE_STEAL, thread->who, victim->id, 0);
        thread->pcpu = thief;
        sched_ready(&thief->queue, entity, entity->ready_since);
        return sched_rr_pick(&thief->queue, x86_rdtsc());
    }
    return NULL;
}

/* Sleeps until there is something to run. What is left of dead tasks in CR3 goes first. */
static struct sched_entity *pick(struct pcpu *pcpu)
{
    for (;;) {
        struct sched_entity *next;

        thread_bury_dead();
        next = sched_rr_pick(&pcpu->queue, x86_rdtsc());
        if (!next)
            next = steal(pcpu);
        if (next)
            return next;
        space_load(pcpu, &space_kernel);
        timer_set_hardware();
        pcpu->idle = true;
        kernel_lock_leave();
        x86_wait_for_interrupt();
        kernel_lock_enter();
        pcpu->idle = false;
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
    thread->running = true;
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

    kernel_lock_enter();
    if (pcpu->queue.heir && pcpu->current && pcpu->current->state == THREAD_BLOCKED && !pcpu->resched)
        pass_on(pcpu);
    now = x86_rdtsc();
    sched_stop(&pcpu->queue, now);
    if (pcpu->current)
        put(pcpu, pcpu->current, now, started);
    pcpu->resched = false;
    switch_to(pcpu, container_of(pick(pcpu), struct thread, entity));
    timer_set_hardware();
    resume(pcpu->current);
}

_Noreturn void thread_return(void)
{
    struct pcpu *pcpu = pcpu_this();

    if (!pcpu->current || pcpu->resched || pcpu->current->state != THREAD_READY)
        thread_dispatch();
    resume(pcpu->current);
}
