#include "sched/policy.h"

#include "lib/addr.h"

_Static_assert(MAX_PCPUS <= 64, "a bit each in sched_machine.idle");

void sched_join(struct sched_machine *machine, struct sched_queue *queue)
{
    queue->machine = machine;
    queue->number = machine->queues;
    machine->queue[machine->queues++] = queue;
}

static bool is_idle(const struct sched_queue *queue) { return queue->machine->idle >> queue->number & 1; }

/* Home, or an idle pCPU if home is not and the entity may move. */
static struct sched_queue *place(const struct sched_entity *entity)
{
    const struct sched_machine *machine = entity->home->machine;

    if (entity->pinned || is_idle(entity->home) || machine->idle == 0)
        return entity->home;
    return machine->queue[__builtin_ctzll(machine->idle)];
}

/* Puts a ready entity that does not run into the queue of its home. */
static struct sched_queue *enqueue(struct sched_entity *entity, uint64_t since)
{
    struct sched_queue *home = entity->home;

    if (entity->holds)
        return NULL;
    sched_ready(home, entity, since);
    if (!is_idle(home))
        return NULL;
    sched_awake(home);
    return home;
}

static struct sched_queue *enqueue_sent(struct sched_entity *entity, uint64_t since)
{
    struct sched_queue *told = enqueue(entity, since);

    entity->sent = true;
    return told;
}

struct sched_queue *sched_wake(struct sched_entity *entity, uint64_t now)
{
    if (entity->state != SCHED_NEW && entity->state != SCHED_BLOCKED)
        return NULL;
    entity->state = SCHED_READY;
    if (entity->running)
        return NULL;
    if (!entity->holds)
        entity->home = place(entity);
    return enqueue(entity, now);
}

struct sched_queue *sched_hold(struct sched_entity *entity)
{
    entity->holds++;
    if (entity->running)
        return entity->home;
    sched_remove(entity);
    return NULL;
}

struct sched_queue *sched_release(struct sched_entity *entity, uint64_t now)
{
    if (--entity->holds > 0 || entity->state != SCHED_READY || entity->running)
        return NULL;
    entity->home = place(entity);
    return enqueue(entity, now);
}

struct sched_queue *sched_move(struct sched_entity *entity, struct sched_queue *to)
{
    if (entity->running) {
        entity->move_to = to;
        return entity->home;
    }
    entity->home = to;
    if (!entity->queue)
        return NULL;
    sched_remove(entity);
    return enqueue_sent(entity, entity->ready_since);
}

void sched_kill(struct sched_entity *entity)
{
    sched_remove(entity);
    entity->state = SCHED_DEAD;
}

struct sched_queue *sched_put(struct sched_entity *entity, uint64_t now)
{
    struct sched_queue *to = entity->move_to;

    entity->running = false;
    entity->move_to = NULL;
    if (to)
        entity->home = to;
    else if (entity->state == SCHED_READY && !entity->holds && sched_any_ready(entity->home))
        entity->home = place(entity);
    if (entity->state != SCHED_READY)
        return NULL;
    return to ? enqueue_sent(entity, now) : enqueue(entity, now);
}

static struct sched_entity *first_floating(const struct sched_queue *queue)
{
    return container_of(queue->ready[SCHED_FLOATING].next, struct sched_entity, node);
}

/* The only one in the queue was sent there, and that pCPU has not come yet to look: stolen, it would never get there. */
static bool is_on_its_way(const struct sched_queue *queue)
{
    return !queue->current && queue->length[SCHED_FLOATING] == 1 && queue->length[SCHED_PINNED] == 0 &&
           first_floating(queue)->sent;
}

/* The queue in which most wait that may move, if any do. */
static struct sched_queue *most_movable(const struct sched_machine *machine)
{
    struct sched_queue *most = NULL;

    for (unsigned i = 0; i < machine->queues; i++) {
        struct sched_queue *queue = machine->queue[i];

        if (queue->length[SCHED_FLOATING] > (most ? most->length[SCHED_FLOATING] : 0) && !is_on_its_way(queue))
            most = queue;
    }
    return most;
}

/* Takes the longest-waiting floating one out of another queue into this one, which is empty. It has waited since then. */
static bool steal(struct sched_queue *thief, unsigned *victim)
{
    struct sched_queue *from = most_movable(thief->machine);
    struct sched_entity *entity;

    if (!from)
        return false;
    entity = first_floating(from);
    sched_remove(entity);
    entity->home = thief;
    sched_ready(thief, entity, entity->ready_since);
    *victim = from->number;
    return true;
}

struct sched_entity *sched_pick(struct sched_queue *queue, uint64_t now, unsigned *victim)
{
    struct sched_entity *entity;

    *victim = queue->number;
    if (!sched_any_ready(queue) && !steal(queue, victim)) {
        queue->machine->idle |= 1ull << queue->number;
        return NULL;
    }
    entity = sched_rr_pick(queue, now);
    entity->running = true;
    return entity;
}
