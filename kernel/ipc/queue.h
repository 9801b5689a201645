/*
 * A bounded queue of messages, with those who wait at its two ends. Knows neither VMs nor threads: who waits is told by
 * a function of its own, so all of this runs in a host test. The caller holds the kernel lock.
 */
#ifndef KERNEL_IPC_QUEUE_H
#define KERNEL_IPC_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/list.h"

enum { MESSAGE_WORDS = 8 };

struct message {
    uint64_t word[MESSAGE_WORDS];
};

enum queue_side { QUEUE_SENDER, QUEUE_RECEIVER, QUEUE_SIDES };

struct queue;

/* Someone who waits for room (at the sender's side) or for a message. All of zeros: nobody waits. */
struct queue_waiter {
    struct list node;       /* in queue.waiting, while it waits */
    struct queue *queue;    /* whose; NULL: does not wait */
    struct message message; /* of a sender: what it sends */
    /* The wait is over: 0, to a receiver with the message, or -ABI_EPIPE. It waits no more then, and may again. */
    void (*done)(struct queue_waiter *waiter, int result, const struct message *message);
};

struct queue {
    struct message *slot;
    uint32_t slots;                   /* a power of two */
    uint32_t head, tail;              /* messages ever taken and put; they wrap, the difference does not */
    bool ended[QUEUE_SIDES];          /* that side is gone */
    struct list waiting[QUEUE_SIDES]; /* struct queue_waiter, the longest first */
    /* NULL, or told when the receiver should look: a message came to an empty queue, or the sender is gone. */
    void (*arrival)(struct queue *queue);
};

/* An empty queue with `slots` slots, a power of two, at `slot`. */
void queue_init(struct queue *queue, struct message *slot, uint32_t slots);

/* Hands a message to the receiver that has waited longest, else puts it into the queue. 0; -ABI_EAGAIN: it is full;
 * -ABI_EPIPE: the receiver is gone. */
int queue_send(struct queue *queue, const struct message *message);

/* Takes the first message, and lets the sender that has waited longest put its own. 0; -ABI_EAGAIN: it is empty;
 * -ABI_EPIPE: it is, and the sender is gone. */
int queue_receive(struct queue *queue, struct message *message);

/* After -ABI_EAGAIN: waits at a side until waiter->done is called or queue_cancel. A sender has set waiter->message. */
static inline void queue_wait(struct queue *queue, enum queue_side side, struct queue_waiter *waiter)
{
    waiter->queue = queue;
    list_push_back(&queue->waiting[side], &waiter->node);
}

/* The inverse, for one that waits. */
static inline void queue_unlink(struct queue_waiter *waiter)
{
    waiter->queue = NULL;
    waiter->node.prev->next = waiter->node.next;
    waiter->node.next->prev = waiter->node.prev;
}

/* Ends a wait without telling; a message that has not been taken is not sent. No-op for one that does not wait. */
static inline void queue_cancel(struct queue_waiter *waiter)
{
    if (waiter->queue)
        queue_unlink(waiter);
}

/* Who has waited longest at a side; NULL: nobody. */
static inline struct queue_waiter *queue_first_waiter(struct queue *queue, enum queue_side side)
{
    struct list *first = queue->waiting[side].next;

    return first == &queue->waiting[side] ? NULL : container_of(first, struct queue_waiter, node);
}

/* A side is gone for good: who waits at the other is told -ABI_EPIPE. Messages stay for a receiver. No-op if it is gone. */
void queue_end(struct queue *queue, enum queue_side side);

static inline bool queue_is_empty(const struct queue *queue) { return queue->head == queue->tail; }

#endif
