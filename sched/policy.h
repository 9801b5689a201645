/*
 * The scheduler's policy: who may run, and on which pCPU. Pure bookkeeping on entities and queues; registers, clocks and
 * interrupts between pCPUs are the caller's, who is told which pCPU to wake: functions that return a queue return the one
 * whose pCPU has to look at its queue again soon, or NULL if none has to. One caller at a time: the kernel lock.
 */
#ifndef SCHED_POLICY_H
#define SCHED_POLICY_H

#include "config/limits.h"
#include "sched/sched.h"

/* All pCPUs' queues. Begins as all zeros. */
struct sched_machine {
    struct sched_queue *queue[MAX_PCPUS];
    unsigned queues;
    uint64_t idle; /* a bit for each queue whose pCPU sleeps, and that nobody has told yet of new work */
};

/* Makes a queue take part, as the next number, below MAX_PCPUS. */
void sched_join(struct sched_machine *machine, struct sched_queue *queue);

/*
 * A new or blocked entity gets ready; does nothing to others. It goes to its home if that is idle or the entity is pinned,
 * else to an idle pCPU, else home all the same. One whose turn has not ended yet (running) just keeps it.
 */
struct sched_queue *sched_wake(struct sched_entity *entity, uint64_t now);

/* From now on, until it is released as often as it was held, the entity is in no queue. One that runs goes on until its
 * turn ends, which is soon: the queue is returned. A release finds a place as sched_wake does. */
struct sched_queue *sched_hold(struct sched_entity *entity);
struct sched_queue *sched_release(struct sched_entity *entity, uint64_t now);

/* Gives a floating entity another home, idle or not; at the end of its turn if it runs, which is soon. */
struct sched_queue *sched_move(struct sched_entity *entity, struct sched_queue *to);

/* Ends an entity for good: it is in no queue then. If it runs, its turn has to end soon. */
void sched_kill(struct sched_entity *entity);

/*
 * After sched_stop or sched_inherit: the entity whose turn that was runs no more. If it is ready it goes to the end of its
 * queue, or to an idle pCPU if others wait in that one and it may move.
 */
struct sched_queue *sched_put(struct sched_entity *entity, uint64_t now);

/* Makes the next one current, with a new turn: of this queue, or a floating one out of the queue that has most of these,
 * whose number is put in *victim (else: its own). NULL, and the queue is idle, if there is none. A pCPU that has
 * not come yet to look at its queue is left a single one that was sent there. */
struct sched_entity *sched_pick(struct sched_queue *queue, uint64_t now, unsigned *victim);

/* This pCPU is awake, whoever woke it. */
static inline void sched_awake(struct sched_queue *queue) { queue->machine->idle &= ~(1ull << queue->number); }

#endif
