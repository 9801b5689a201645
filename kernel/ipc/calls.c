#include "kernel/ipc/calls.h"

#include "kernel/ipc/transfer.h"
#include "kernel/lock.h"
#include "kernel/vm/virt_ops.h"
#include "kernel/vm/vm.h"
#include "lib/x86.h"

static enum verdict answer(struct vcpu *vcpu, int64_t result)
{
    vcpu->page->gpr[GPR_RAX] = (uint64_t)result;
    return VERDICT_SKIP;
}

/* The VM's channels are as they are since before it started. */
static const struct channel_end *find(const struct vcpu *vcpu, uint64_t number)
{
    return number < vcpu->vm->channels ? &vcpu->vm->channel[number] : NULL;
}

/* The queue of channel `number` that the VM may send to, or receive from. NULL: -ABI_ENOENT or -ABI_EINVAL in *error. */
static inline __attribute__((always_inline)) struct queue *find_queue(const struct vcpu *vcpu, uint64_t number,
                                                                     enum queue_side side, int *error)
{
    const struct channel_end *end = find(vcpu, number);
    struct channel_way *way = !end ? NULL : side == QUEUE_SENDER ? end->send : end->receive;

    if (way)
        return &way->queue;
    *error = end ? -ABI_EINVAL : -ABI_ENOENT;
    return NULL;
}

/* A queue was full or empty. */
static enum verdict wait(struct vcpu *vcpu, struct queue *queue, enum queue_side side, uint64_t deadline)
{
    if (deadline == 0)
        return answer(vcpu, -ABI_EAGAIN);
    if (deadline != CHANNEL_FOR_EVER) {
        uint64_t now = x86_rdtsc(), guest_now = now + vcpu->tsc_offset, left = deadline - guest_now;

        if (deadline <= guest_now)
            return answer(vcpu, -ABI_ETIME);
        deadline = left < CHANNEL_FOR_EVER - now ? now + left : CHANNEL_FOR_EVER;
    }
    wait_begin(&vcpu->wait, queue, side, deadline);
    return VERDICT_WAIT;
}

static enum verdict send(struct vcpu *vcpu, struct queue *queue, const struct message *message, uint64_t deadline)
{
    int result = queue_send(queue, message);

    if (result != -ABI_EAGAIN)
        return answer(vcpu, result);
    vcpu->wait.waiter.message = *message;
    return wait(vcpu, queue, QUEUE_SENDER, deadline);
}

static enum verdict receive(struct vcpu *vcpu, struct queue *queue, uint64_t deadline)
{
    struct message message;
    int result = queue_receive(queue, &message);

    if (result == -ABI_EAGAIN) {
        vcpu->wait.in_memory = false;
        return wait(vcpu, queue, QUEUE_RECEIVER, deadline);
    }
    if (!result)
        transfer_to_registers(vcpu, &message);
    return answer(vcpu, result);
}

enum verdict ipc_call_channel(struct vcpu *vcpu)
{
    const struct channel_end *end = find(vcpu, vcpu->page->gpr[GPR_RBX]);
    uint32_t size;

    if (!end)
        return answer(vcpu, -ABI_ENOENT);
    size = end->channel->ring.pages ? end->channel->ring.pages : end->channel->way[CHANNEL_FORTH].queue.slots;
    return answer(vcpu, (int64_t)end->kind | (int64_t)size << 8);
}

enum verdict ipc_call_send(struct vcpu *vcpu)
{
    const uint64_t *gpr = vcpu->page->gpr;
    struct message message = transfer_from_registers(vcpu);
    int error;
    struct queue *queue = find_queue(vcpu, gpr[GPR_RBX], QUEUE_SENDER, &error);

    if (!queue)
        return answer(vcpu, error);
    kernel_lock_enter();
    return send(vcpu, queue, &message, gpr[GPR_RCX]);
}

enum verdict ipc_call_receive(struct vcpu *vcpu)
{
    const uint64_t *gpr = vcpu->page->gpr;
    int error;
    struct queue *queue = find_queue(vcpu, gpr[GPR_RBX], QUEUE_RECEIVER, &error);

    if (!queue)
        return answer(vcpu, error);
    kernel_lock_enter();
    return receive(vcpu, queue, gpr[GPR_RCX]);
}

/* The vCPU that waits for a message of `to`, in registers and without a deadline. NULL: nobody, or in another way. */
static struct vcpu *find_listener(struct queue *to)
{
    struct queue_waiter *waiter = queue_first_waiter(to, QUEUE_RECEIVER);
    struct wait *wait = container_of(waiter, struct wait, waiter);

