/* sources: sched/sched.c sched/policy.c mm/direct.c tests/mm_support.c */
/* Who may run, and where: several pCPUs against a model, with random events; and that the cost does not grow. */
#include "sched/policy.h"

#include <sanitizer/asan_interface.h>
#include <string.h>

#include "tests/mm_support.h"

enum { QUEUES = 5, ENTITIES = 14, EVENTS = 3000, MANY = 256 };

static struct sched_machine machine;
static struct sched_queue queue[QUEUES];
static struct sched_entity entity[MANY];
static unsigned queues, entities;
static uint64_t now;

/* What all that should be. Numbers of queues and entities; NONE: none. */
enum { NONE = -1 };
static struct {
    int home, move_to;
    enum sched_state state;
    bool pinned, running;
    bool sent; /* waits where root has sent it, be another pCPU idle or not */
    unsigned holds;
    uint64_t run, since, waited;
} model[ENTITIES];
static struct {
    int ready[ENTITIES], current;
    unsigned n;
    bool idle, told; /* told: its pCPU has been called to look at the queue */
    uint64_t started;
} cpu[QUEUES];

static void begin(unsigned n_queues, unsigned n_entities)
{
    memset(&machine, 0, sizeof machine);
    memset(queue, 0xa5, sizeof queue);
    memset(entity, 0xa5, sizeof entity);
    memset(model, 0, sizeof model);
    memset(cpu, 0, sizeof cpu);
    queues = n_queues;
    entities = n_entities;
    for (unsigned q = 0; q < queues; q++) {
        sched_queue_init(&queue[q]);
        sched_join(&machine, &queue[q]);
        CHECK(queue[q].number == q && machine.queues == q + 1);
        cpu[q].current = NONE;
    }
    for (unsigned e = 0; e < entities; e++)
        sched_entity_init(&entity[e], &queue[e % queues], 1 + e);
}

static void begin_random(void)
{
    begin(1 + (unsigned)test_below(QUEUES), 1 + (unsigned)test_below(ENTITIES));
    for (unsigned e = 0; e < entities; e++) {
        model[e].home = (int)(e % queues);
        model[e].move_to = NONE;
        model[e].pinned = entity[e].pinned = test_below(3) == 0;
    }
}

/* ---- The model ---- */

static void told(const struct sched_queue *q)
{
    if (q)
        cpu[q->number].told = true;
}

static int an_idle_one(void)
{
    for (unsigned q = 0; q < queues; q++)
        if (cpu[q].idle)
            return (int)q;
    return NONE;
}

static void model_place(unsigned e)
{
    if (!model[e].pinned && !cpu[model[e].home].idle && an_idle_one() != NONE)
        model[e].home = an_idle_one();
}

/* Whether it is put in a queue whose pCPU was idle, and has to be told. */
static bool model_enqueue(unsigned e, uint64_t since)
{
    int home = model[e].home;
    bool was_idle = cpu[home].idle;

    if (model[e].holds)
        return false;
    cpu[home].ready[cpu[home].n++] = (int)e;
    cpu[home].idle = false;
    model[e].since = since;
    model[e].sent = false;
    return was_idle;
}

static int model_find(unsigned e)
{
    for (unsigned q = 0; q < queues; q++)
        for (unsigned i = 0; i < cpu[q].n; i++)
            if (cpu[q].ready[i] == (int)e)
                return (int)q;
    return NONE;
}

static void model_remove(unsigned e)
{
    int q = model_find(e);
    unsigned kept = 0;

    if (q == NONE)
        return;
    for (unsigned i = 0; i < cpu[q].n; i++)
        if (cpu[q].ready[i] != (int)e)
            cpu[q].ready[kept++] = cpu[q].ready[i];
    cpu[q].n = kept;
    model[e].sent = false;
}

static unsigned floating(unsigned q, int *first)
{
    unsigned n = 0;

    for (unsigned i = cpu[q].n; i-- > 0;)
        if (!model[cpu[q].ready[i]].pinned) {
            *first = cpu[q].ready[i];
            n++;
        }
    return n;
}

