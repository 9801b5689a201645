/* sources: sched/sched.c mm/direct.c tests/mm_support.c */
#include <string.h>

#include "sched/sched.h"
#include "tests/mm_support.h"

enum { ENTITIES = 12, EVENTS = 2000 };

static struct sched_queue queue;
static struct sched_entity entity[ENTITIES];

/* What the queue should be: numbers of entities in their order, and what each should have been charged. */
static struct model {
    unsigned ready[ENTITIES], n;
    int current, heir; /* -1: none */
    uint64_t started, slice_end, slice[ENTITIES], run[ENTITIES], preemptions[ENTITIES];
} model;

static void reset(const uint64_t *slice)
{
    memset(&queue, 0xa5, sizeof queue);
    memset(entity, 0xa5, sizeof entity);
    memset(&model, 0, sizeof model);
    model.current = model.heir = -1;
    sched_queue_init(&queue);
    for (unsigned i = 0; i < ENTITIES; i++) {
        model.slice[i] = slice ? slice[i] : 100;
        sched_entity_init(&entity[i], &queue, model.slice[i]);
        entity[i].pinned = i % 3 == 0;
    }
}

static bool is_ready(unsigned e)
{
    for (unsigned i = 0; i < model.n; i++)
        if (model.ready[i] == e)
            return true;
    return false;
}

static void check(uint64_t now)
{
    const struct list *node[SCHED_LISTS] = {queue.ready[SCHED_FLOATING].next, queue.ready[SCHED_PINNED].next};
    uint64_t end = model.current < 0 ? UINT64_MAX : model.slice_end;

    for (unsigned i = 0; i < model.n; i++) {
        const struct list **next = &node[entity[model.ready[i]].pinned];

        CHECK(*next == &entity[model.ready[i]].node);
        CHECK((*next)->next->prev == *next);
        *next = (*next)->next;
    }
    for (unsigned list = 0; list < SCHED_LISTS; list++)
        CHECK(node[list] == &queue.ready[list]);
    CHECK(queue.length[SCHED_FLOATING] + queue.length[SCHED_PINNED] == model.n);
    CHECK(sched_any_ready(&queue) == (model.n > 0));
    CHECK(queue.current == (model.current < 0 ? NULL : &entity[model.current]));
    CHECK(queue.heir == (model.heir < 0 ? NULL : &entity[model.heir]));
    CHECK(sched_slice_end(&queue) == end);
    CHECK(sched_slice_over(&queue, now) == (now >= end));
    for (unsigned i = 0; i < ENTITIES; i++)
        CHECK(entity[i].queue == (is_ready(i) ? &queue : NULL));
    for (unsigned i = 0; i < ENTITIES; i++)
        CHECK(entity[i].run_ticks == model.run[i] && entity[i].preemptions == model.preemptions[i]);
}

/* ---- Events, on both sides ---- */

static void make_ready(unsigned e)
{
    sched_ready(&queue, &entity[e], 0);
    model.ready[model.n++] = e;
}

static void remove_entity(unsigned e)
{
    unsigned kept = 0;

    sched_remove(&entity[e]);
    if (model.heir == (int)e && is_ready(e))
        model.heir = -1;
    for (unsigned i = 0; i < model.n; i++)
        if (model.ready[i] != e)
            model.ready[kept++] = model.ready[i];
    model.n = kept;
}

static void stop(uint64_t now)
{
    sched_stop(&queue, now);
    if (model.current < 0)
        return;
    model.run[model.current] += now - model.started;
    model.preemptions[model.current] += now >= model.slice_end;
    model.current = -1;
}

static void pick(uint64_t now)
{
    struct sched_entity *picked = sched_rr_pick(&queue, now);

    CHECK(picked == (model.n ? &entity[model.ready[0]] : NULL));
    if (!model.n)
        return;
    model.current = (int)model.ready[0];
    model.started = now;
    model.slice_end = now + model.slice[model.current];
    model.heir = -1;
    memmove(model.ready, model.ready + 1, --model.n * sizeof *model.ready);
}

static void name_heir(unsigned e)
{
    sched_name_heir(&queue, &entity[e]);
    model.heir = (int)e;
}

/* The current one has blocked, and another goes on in its turn. */
static void took_over(unsigned heir, uint64_t now)
{
    unsigned kept = 0;

    model.run[model.current] += now - model.started;
    model.started = now;
    model.current = (int)heir;
    model.heir = -1;
    for (unsigned i = 0; i < model.n; i++)
        if (model.ready[i] != heir)
            model.ready[kept++] = model.ready[i];
    model.n = kept;
}

