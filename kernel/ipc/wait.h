/* A vCPU that waits in a queue. It keeps nothing but this: whoever ends the wait writes the result to its registers. */
#ifndef KERNEL_IPC_WAIT_H
#define KERNEL_IPC_WAIT_H

#include <stdbool.h>

#include "kernel/cpu/timer.h"
#include "kernel/ipc/queue.h"
#include "lib/addr.h"

/* What it waits for, and how: what a message that comes is to be done with. */
enum wait_way {
    WAIT_SIMPLY,    /* for a message, which goes to the registers, without a deadline */
    WAIT_REGISTERS, /* for a message to the registers, or for room, with a deadline or without */
    WAIT_MEMORY,    /* for a message to `buffer` */
};

/* In struct vcpu. Of use while waiter.queue is not NULL. */
struct wait {
    struct queue_waiter waiter;
    struct timer deadline;
    uint8_t way;        /* enum wait_way */
    bool interruptible; /* the guest has interrupts on: one ends the wait */
    gpa_t buffer;
};

void wait_init(struct wait *wait);

/*
 * Blocks the current thread, the vCPU of `wait`, at a side of a queue until TSC `deadline` (CHANNEL_FOR_EVER: none). The
 * message registers, or waiter.message, way and buffer, are set. The result comes in its RAX: the queue's,
 * -ABI_ETIME, or -ABI_EINTR; the last also at once, if an interrupt is pending. Under the kernel lock.
 */
void wait_begin(struct wait *wait, struct queue *queue, enum queue_side side, uint64_t deadline);

/* Ends a wait without a result. No-op where there is none. */
void wait_cancel(struct wait *wait);

/* An interrupt was pended for the vCPU: ends a wait that it may end. False: the wait goes on, interrupts are off. */
bool wait_interrupt(struct wait *wait);

#endif