static void model_steal(unsigned thief)
{
    unsigned most = 0;
    int taken = NONE;

    for (unsigned q = 0; q < queues; q++) {
        int first = NONE;
        unsigned n = floating(q, &first);

        if (n > most && (cpu[q].current != NONE || cpu[q].n > 1 || !model[first].sent)) { /* that one is still on its way */
            most = n;
            taken = first;
        }
    }
    if (taken == NONE)
        return;
    model_remove((unsigned)taken);
    model[taken].home = (int)thief;
    cpu[thief].ready[cpu[thief].n++] = taken;
}

static void model_run(unsigned q, unsigned e)
{
    model[e].waited += now - model[e].since;
    model_remove(e);
    model[e].running = true;
    cpu[q].current = (int)e;
    cpu[q].started = now;
}

static void check(void)
{
    for (unsigned q = 0; q < queues; q++) {
        bool idle = machine.idle >> q & 1;
        unsigned n = queue[q].length[SCHED_FLOATING] + queue[q].length[SCHED_PINNED];
        int first = NONE;

        CHECK(idle == cpu[q].idle && n == cpu[q].n);
        CHECK(queue[q].current == (cpu[q].current == NONE ? NULL : &entity[cpu[q].current]));
        for (unsigned other = 0; idle && other < queues; other++) /* nobody sleeps while there is work that may move */
            CHECK(cpu[q].n == 0 && (floating(other, &first) == 0 || model[first].sent || cpu[other].current == NONE));
    }
    for (unsigned e = 0; e < entities; e++) {
        bool waits = model[e].state == SCHED_READY && !model[e].running && !model[e].holds;

        CHECK(entity[e].home == &queue[model[e].home] && entity[e].state == model[e].state);
        CHECK(entity[e].running == model[e].running && entity[e].holds == model[e].holds);
        CHECK(entity[e].queue == (waits ? entity[e].home : NULL) && model_find(e) == (waits ? model[e].home : NONE));
        CHECK(!model[e].pinned || model[e].home == (int)(e % queues));
        CHECK(entity[e].run_ticks == model[e].run && entity[e].wait_ticks == model[e].waited);
    }
}

/* ---- Events, on both sides ---- */

/* The pCPU looks for somebody to run; its current one's turn is over. */
static void dispatch(unsigned q)
{
    int old = cpu[q].current;
    struct sched_entity *next;
    unsigned victim;

    sched_stop(&queue[q], now);
    if (old != NONE) {
        told(sched_put(&entity[old], now));
        model[old].run += now - cpu[q].started;
        model[old].running = false;
        cpu[q].current = NONE;
        if (model[old].move_to != NONE)
            model[old].home = model[old].move_to;
        else if (model[old].state == SCHED_READY && !model[old].holds && cpu[q].n > 0)
            model_place((unsigned)old);
        if (model[old].state == SCHED_READY) {
            CHECK(!model_enqueue((unsigned)old, now) || cpu[model[old].home].told);
            model[old].sent = model[old].move_to != NONE;
        }
        model[old].move_to = NONE;
    }
    sched_awake(&queue[q]);
    cpu[q].idle = cpu[q].told = false;
    next = sched_pick(&queue[q], now, &victim);
    if (cpu[q].n == 0)
        model_steal(q);
    cpu[q].idle = cpu[q].n == 0;
    CHECK(next == (cpu[q].idle ? NULL : &entity[cpu[q].ready[0]]));
    if (!cpu[q].idle)
        model_run(q, (unsigned)cpu[q].ready[0]);
}

/* The current one blocks; somebody who is ready here may go on in its turn. */
static void block(unsigned q)
{
    int old = cpu[q].current, heir = cpu[q].n ? cpu[q].ready[test_below(cpu[q].n)] : NONE;

    if (old == NONE || model[old].state != SCHED_READY)
        return;
    entity[old].state = model[old].state = SCHED_BLOCKED;
    if (test_below(4) == 0)
        return; /* something comes before its pCPU has left it */
    if (heir == NONE || cpu[q].told || test_below(2)) {
        dispatch(q);
        return;
    }
    sched_name_heir(&queue[q], &entity[heir]);
    CHECK(sched_inherit(&queue[q], now) == &entity[heir]);
    entity[heir].running = true;
    told(sched_put(&entity[old], now));
    model[old].run += now - cpu[q].started;
    model[old].running = false;
    if (model[old].move_to != NONE)
        model[old].home = model[old].move_to;
    model[old].move_to = NONE;
    model_run(q, (unsigned)heir);
}

