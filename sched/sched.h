/*
 * Round robin: a queue of ready entities per pCPU. Who they are is not known here; picking, waking and switching cost
 * the same with any number of them. The caller is the queue's pCPU, with interrupts off.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"

struct sched_queue;

struct sched_entity {
    struct list node;      /* in a queue's ready list while it is ready, else by itself */
    struct sched_queue *queue; /* of that list; else NULL */
    uint64_t slice_ticks;  /* its timeslice, TSC ticks */
    uint64_t run_ticks;    /* TSC ticks on a pCPU so far */
    uint64_t wait_ticks;   /* TSC ticks ready without a pCPU so far: stolen time */
    uint64_t ready_since;  /* TSC at which it got ready */
    uint64_t preemptions;  /* how often its slice ran out */
};

struct sched_queue {
    struct list ready;
    unsigned length;              /* entities in `ready` */
    struct sched_entity *current; /* runs now, and is not in `ready`; NULL: idle */
    uint64_t started;             /* TSC when it got the pCPU */
    uint64_t slice_end;           /* TSC at which its turn is over */
    struct sched_entity *heir;    /* gets the rest of the turn if the current one blocks; NULL: nobody */
};

void sched_queue_init(struct sched_queue *queue);

/* An entity that is in no queue, with a timeslice in TSC ticks, > 0. */
void sched_entity_init(struct sched_entity *entity, uint64_t slice_ticks);

/* Makes an entity that neither runs nor is ready the last of the ready ones, at time `now`. */
void sched_ready(struct sched_queue *queue, struct sched_entity *entity, uint64_t now);

/* Takes a ready entity out of its queue. Does nothing to one that is in none. */
void sched_remove(struct sched_entity *entity);

/*
 * Ends the current entity's turn, if there is one, at time `now`: charges what it ran. Each turn is a full timeslice: who
 * blocks or yields before its end gets no credit for the rest.
 */
void sched_stop(struct sched_queue *queue, uint64_t now);

/* Whether the current entity's slice is over at `now`. */
bool sched_slice_over(const struct sched_queue *queue, uint64_t now);

/* Makes the first of the ready ones current from `now` on, and returns it; NULL when there is none. */
struct sched_entity *sched_rr_pick(struct sched_queue *queue, uint64_t now);

/*
 * Names the entity that goes on with the current one's turn if that blocks, ahead of the queue: so two that wait for each
 * other in turns have one turn between them. It is among the ready ones of this queue. The next pick forgets it.
 */
void sched_name_heir(struct sched_queue *queue, struct sched_entity *entity);

/* The current entity has blocked, and there is an heir: makes it current for the rest of the turn, and returns it. */
struct sched_entity *sched_inherit(struct sched_queue *queue, uint64_t now);

/* The same for an entity that has not become ready before: goes on at once in the place of the current one, which blocks.
 * Inline, for the frequent case of messages. */
static inline void sched_pass(struct sched_queue *queue, struct sched_entity *to, uint64_t now)
{
    queue->current->run_ticks += now - queue->started;
    queue->current = to;
    queue->started = now;
    queue->heir = NULL;
}

/* TSC at which the current entity's slice ends; UINT64_MAX when idle. */
uint64_t sched_slice_end(const struct sched_queue *queue);

#endif
