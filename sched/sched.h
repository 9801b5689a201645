/*
 * Round robin: a queue of ready entities per pCPU. Who they are is not known here; picking, waking and switching cost
 * the same with any number of them. sched/policy.h decides about which pCPU.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"

struct sched_queue;
struct sched_machine;

enum sched_state {
    SCHED_NEW,     /* not started */
    SCHED_READY,   /* runs or waits for its turn */
    SCHED_BLOCKED, /* waits for something else */
    SCHED_DEAD,
};

struct sched_entity {
    struct list node;      /* in a queue's ready list while it is ready, else by itself */
    struct sched_queue *queue; /* of that list; else NULL */
    uint64_t ticket;       /* its place in that queue: the lowest is next */
    uint64_t slice_ticks;  /* its timeslice, TSC ticks */
    uint64_t run_ticks;    /* TSC ticks on a pCPU so far */
    uint64_t wait_ticks;   /* TSC ticks ready without a pCPU so far: stolen time */
    uint64_t ready_since;  /* TSC at which it got ready */
    uint64_t preemptions;  /* how often its slice ran out */

    /* For sched/policy.h, but for pinned, which says in which of a queue's lists it is: change it when it is in none. */
    struct sched_queue *home;    /* in which it is, where it runs, or where it ran last */
    struct sched_queue *move_to; /* its home from the end of its turn on; NULL: it stays */
    enum sched_state state;
    bool pinned;                 /* stays at home */
    bool running;                /* it is its home's current one */
    bool sent;                   /* while in a queue: by sched_move, so it is not to be stolen before that pCPU has looked */
    unsigned holds;              /* how many want it off its pCPU: while > 0 it is in no queue */
};

/* Those that are pinned, and those that float. Each list is in the order of tickets, so that a thief finds one that it may
 * take at once. */
enum sched_list { SCHED_FLOATING, SCHED_PINNED, SCHED_LISTS };

struct sched_queue {
    struct list ready[SCHED_LISTS];
    unsigned length[SCHED_LISTS]; /* entities in each */
    uint64_t next_ticket;
    struct sched_entity *current; /* runs now, and is not in `ready`; NULL: idle */
    uint64_t started;             /* TSC when it got the pCPU */
    uint64_t slice_end;           /* TSC at which its turn is over */
    struct sched_entity *heir;    /* gets the rest of the turn if the current one blocks; NULL: nobody */
    struct sched_machine *machine; /* set by sched_join, as is the next one */
    unsigned number;
};

void sched_queue_init(struct sched_queue *queue);

/* A new entity that is in no queue, with a timeslice in TSC ticks, > 0. It floats, and starts on the pCPU of `home`. */
void sched_entity_init(struct sched_entity *entity, struct sched_queue *home, uint64_t slice_ticks);

/* Makes an entity that neither runs nor is in a queue the last of the ready ones; it has been ready since TSC `since`. */
void sched_ready(struct sched_queue *queue, struct sched_entity *entity, uint64_t since);

/* Takes a ready entity out of its queue. Does nothing to one that is in none. */
void sched_remove(struct sched_entity *entity);

/* Whether anybody is ready. */
static inline bool sched_any_ready(const struct sched_queue *queue)
{
    return queue->length[SCHED_FLOATING] + queue->length[SCHED_PINNED] > 0;
}

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