static void wake(unsigned e)
{
    struct sched_queue *result = sched_wake(&entity[e], now);

    told(result);
    if (model[e].state != SCHED_NEW && model[e].state != SCHED_BLOCKED)
        return;
    model[e].state = SCHED_READY;
    if (model[e].running)
        return;
    if (!model[e].holds)
        model_place(e);
    CHECK(model_enqueue(e, now) == (result != NULL));
}

static void hold(unsigned e)
{
    told(sched_hold(&entity[e]));
    model[e].holds++;
    model_remove(e);
    CHECK(!model[e].running || cpu[model[e].home].told);
}

static void release(unsigned e)
{
    if (model[e].holds == 0)
        return;
    told(sched_release(&entity[e], now));
    if (--model[e].holds > 0 || model[e].state != SCHED_READY || model[e].running)
        return;
    model_place(e);
    CHECK(!model_enqueue(e, now) || cpu[model[e].home].told);
}

static void move(unsigned e)
{
    int to = (int)test_below(queues);

    if (model[e].pinned)
        return;
    told(sched_move(&entity[e], &queue[to]));
    if (model[e].running) {
        model[e].move_to = to;
        CHECK(cpu[model[e].home].told);
        return;
    }
    model[e].home = to;
    if (model_find(e) == NONE)
        return;
    model_remove(e);
    CHECK(!model_enqueue(e, model[e].since) || cpu[to].told);
    model[e].sent = true;
}

static void end(unsigned e)
{
    if (test_below(20))
        return;
    sched_kill(&entity[e]);
    model_remove(e);
    model[e].state = SCHED_DEAD;
    if (model[e].running)
        cpu[model[e].home].told = true;
}

static void random_event(void)
{
    unsigned e = (unsigned)test_below(entities), q = (unsigned)test_below(queues);

    now += test_below(50);
    switch (test_below(9)) {
    case 0:
    case 1:
        wake(e);
        break;
    case 2:
        hold(e);
        break;
    case 3:
    case 4:
        release(e);
        break;
    case 5:
        move(e);
        break;
    case 6:
        block(q);
        break;
    case 7:
        end(e);
        break;
    default:
        dispatch(q);
    }
    for (q = 0; q < queues; q++)
        if (cpu[q].told && test_below(2))
            dispatch(q);
}

static void test_random_events(void)
{
    for (unsigned round = 0; round < test_rounds(300); round++) {
        test_round(round);
        begin_random();
        now = test_random() >> 2;
        for (unsigned i = 0; i < EVENTS; i++) {
            random_event();
            check();
        }
    }
    test_passed("policy: waking, blocking, holding, moving, ending, stealing: random events against a model");
}

/* ---- By hand ---- */

static struct sched_entity *look(unsigned q)
{
    unsigned victim;

    sched_stop(&queue[q], now);
    sched_awake(&queue[q]);
    return sched_pick(&queue[q], now, &victim);
}

static void test_places(void)
{
    begin(3, 5);
    entity[4].pinned = true; /* home is 1 */
    for (unsigned q = 0; q < 3; q++)
        CHECK(look(q) == NULL);
    CHECK(machine.idle == 7);
    CHECK(sched_wake(&entity[1], 0) == &queue[1] && look(1) == &entity[1]);
    CHECK(sched_wake(&entity[4], 0) == NULL && entity[4].home == &queue[1] && machine.idle == 5);
    CHECK(sched_put(&entity[1], 0) == &queue[0] && machine.idle == 4);
    CHECK(look(1) == &entity[4] && look(0) == &entity[1]);
    entity[1].state = SCHED_BLOCKED;
    CHECK(sched_put(&entity[1], 0) == NULL && look(0) == NULL && sched_wake(&entity[1], 0) == &queue[0]);
    CHECK(look(0) == &entity[1] && sched_wake(&entity[0], 0) == &queue[2] && entity[0].home == &queue[2]);
    CHECK(look(2) == &entity[0] && machine.idle == 0 && sched_wake(&entity[2], 0) == NULL && entity[2].home == &queue[2]);
    test_passed("policy: home if it is free, else who is idle, else home; pinned ones stay, and others make way for them");
}

