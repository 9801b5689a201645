#include "kernel/ipc/wait.h"

#include "kernel/ipc/transfer.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/virt_ops.h"

static struct vcpu *vcpu_of(struct wait *wait) { return container_of(wait, struct vcpu, wait); }

/* The queue is through with it. */
static void done(struct queue_waiter *waiter, int result, const struct message *message)
{
    struct wait *wait = container_of(waiter, struct wait, waiter);
    struct vcpu *vcpu = vcpu_of(wait);

    if (message)
        result = wait->way == WAIT_MEMORY ? transfer_to_memory(vcpu->vm, wait->buffer, message) : transfer_to_registers(vcpu, message);
    vcpu->page->gpr[GPR_RAX] = (uint64_t)(int64_t)result;
    timer_disarm(&wait->deadline);
    thread_hand_over(&vcpu->thread);
}

static void deadline_passed(struct timer *timer)
{
    struct wait *wait = container_of(timer, struct wait, deadline);
    struct vcpu *vcpu = vcpu_of(wait);

    queue_cancel(&wait->waiter);
    vcpu->page->gpr[GPR_RAX] = (uint64_t)-ABI_ETIME;
    thread_wake(&vcpu->thread);
}

void wait_init(struct wait *wait)
{
    wait->waiter.done = done;
    wait->deadline.expire = deadline_passed;
}

/* The result is set beforehand to what it is if an interrupt ends the wait. */
void wait_begin(struct wait *wait, struct queue *queue, enum queue_side side, uint64_t deadline)
{
    struct vcpu *vcpu = vcpu_of(wait);

    vcpu->page->gpr[GPR_RAX] = (uint64_t)-ABI_EINTR;
    wait->interruptible = virt->interrupts_on(vcpu);
    if ((wait->interruptible && vcpu_has_pending(vcpu)) || vcpu->attention & ATTENTION_RECALL)
        return;
    queue_wait(queue, side, &wait->waiter);
    if (deadline != CHANNEL_FOR_EVER)
        timer_arm(&wait->deadline, deadline);
    thread_block_current();
}

void wait_cancel(struct wait *wait)
{
    queue_cancel(&wait->waiter);
    timer_disarm(&wait->deadline);
}

bool wait_interrupt(struct wait *wait)
{
    if (!wait->waiter.queue)
        return true;
    if (!wait->interruptible)
        return false;
    wait_cancel(wait);
    return true;
}
