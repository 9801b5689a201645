#include "sched/sched.h"

#include "lib/addr.h"
#include "lib/string.h"

void sched_queue_init(struct sched_queue *queue)
{
    memset(queue, 0, sizeof *queue);
    list_init(&queue->ready[SCHED_FLOATING]);
    list_init(&queue->ready[SCHED_PINNED]);
}

void sched_entity_init(struct sched_entity *entity, struct sched_queue *home, uint64_t slice_ticks)
{
    memset(entity, 0, sizeof *entity);
    list_init(&entity->node);
    entity->home = home;
    entity->slice_ticks = slice_ticks;
}

void sched_ready(struct sched_queue *queue, struct sched_entity *entity, uint64_t since)
{
    entity->ready_since = since;
    entity->ticket = queue->next_ticket++;
    entity->sent = false;
    list_push_back(&queue->ready[entity->pinned], &entity->node);
    queue->length[entity->pinned]++;
    entity->queue = queue;
}

void sched_remove(struct sched_entity *entity)
{
    struct sched_queue *queue = entity->queue;

    if (!queue)
        return;
    list_remove(&entity->node);
    queue->length[entity->pinned]--;
    if (queue->heir == entity)
        queue->heir = NULL;
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

static struct sched_entity *first(const struct sched_queue *queue, enum sched_list list)
{
    return queue->length[list] ? container_of(queue->ready[list].next, struct sched_entity, node) : NULL;
}

struct sched_entity *sched_rr_pick(struct sched_queue *queue, uint64_t now)
{
    struct sched_entity *entity = first(queue, SCHED_FLOATING), *pinned = first(queue, SCHED_PINNED);

    if (!entity || (pinned && pinned->ticket < entity->ticket))
        entity = pinned;
    if (!entity)
        return NULL;
    queue->slice_end = now + entity->slice_ticks;
    run(queue, entity, now);
    return entity;
}

uint64_t sched_slice_end(const struct sched_queue *queue)
{
    return queue->current ? queue->slice_end : UINT64_MAX;
}
