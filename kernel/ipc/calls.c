#include "kernel/ipc/calls.h"

#include "kernel/ipc/transfer.h"
#include "kernel/lock.h"
#include "kernel/vm/pass.h"
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
    vcpu->wait.way = WAIT_REGISTERS;
    vcpu->wait.waiter.message = *message;
    return wait(vcpu, queue, QUEUE_SENDER, deadline);
}

static enum verdict receive(struct vcpu *vcpu, struct queue *queue, uint64_t deadline)
{
    struct message message;
    int result = queue_receive(queue, &message);

    if (result == -ABI_EAGAIN) {
        vcpu->wait.way = deadline == CHANNEL_FOR_EVER ? WAIT_SIMPLY : WAIT_REGISTERS;
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

/* wait_begin for a wait in registers and without a deadline. The thread is blocked by pass_on. */
static inline void wait_begin_simply(struct wait *wait, struct vcpu *vcpu, struct queue *from, bool interruptible)
{
    vcpu->page->gpr[GPR_RAX] = (uint64_t)-ABI_EINTR;
    wait->interruptible = interruptible;
    wait->way = WAIT_SIMPLY;
    queue_wait(from, QUEUE_RECEIVER, &wait->waiter);
}

static __attribute__((noinline)) enum verdict exchange(struct vcpu *vcpu, struct queue *to, struct queue *from,
                                                       uint64_t deadline)
{
    struct message message = transfer_from_registers(vcpu);
    int result;

    if (deadline == 0) /* it could not be told whether the message was sent */
        return answer(vcpu, -ABI_EINVAL);
    result = queue_send(to, &message);
    return result ? answer(vcpu, result) : receive(vcpu, from, deadline);
}

/*
 * The frequent case is that the other side waits for this message and can go on here and now, and that this side will have
 * to wait for its answer. Then the message goes from registers to registers, and the pCPU with it; no queue is touched but
 * those of who waits. In any other case the general way comes to the same, more slowly.
 */
enum verdict ipc_call_exchange(struct vcpu *vcpu)
{
    bool interruptible = virt->interrupts_on(vcpu); /* first: a call costs less here than where more is in registers */
    const uint64_t *gpr = vcpu->page->gpr;
    struct pcpu *pcpu = pcpu_this();
    uint64_t deadline = gpr[GPR_RCX];
    int error;
    struct queue *to = find_queue(vcpu, gpr[GPR_RBX], QUEUE_SENDER, &error), *from;
    struct vcpu *other;

    if (!to)
        return answer(vcpu, error);
    from = find_queue(vcpu, gpr[GPR_RDX], QUEUE_RECEIVER, &error);
    if (!from)
        return answer(vcpu, error);
    kernel_lock_take(pcpu);
    other = container_of(to->waiting[QUEUE_RECEIVER].next, struct vcpu, wait.waiter.node);
    if (list_is_empty(&to->waiting[QUEUE_RECEIVER]) || other->wait.way != WAIT_SIMPLY || deadline != CHANNEL_FOR_EVER ||
        !queue_is_empty(from) || from->ended[QUEUE_SENDER] || !pass_is_possible(pcpu, other) ||
        (interruptible && vcpu_has_pending(vcpu)))
        return exchange(vcpu, to, from, deadline);
    queue_unlink(&other->wait.waiter);
    transfer_directly(vcpu, other);
    other->page->gpr[GPR_RAX] = 0;
    wait_begin_simply(&vcpu->wait, vcpu, from, interruptible);
    pass_on(pcpu, other);
    return VERDICT_PASS;
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
        vcpu->wait.way = WAIT_MEMORY;
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
