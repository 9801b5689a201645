/* sources: kernel/ipc/queue.c tests/lib_support.c */
/* The queue object against a model, with random events at both of its sides. */
#include "kernel/ipc/queue.h"

#include <string.h>

#include "config/abi.h"
#include "tests/lib_support.h"

enum { MOST_SLOTS = 16, WAITERS = 6, EVENTS = 4000, ROUNDS = 60, NOTHING = 1 };

static struct queue queue;
static struct message slot[MOST_SLOTS + 2]; /* with one before and one behind that nobody may touch */

/* Those who wait, at either side: what they were told. */
static struct party {
    struct queue_waiter waiter;
    int result; /* NOTHING: not told yet */
    struct message message;
} party[QUEUE_SIDES][WAITERS];

/* What the queue should be: numbers of messages and of parties in their order. */
static struct model {
    uint64_t message[MOST_SLOTS];
    unsigned n, slots;
    unsigned waiting[QUEUE_SIDES][WAITERS], waiters[QUEUE_SIDES];
    uint64_t sends[WAITERS]; /* the messages of senders that wait */
    bool ended[QUEUE_SIDES];
    unsigned arrivals;
} model;

static unsigned arrivals;
static uint64_t next_number;

static void count_arrival(struct queue *q)
{
    CHECK(q == &queue);
    arrivals++;
}

static struct message make(uint64_t number)
{
    struct message m;

    for (unsigned i = 0; i < MESSAGE_WORDS; i++)
        m.word[i] = number * MESSAGE_WORDS + i;
    return m;
}

static bool is(const struct message *m, uint64_t number)
{
    struct message expected = make(number);

    return memcmp(m, &expected, sizeof expected) == 0;
}

static void told(struct queue_waiter *waiter, int result, const struct message *message)
{
    struct party *p = container_of(waiter, struct party, waiter);

    CHECK(p->result == NOTHING && result != NOTHING && waiter->queue == NULL);
    p->result = result;
    if (message)
        p->message = *message;
}

static void start(unsigned slots)
{
    memset(&model, 0, sizeof model);
    memset(party, 0, sizeof party);
    memset(slot, 0xa5, sizeof slot);
    memset(&queue, 0xa5, sizeof queue);
    model.slots = slots;
    arrivals = 0;
    queue_init(&queue, &slot[1], slots);
    queue.head = queue.tail = UINT32_MAX - 20; /* the counters wrap on the way */
    queue.arrival = count_arrival;
    for (unsigned side = 0; side < QUEUE_SIDES; side++)
        for (unsigned i = 0; i < WAITERS; i++)
            party[side][i].waiter.done = told;
}

/* Takes waiter number `at` of a side out of the model. */
static unsigned take(enum queue_side side, unsigned at)
{
    unsigned who = model.waiting[side][at];

    memmove(&model.waiting[side][at], &model.waiting[side][at + 1], (--model.waiters[side] - at) * sizeof(unsigned));
    return who;
}

/* The party was told this, just now. */
static void was_told(enum queue_side side, unsigned who, int result)
{
    CHECK(party[side][who].result == result);
    party[side][who].result = NOTHING;
}

static void check_all(void)
{
    struct list *node;

    CHECK(queue.tail - queue.head == model.n && queue_is_empty(&queue) == (model.n == 0));
    for (unsigned i = 0; i < model.n; i++)
        CHECK(is(&slot[1 + ((queue.head + i) & (model.slots - 1))], model.message[i]));
    for (unsigned side = 0; side < QUEUE_SIDES; side++) {
        node = queue.waiting[side].next;
        for (unsigned i = 0; i < model.waiters[side]; i++, node = node->next)
            CHECK(node == &party[side][model.waiting[side][i]].waiter.node);
        CHECK(node == &queue.waiting[side]);
        CHECK(queue_first_waiter(&queue, side) ==
              (model.waiters[side] ? &party[side][model.waiting[side][0]].waiter : NULL));
        CHECK(queue.ended[side] == model.ended[side]);
    }
    CHECK(arrivals == model.arrivals);
    for (unsigned i = 0; i < sizeof *slot; i++)
        CHECK(((uint8_t *)slot)[i] == 0xa5 && ((uint8_t *)&slot[1 + model.slots])[i] == 0xa5);
}

/* A party of a side that does not wait, or WAITERS. */
static unsigned find_free(enum queue_side side)
{
    unsigned first = (unsigned)test_below(WAITERS);

    for (unsigned i = 0; i < WAITERS; i++)
        if (!party[side][(first + i) % WAITERS].waiter.queue)
            return (first + i) % WAITERS;
    return WAITERS;
}

