#include "kernel/ipc/queue.h"

#include "config/abi.h"

void queue_init(struct queue *queue, struct message *slot, uint32_t slots)
{
    *queue = (struct queue){.slot = slot, .slots = slots};
    for (enum queue_side side = 0; side < QUEUE_SIDES; side++)
        list_init(&queue->waiting[side]);
}

static struct message *slot_at(struct queue *queue, uint32_t count) { return &queue->slot[count & (queue->slots - 1)]; }

/* Who has waited longest at a side, and now waits no more; NULL: nobody. */
static struct queue_waiter *take_waiter(struct queue *queue, enum queue_side side)
{
    struct queue_waiter *waiter = queue_first_waiter(queue, side);

    if (waiter)
        queue_cancel(waiter);
    return waiter;
}

static void tell_arrival(struct queue *queue)
{
    if (queue->arrival)
        queue->arrival(queue);
}

/* Nobody waits for a message while there is one, nor for room while there is some. */
int queue_send(struct queue *queue, const struct message *message)
{
    struct queue_waiter *receiver = take_waiter(queue, QUEUE_RECEIVER);

    if (receiver) {
        receiver->done(receiver, 0, message);
        return 0;
    }
    if (queue->ended[QUEUE_RECEIVER])
        return -ABI_EPIPE;
    if (queue->tail - queue->head == queue->slots)
        return -ABI_EAGAIN;
    *slot_at(queue, queue->tail++) = *message;
    if (queue->tail - queue->head == 1)
        tell_arrival(queue);
    return 0;
}

int queue_receive(struct queue *queue, struct message *message)
{
    struct queue_waiter *sender;

    if (queue_is_empty(queue))
        return queue->ended[QUEUE_SENDER] ? -ABI_EPIPE : -ABI_EAGAIN;
    *message = *slot_at(queue, queue->head++);
    sender = take_waiter(queue, QUEUE_SENDER);
    if (sender) {
        *slot_at(queue, queue->tail++) = sender->message;
        sender->done(sender, 0, NULL);
    }
    return 0;
}

void queue_end(struct queue *queue, enum queue_side side)
{
    enum queue_side other = side == QUEUE_SENDER ? QUEUE_RECEIVER : QUEUE_SENDER;
    struct queue_waiter *waiter;

    if (queue->ended[side])
        return;
    queue->ended[side] = true;
    while (take_waiter(queue, side))
        ;
    while ((waiter = take_waiter(queue, other)))
        waiter->done(waiter, -ABI_EPIPE, NULL);
    if (side == QUEUE_RECEIVER)
        queue->head = queue->tail;
    else
        tell_arrival(queue);
}