static void test_thief(void)
{
    begin(3, 9);
    for (unsigned e = 0; e < 9; e++)
        entity[e].pinned = e % 3 == 0; /* the queues' homes are e % 3: all of queue 0 is pinned */
    for (unsigned e = 0; e < 9; e++)
        if (e != 2)
            sched_wake(&entity[e], e);
    now = 100;
    entity[3].state = SCHED_BLOCKED;
    CHECK(queue[0].length[SCHED_PINNED] == 3 && queue[1].length[SCHED_FLOATING] == 3 && queue[2].length[SCHED_FLOATING] == 2);
    for (unsigned e = 5; e < 9; e += 3)
        sched_hold(&entity[e]);
    CHECK(look(2) == &entity[1] && entity[1].home == &queue[2] && entity[1].wait_ticks == 99);
    test_passed("policy: a thief takes from where most wait that may move, however many others wait elsewhere");
}

/* pCPU 0 has nothing else to do, and is the first to look for work again. */
static void test_sent(void)
{
    begin(2, 2);
    entity[1].home = &queue[0];
    CHECK(!look(0) && !look(1));
    CHECK(sched_wake(&entity[0], 0) == &queue[0] && look(0) == &entity[0]);
    CHECK(sched_move(&entity[0], &queue[1]) == &queue[0]);
    sched_stop(&queue[0], now);
    CHECK(sched_put(&entity[0], now) == &queue[1] && !look(0) && look(1) == &entity[0]);
    entity[0].state = SCHED_BLOCKED;
    sched_stop(&queue[1], now);
    CHECK(!sched_put(&entity[0], now) && !look(1) && machine.idle == 3);
    CHECK(sched_wake(&entity[0], now) == &queue[1] && look(0) == &entity[0]);
    test_passed("policy: who is sent to an idle pCPU is not stolen before that one has come to look; who wakes there is");
}

/* ---- The cost ---- */

/* Only these may be touched from now on; the others' memory is off limits. */
static void only(const struct sched_entity *const *allowed, unsigned n)
{
    __asan_poison_memory_region(entity, sizeof entity);
    for (unsigned i = 0; i < n; i++)
        __asan_unpoison_memory_region(allowed[i], sizeof *allowed[i]);
}

/* 256 in two queues, half of them pinned: whatever is done touches the entity and its neighbours in a list, and no other. */
static void test_cost(void)
{
    unsigned victim;

    begin(2, MANY);
    for (unsigned e = 0; e < MANY; e++) {
        entity[e].home = &queue[0];
        entity[e].pinned = e < MANY / 2;
        sched_wake(&entity[e], 0);
    }
    only((const struct sched_entity *[]){&entity[0], &entity[1], &entity[128]}, 3);
    CHECK(sched_pick(&queue[0], 0, &victim) == &entity[0]);
    only((const struct sched_entity *[]){&entity[0], &entity[127]}, 2);
    sched_stop(&queue[0], 1);
    CHECK(!sched_put(&entity[0], 1));
    only((const struct sched_entity *[]){&entity[128], &entity[129]}, 2);
    CHECK(sched_pick(&queue[1], 1, &victim) == &entity[128] && victim == 0);
    only((const struct sched_entity *[]){&entity[199], &entity[200], &entity[201], &entity[255]}, 4);
    CHECK(!sched_hold(&entity[200]) && !sched_release(&entity[200], 2));
    only((const struct sched_entity *[]){&entity[128], &entity[200]}, 2);
    entity[128].state = SCHED_BLOCKED;
    sched_stop(&queue[1], 3);
    CHECK(!sched_put(&entity[128], 3) && !sched_wake(&entity[128], 4));
    __asan_unpoison_memory_region(entity, sizeof entity);
    test_passed("policy: picking, waking, switching and stealing among 256 touch no more than their neighbours");
}

int main(void)
{
    test_places();
    test_thief();
    test_sent();
    test_cost();
    test_random_events();
    return test_done();
}