/* ---- Tests ---- */

static void test_turns(void)
{
    reset(NULL);
    check(0);
    for (unsigned e = 0; e < 3; e++)
        make_ready(e);
    for (unsigned turn = 0; turn < 9; turn++) {
        pick(turn * 100);
        CHECK(queue.current == &entity[turn % 3] && sched_slice_end(&queue) == turn * 100 + 100);
        CHECK(!sched_slice_over(&queue, turn * 100 + 99) && sched_slice_over(&queue, turn * 100 + 100));
        stop(turn * 100 + 100);
        make_ready(turn % 3);
        check(turn * 100 + 100);
    }
    for (unsigned e = 0; e < 3; e++)
        CHECK(entity[e].run_ticks == 300 && entity[e].preemptions == 3);
    test_passed("round robin: three that never block take turns, each gets the same");
}

static void test_block(void)
{
    reset(NULL);
    make_ready(0);
    make_ready(1);
    pick(1000);
    stop(1099);
    CHECK(entity[0].run_ticks == 99 && entity[0].preemptions == 0);
    pick(1099);
    CHECK(queue.current == &entity[1] && sched_slice_end(&queue) == 1199);
    make_ready(0);
    stop(1300);
    CHECK(entity[1].run_ticks == 201 && entity[1].preemptions == 1);
    check(1300);
    remove_entity(0);
    remove_entity(0);
    CHECK(!sched_rr_pick(&queue, 1400) && sched_slice_end(&queue) == UINT64_MAX && !sched_slice_over(&queue, UINT64_MAX - 1));
    sched_stop(&queue, 1500);
    check(1500);
    test_passed("round robin: who blocks is charged what it ran; an idle queue has no slice");
}

static void test_heir(void)
{
    reset(NULL);
    for (unsigned e = 0; e < 3; e++)
        make_ready(e);
    pick(1000);
    name_heir(2);
    CHECK(sched_inherit(&queue, 1030) == &entity[2]);
    took_over(2, 1030);
    check(1030);
    CHECK(queue.current == &entity[2] && sched_slice_end(&queue) == 1100 && entity[0].run_ticks == 30);
    sched_pass(&queue, &entity[0], 1050);
    took_over(0, 1050);
    check(1099);
    CHECK(queue.current == &entity[0] && !sched_slice_over(&queue, 1099) && sched_slice_over(&queue, 1100));
    name_heir(1);
    stop(1100);
    CHECK(entity[0].preemptions == 1 && entity[2].preemptions == 0 && entity[2].run_ticks == 20);
    pick(1100);
    CHECK(queue.current == &entity[1] && !queue.heir && sched_slice_end(&queue) == 1200);
    check(1100);
    test_passed("round robin: two that pass the pCPU to and fro have one turn between them");
}

/* The current one blocks, and somebody who was ready, or who was not, goes on. */
static void random_heir(unsigned e, uint64_t now)
{
    if (model.current < 0 || (int)e == model.current)
        return;
    if (!is_ready(e)) {
        sched_pass(&queue, &entity[e], now);
        took_over(e, now);
        return;
    }
    name_heir(e);
    if (test_below(2)) {
        CHECK(sched_inherit(&queue, now) == &entity[e]);
        took_over(e, now);
    }
}

static void random_event(uint64_t now)
{
    unsigned e = (unsigned)test_below(ENTITIES);

    switch (test_below(7)) {
    case 0:
    case 1:
        if (!is_ready(e) && (int)e != model.current)
            make_ready(e);
        break;
    case 2:
        if ((int)e != model.current)
            remove_entity(e);
        break;
    case 3:
        stop(now);
        break;
    case 4:
        e = (unsigned)model.current;
        stop(now);
        if (e < ENTITIES)
            make_ready(e);
        break;
    case 5:
        random_heir(e, now);
        break;
    default:
        if (model.current < 0)
            pick(now);
    }
}

static void test_random_events(void)
{
    uint64_t slice[ENTITIES];

    for (unsigned round = 0; round < test_rounds(200); round++) {
        uint64_t now;

        test_round(round);
        for (unsigned i = 0; i < ENTITIES; i++)
            slice[i] = 1 + test_below(200);
        reset(slice);
        now = test_random() >> 2;
        for (unsigned i = 0; i < EVENTS; i++) {
            now += test_below(100);
            random_event(now);
            check(now);
        }
    }
    test_passed("round robin: random events against a model");
}

int main(void)
{
    test_turns();
    test_block();
    test_heir();
    test_random_events();
    return test_done();
}
