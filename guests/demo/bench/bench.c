/* guest: newlib64 */
/*
 * Measures what the ways through the hypervisor cost: the TSC around batches of n events, less an empty loop. Each
 * event becomes a line "bench NAME N MIN MEDIAN", the ticks of N events in the best batch and in the median one;
 * docs/bench.md tells what they mean. Argument: alone, paired (with a second VM that is the partner), counted, or partner.
 */
#include <stdlib.h>
#include <string.h>

#include "guests/demo/bench/bench.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"

enum { BATCHES = 15, EVENTS_MAX = 32 };

struct result {
    const struct event *event;
    uint64_t min, median; /* ticks of event->n events */
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static struct result measure(const struct event *event)
{
    uint64_t ticks[BATCHES], overhead = 0;

    if (event->overhead) {
        event->overhead(event->n); /* once to warm it up: it may touch its code's page first */
        overhead = event->overhead(event->n);
    }
    for (unsigned i = 0; i < BATCHES; i++)
        ticks[i] = event->batch(event->n) - overhead;
    qsort(ticks, BATCHES, sizeof ticks[0], compare);
    return (struct result){event, ticks[0], ticks[BATCHES / 2]};
}

/* Prints only when all is measured: printing wakes the root task, which then takes its turns. */
static void run(const struct event *events, unsigned count)
{
    static struct result results[EVENTS_MAX];

    for (unsigned i = 0; i < count; i++)
        results[i] = measure(&events[i]);
    for (unsigned i = 0; i < count; i++) {
        const struct event *event = results[i].event;

        console_print("bench %s %u %llu %llu\n", event->name, event->n * (event->per_turn ? event->per_turn : 1),
                      (unsigned long long)results[i].min, (unsigned long long)results[i].median);
    }
    test_result(true, "%u events measured", count);
}

int main(int argc, char **argv)
{
    const char *role = argc > 1 ? argv[1] : "alone";

    events_prepare();
    if (strcmp(role, "partner") == 0)
        events_partner();
    if (strcmp(role, "paired") == 0)
        run(events_paired, events_paired_count);
    else if (strcmp(role, "counted") == 0)
        run(events_counted, events_counted_count);
    else
        run(events_alone, events_alone_count);
    return test_status();
}
