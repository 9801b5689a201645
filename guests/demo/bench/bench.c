/* guest: newlib64 */
/*
 * Measures what the ways through the hypervisor cost: the TSC around batches of n events, less an empty loop. Each
 * event becomes a line "bench NAME N MIN MEDIAN", the ticks of N events in the best batch and in the median one;
 * docs/bench.md tells what they mean. Arguments: a role (alone, counted, switch, message, ring or costs) and how many VMs there are;
 * in the other VMs that take part, the role and "partner".
 */
#include <stdlib.h>
#include <string.h>

#include "guests/demo/bench/bench.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"

enum { BATCHES = 15, EVENTS_MAX = 32 };

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

static void print(const struct result *results, unsigned count, unsigned vms)
{
    for (unsigned i = 0; i < count; i++) {
        const struct event *event = results[i].event;

        console_print("bench %s %u %llu %llu\n", event->name, event->n * (event->each_vm ? vms : 1),
                      (unsigned long long)results[i].min, (unsigned long long)results[i].median);
    }
}

static unsigned measure_role(const struct role *role, struct result *results)
{
    role->prepare();
    for (unsigned i = 0; i < role->count; i++)
        results[i] = measure(&role->events[i]);
    return role->count;
}

/* Prints only when all is measured: printing wakes the root task, which then takes its turns. */
static void run(const struct role *role, unsigned vms)
{
    static struct result results[EVENTS_MAX];
    unsigned count = measure_role(role, results);

    for (unsigned i = 0; i < ROLES_ALSO && role->also[i]; i++)
        count += measure_role(role->also[i], results + count);
    if (role->print)
        role->print(results, count);
    else
        print(results, count, vms);
    test_result(true, "%u events measured", count);
}

int main(int argc, char **argv)
{
    static const struct role *const roles[] = {&role_alone,   &role_counted, &role_switch,
                                               &role_message, &role_ring,    &role_costs};
    bool partner = argc > 2 && strcmp(argv[2], "partner") == 0;

    for (unsigned i = 0; argc > 1 && i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(argv[1], roles[i]->name) != 0)
            continue;
        if (partner) {
            roles[i]->partner();
            for (;;)
                cpu_wait_interrupt();
        }
        run(roles[i], argc > 2 ? (unsigned)atoi(argv[2]) : 1);
        return test_status();
    }
    test_result(false, "a role: alone, counted, switch, message, ring or costs");
    return test_status();
}
