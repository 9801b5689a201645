#include "kernel/ipc/channel.h"

#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "mm/account.h"
#include "mm/direct.h"
#include "mm/pool.h"

static struct mm_pool pool;

void channel_init(void) { mm_pool_init(&pool, sizeof(struct channel), sizeof(uint64_t)); }

static void arrival(struct queue *queue)
{
    struct channel_way *way = container_of(queue, struct channel_way, queue);

    vcpu_interrupt(way->listener, way->vector);
}

void channel_listen(struct channel_way *way, struct vcpu *vcpu, unsigned vector)
{
    way->listener = vcpu;
    way->vector = vector;
    way->queue.arrival = vector ? arrival : NULL;
    if (vector && (!queue_is_empty(&way->queue) || way->queue.ended[QUEUE_SENDER]))
        arrival(&way->queue);
}

/* ---- Creation --------------------------------------------------------------------------------------------- */

static int check(const struct vm *from, const struct vm *to, uint64_t size, uint64_t most)
{
    if (size == 0 || size > most || (size & (size - 1)) || from == to)
        return -ABI_EINVAL;
    if (from->state != VM_NEW || to->state != VM_NEW)
        return -ABI_EBUSY;
    return from->channels == MAX_VM_CHANNELS || to->channels == MAX_VM_CHANNELS ? -ABI_EAGAIN : 0;
}

static void join(struct vm *vm, struct channel_end end)
{
    end.channel->vms++;
    vm->channel[vm->channels++] = end;
}

int channel_create_queue(struct vm *from, struct vm *to, uint64_t slots)
{
    int error = check(from, to, slots, MAX_QUEUE_SLOTS);
    struct channel *c = error ? NULL : mm_pool_alloc(&pool);
    struct channel_way *forth;

    if (!c)
        return error ? error : -ABI_ENOMEM;
    while (PAGE_BYTES << c->slots_order < slots * sizeof(struct message))
        c->slots_order++;
    c->slots = mm_page_alloc(&mm_kernel_account, c->slots_order);
    if (hpa_is_none(c->slots)) {
        mm_pool_free(&pool, c);
        return -ABI_ENOMEM;
    }
    forth = &c->way[CHANNEL_FORTH];
    queue_init(&forth->queue, mm_direct(c->slots), (uint32_t)slots);
    join(from, (struct channel_end){c, CHANNEL_SEND, forth, NULL});
    join(to, (struct channel_end){c, CHANNEL_RECEIVE, NULL, forth});
    return 0;
}

static int map_ring(const struct ring *ring, struct vm *from, struct vm *to)
{
    int error = ring_map(ring, from, from->channels, QUEUE_SENDER);

    if (error)
        return error;
    error = ring_map(ring, to, to->channels, QUEUE_RECEIVER);
    if (error)
        ring_unmap(ring, from, from->channels);
    return error;
}

int channel_create_ring(struct vm *from, struct vm *to, uint64_t pages)
{
    int error = check(from, to, pages, MAX_RING_PAGES);
    struct channel *c = error ? NULL : mm_pool_alloc(&pool);
    struct channel_way *forth, *back;

    if (!c)
        return error ? error : -ABI_ENOMEM;
    error = ring_alloc(&c->ring, (uint32_t)pages);
    if (!error) {
        error = map_ring(&c->ring, from, to);
        if (error)
            ring_free(&c->ring);
    }
    if (error) {
        mm_pool_free(&pool, c);
        return error;
    }
    forth = &c->way[CHANNEL_FORTH];
    back = &c->way[CHANNEL_BACK];
    queue_init(&forth->queue, &c->bell[CHANNEL_FORTH], 1);
    queue_init(&back->queue, &c->bell[CHANNEL_BACK], 1);
    join(from, (struct channel_end){c, CHANNEL_RING_SEND, forth, back});
    join(to, (struct channel_end){c, CHANNEL_RING_RECEIVE, back, forth});
    return 0;
}

/* ---- The end ---------------------------------------------------------------------------------------------- */

void channel_end_all(struct vm *vm)
{
    for (unsigned i = 0; i < vm->channels; i++) {
        const struct channel_end *end = &vm->channel[i];

        if (end->receive)
            queue_end(&end->receive->queue, QUEUE_RECEIVER);
        if (end->send)
            queue_end(&end->send->queue, QUEUE_SENDER);
    }
}

static void destroy(struct channel *c)
{
    if (c->ring.pages)
        ring_free(&c->ring);
    else
        mm_page_free(&mm_kernel_account, c->slots, c->slots_order);
    mm_pool_free(&pool, c);
}

/* A ring's pages stay mapped in a VM to the end of its tables, which don't own them. Its vCPUs are told of arrivals to
 * this end: one that ran when the VM ended may have asked for that after it. */
void channel_leave_all(struct vm *vm)
{
    for (unsigned i = 0; i < vm->channels; i++) {
        const struct channel_end *end = &vm->channel[i];

        if (end->receive)
            end->receive->queue.arrival = NULL;
        if (--end->channel->vms == 0)
            destroy(end->channel);
    }
    vm->channels = 0;
}