    return waiter && !wait->in_memory && !timer_is_armed(&wait->deadline) ? container_of(wait, struct vcpu, wait) : NULL;
}

/*
 * The frequent case of an exchange: the other side waits for this message and can go on here and now, and this side will
 * have to wait for its answer. The message goes from registers to registers, and the pCPU with it; no queue is touched but
 * those of who waits. False, and nothing has changed, in any other case: the general way comes to the same, more slowly.
 */
static bool pass(struct vcpu *vcpu, struct queue *to, struct queue *from)
{
    struct vcpu *other = find_listener(to);
    bool interruptible;

    if (!other || !queue_is_empty(from) || from->ended[QUEUE_SENDER])
        return false;
    interruptible = virt->interrupts_on(vcpu);
    if ((interruptible && vcpu_has_pending(vcpu)) || !thread_pass(&other->thread))
        return false;
    transfer_directly(vcpu, other);
    queue_cancel(&other->wait.waiter);
    other->page->gpr[GPR_RAX] = 0;
    wait_enter(&vcpu->wait, from, interruptible);
    return true;
}

enum verdict ipc_call_exchange(struct vcpu *vcpu)
{
    const uint64_t *gpr = vcpu->page->gpr;
    uint64_t deadline = gpr[GPR_RCX];
    struct message message;
    int error;
    struct queue *to = find_queue(vcpu, gpr[GPR_RBX], QUEUE_SENDER, &error), *from;

    if (!to)
        return answer(vcpu, error);
    from = find_queue(vcpu, gpr[GPR_RDX], QUEUE_RECEIVER, &error);
    if (!from)
        return answer(vcpu, error);
    kernel_lock_enter();
    if (deadline == CHANNEL_FOR_EVER && pass(vcpu, to, from))
        return VERDICT_WAIT;
    if (deadline == 0) /* it could not be told whether the message was sent */
        return answer(vcpu, -ABI_EINVAL);
    message = transfer_from_registers(vcpu);
    error = queue_send(to, &message);
    return error ? answer(vcpu, error) : receive(vcpu, from, deadline);
}

/* ---- Messages in memory, for guests of 32 bits: deadlines come in two halves ------------------------------- */

static uint64_t deadline_halves(const uint64_t *gpr) { return (uint32_t)gpr[GPR_RDX] | gpr[GPR_RSI] << 32; }

enum verdict ipc_call_send_memory(struct vcpu *vcpu)
{
    const uint64_t *gpr = vcpu->page->gpr;
    struct message message;
    int error;
    struct queue *queue = find_queue(vcpu, gpr[GPR_RBX], QUEUE_SENDER, &error);

    if (!queue)
        return answer(vcpu, error);
    kernel_lock_enter();
    error = transfer_from_memory(vcpu->vm, GPA(gpr[GPR_RCX]), &message);
    return error ? answer(vcpu, error) : send(vcpu, queue, &message, deadline_halves(gpr));
}

/* The buffer is looked at before a message is taken, so that none is lost to a bad one. */
enum verdict ipc_call_receive_memory(struct vcpu *vcpu)
{
    const uint64_t *gpr = vcpu->page->gpr;
    gpa_t buffer = GPA(gpr[GPR_RCX]);
    struct message message;
    int result;
    struct queue *queue = find_queue(vcpu, gpr[GPR_RBX], QUEUE_RECEIVER, &result);

    if (!queue)
        return answer(vcpu, result);
    kernel_lock_enter();
    result = transfer_from_memory(vcpu->vm, buffer, &message);
    if (result)
        return answer(vcpu, result);
    result = queue_receive(queue, &message);
    if (result == -ABI_EAGAIN) {
        vcpu->wait.in_memory = true;
        vcpu->wait.buffer = buffer;
        return wait(vcpu, queue, QUEUE_RECEIVER, deadline_halves(gpr));
    }
    return answer(vcpu, result ? result : transfer_to_memory(vcpu->vm, buffer, &message));
}

enum verdict ipc_call_vector(struct vcpu *vcpu)
{
    const struct channel_end *end = find(vcpu, vcpu->page->gpr[GPR_RBX]);
    uint64_t vector = vcpu->page->gpr[GPR_RCX];

    if (!end)
        return answer(vcpu, -ABI_ENOENT);
    if (!end->receive || (vector != 0 && vector < 32) || vector > 255)
        return answer(vcpu, -ABI_EINVAL);
    kernel_lock_enter();
    channel_listen(end->receive, vcpu, (unsigned)vector);
    return answer(vcpu, 0);
}
