/* A thread of ring 3: what the scheduler runs. It keeps no kernel stack: one that blocks has only its registers. */
#ifndef KERNEL_VM_THREAD_H
#define KERNEL_VM_THREAD_H

#include "config/abi.h"
#include "kernel/cpu/context.h"
#include "kernel/cpu/regs.h"
#include "kernel/cpu/timer.h"
#include "kernel/cpu/pcpu.h"
#include "sched/policy.h"

struct task;
struct vcpu;

struct thread {
    struct sched_entity entity; /* blocked: waits for an event or a deadline (ring 3), or for an interrupt (guest) */
    struct regs regs;           /* of ring 3, when it is not running there */
    struct task *task;
    struct vcpu *vcpu;          /* the one that it is; NULL for root */
    uint32_t who;               /* in traces; set once */
    bool parked;                /* blocked by SYS_VCPU_PARK */
    bool woken;                 /* started while it was not parked: the next park returns at once */
    struct pcpu *ran_on;        /* where it ran last; NULL: nowhere yet */
    uint64_t migrations;        /* how often that changed */
    struct list dying;          /* node in pcpu.dying */
    bool in_guest;              /* goes on in guest mode, not in ring 3 */
    uint64_t wait_mask;         /* events that end the wait in event_wait; 0 = does not wait for events */
    struct timer wake;          /* deadline of a wait */
    struct context user_context;
};

/* The pCPU in whose queue it is, where it runs, or where it ran last. */
static inline struct pcpu *thread_pcpu(const struct thread *thread)
{
    return container_of(thread->entity.home, struct pcpu, queue);
}

/* Sets up a thread of `task` that will start in ring 3 at `entry` with RDI = argument and the given stack. It floats, and
 * starts from this pCPU's queue; set entity.home and .pinned to tie it down. */
void thread_init(struct thread *thread, struct task *task, struct vcpu *vcpu, uint64_t entry, uint64_t stack,
                 uint64_t argument, uint64_t slice_ticks);

/* The kernel lock is held wherever a thread's state changes. */

/* Makes a new or blocked thread ready; see sched_wake. */
void thread_wake(struct thread *thread);

/* thread_wake, for what the current thread did for the other: if that one is ready on this pCPU now, and the current blocks
 * before anything else is run, it goes on at once with what is left of the turn. */
void thread_hand_over(struct thread *thread);

/* The current thread stops being ready; the caller goes on to thread_dispatch. */
void thread_block_current(void);

/* What the thread does now: for people, and for traces. */
enum vcpu_state thread_state_now(const struct thread *thread);

/* Ends a thread for good, running or not. When nothing of it is left on its pCPU, that pCPU calls vm_thread_gone. */
void thread_kill(struct thread *thread);

/* From now on, until it is released as often as it was held, the thread is in no queue, ready or not; if it runs, it gives
 * up its pCPU soon: then entity.running is false. */
void thread_hold(struct thread *thread);
void thread_release(struct thread *thread);

/* Lets a floating thread go on on another pCPU. */
void thread_move(struct thread *thread, struct pcpu *to);

/* Takes what is left of killed threads out of this pCPU. */
void thread_bury_dead(void);

/* Gives the pCPU to the next ready thread, or idles until there is one. The current thread, if it is still ready, is
 * put at the end of the queue. */
_Noreturn void thread_dispatch(void);

/* entry.asm: loads the registers of ring 3 and goes there. */
_Noreturn void regs_return(const struct regs *regs);
_Noreturn void regs_return_syscall(const struct regs *regs);

/* Ends a kernel entry: goes on with the current thread if there is one and its slice is not over, else dispatches. */
_Noreturn void thread_return(void);

#endif
