#include "sched/sched.h"

#include "lib/addr.h"

void sched_queue_init(struct sched_queue *queue)
{
    list_init(&queue->ready);
    queue->length = 0;
    queue->current = NULL;
    queue->started = queue->slice_end = 0;
    queue->heir = NULL;
}

void sched_entity_init(struct sched_entity *entity, uint64_t slice_ticks)
{
    list_init(&entity->node);
    entity->queue = NULL;
    entity->slice_ticks = slice_ticks;
    entity->run_ticks = 0;
    entity->wait_ticks = 0;
    entity->preemptions = 0;
}

void sched_ready(struct sched_queue *queue, struct sched_entity *entity, uint64_t now)
{
    entity->ready_since = now;
    list_push_back(&queue->ready, &entity->node);
    entity->queue = queue;
    queue->length++;
}

void sched_remove(struct sched_entity *entity)
{
    if (!entity->queue)
        return;
    list_remove(&entity->node);
    entity->queue->length--;
    if (entity->queue->heir == entity)
        entity->queue->heir = NULL;
    entity->queue = NULL;
}

void sched_stop(struct sched_queue *queue, uint64_t now)
{
    struct sched_entity *entity = queue->current;

    if (!entity)
        return;
    if (sched_slice_over(queue, now))
        entity->preemptions++;
    entity->run_ticks += now - queue->started;
    queue->current = NULL;
}

bool sched_slice_over(const struct sched_queue *queue, uint64_t now) { return now >= sched_slice_end(queue); }

/* Gives the pCPU to one of the ready ones. */
static void run(struct sched_queue *queue, struct sched_entity *entity, uint64_t now)
{
    entity->wait_ticks += now - entity->ready_since;
    sched_remove(entity);
    queue->current = entity;
    queue->started = now;
    queue->heir = NULL;
}

void sched_name_heir(struct sched_queue *queue, struct sched_entity *entity) { queue->heir = entity; }

struct sched_entity *sched_inherit(struct sched_queue *queue, uint64_t now)
{
    struct sched_entity *entity = queue->heir;

    queue->current->run_ticks += now - queue->started;
    run(queue, entity, now);
    return entity;
}

struct sched_entity *sched_rr_pick(struct sched_queue *queue, uint64_t now)
{
    struct sched_entity *entity;

    if (list_is_empty(&queue->ready))
        return NULL;
    entity = container_of(queue->ready.next, struct sched_entity, node);
    queue->slice_end = now + entity->slice_ticks;
    run(queue, entity, now);
    return entity;
}

uint64_t sched_slice_end(const struct sched_queue *queue)
{
    return queue->current ? queue->slice_end : UINT64_MAX;
}