static void begin_wait(enum queue_side side, uint64_t number)
{
    unsigned who = find_free(side);

    if (who == WAITERS || test_below(2))
        return;
    party[side][who].result = NOTHING;
    party[side][who].waiter.message = make(number);
    model.sends[who] = side == QUEUE_SENDER ? number : model.sends[who];
    model.waiting[side][model.waiters[side]++] = who;
    queue_wait(&queue, side, &party[side][who].waiter);
}

static void event_send(void)
{
    uint64_t number = next_number++;
    struct message m = make(number);
    int result = queue_send(&queue, &m);

    if (model.waiters[QUEUE_RECEIVER]) {
        unsigned who = take(QUEUE_RECEIVER, 0);

        CHECK(result == 0 && is(&party[QUEUE_RECEIVER][who].message, number));
        was_told(QUEUE_RECEIVER, who, 0);
    } else if (model.ended[QUEUE_RECEIVER]) {
        CHECK(result == -ABI_EPIPE);
    } else if (model.n == model.slots) {
        CHECK(result == -ABI_EAGAIN);
        begin_wait(QUEUE_SENDER, number);
    } else {
        CHECK(result == 0);
        model.arrivals += model.n == 0;
        model.message[model.n++] = number;
    }
}

static void event_receive(void)
{
    struct message m;
    int result = queue_receive(&queue, &m);

    if (model.n == 0) {
        CHECK(result == (model.ended[QUEUE_SENDER] ? -ABI_EPIPE : -ABI_EAGAIN));
        if (result == -ABI_EAGAIN && !model.ended[QUEUE_RECEIVER])
            begin_wait(QUEUE_RECEIVER, 0);
        return;
    }
    CHECK(result == 0 && is(&m, model.message[0]));
    memmove(model.message, model.message + 1, --model.n * sizeof *model.message);
    if (model.waiters[QUEUE_SENDER]) {
        unsigned who = take(QUEUE_SENDER, 0);

        model.message[model.n++] = model.sends[who];
        was_told(QUEUE_SENDER, who, 0);
    }
}

static void event_cancel(void)
{
    enum queue_side side = (enum queue_side)test_below(QUEUE_SIDES);
    unsigned at = (unsigned)test_below(WAITERS);

    if (at < model.waiters[side])
        queue_cancel(&party[side][take(side, at)].waiter);
    else
        queue_cancel(&party[side][find_free(side) % WAITERS].waiter); /* no-op, unless all wait */
    for (unsigned i = 0; i < model.waiters[side]; i++) /* if all did, it was number 0 */
        if (!party[side][model.waiting[side][i]].waiter.queue)
            take(side, i);
}

static void event_end(enum queue_side side)
{
    enum queue_side other = 1 - side;

    queue_end(&queue, side);
    if (model.ended[side])
        return;
    model.ended[side] = true;
    while (model.waiters[side])
        CHECK(party[side][take(side, 0)].result == NOTHING);
    while (model.waiters[other])
        was_told(other, take(other, 0), -ABI_EPIPE);
    if (side == QUEUE_RECEIVER)
        model.n = 0;
    else
        model.arrivals++;
}

static void run(unsigned slots)
{
    start(slots);
    for (unsigned i = 0; i < EVENTS; i++) {
        uint64_t bias = i / 100 % 3, what = test_below(100);

        if (i > EVENTS / 2 && what == 0 && test_below(10) == 0)
            event_end((enum queue_side)test_below(QUEUE_SIDES));
        else if (what < 5)
            event_cancel();
        else if (what < 35 + bias * 15)
            event_send();
        else
            event_receive();
        check_all();
    }
    event_end(QUEUE_SENDER);
    while (model.n)
        event_receive();
    event_receive();
    event_end(QUEUE_RECEIVER);
    event_send();
    check_all();
}

static void test_listener(void)
{
    struct message m = make(1);

    start(2);
    CHECK(queue_send(&queue, &m) == 0 && arrivals == 1);
    CHECK(queue_send(&queue, &m) == 0 && arrivals == 1);
    queue.arrival = NULL;
    CHECK(queue_receive(&queue, &m) == 0 && queue_receive(&queue, &m) == 0 && queue_send(&queue, &m) == 0);
    queue_end(&queue, QUEUE_SENDER);
    CHECK(arrivals == 1 && queue_receive(&queue, &m) == 0 && queue_receive(&queue, &m) == -ABI_EPIPE);
    test_passed("an arrival is told at an empty queue only, if anybody wants to know");
}

int main(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        test_seed(i + 1);
        run(1u << test_below(5));
    }
    test_passed("random events at both sides do what the model does");
    test_listener();
    return test_done();
}
