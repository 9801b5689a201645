/*
 * Role costs: what exits cost on this machine, as lines "NAME MIN MEDIAN RATIO" of one event each, with the ratio of
 * the best batch to the floor's: an exit and the next entry, with nothing between but what no hypervisor can do without. Before
 * them comes "unit instructions" or "unit ticks".
 */
#include <stddef.h>

#include "guests/demo/bench/bench.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"

/* ---- The floor -------------------------------------------------------------------------------------------- */

/* The call itself, on its usual way, is in both. */
static uint64_t round_trips(unsigned n) { return TICKS(1, hypercall(HC_ROUND_TRIPS, n + 1, 0, 0)); }
static uint64_t round_trips_none(unsigned n) { return (void)n, round_trips(0); }

static const struct event floor_only[] = {
    {"floor", 100, round_trips, round_trips_none, false},
};

/* ---- The unit --------------------------------------------------------------------------------------------- */

#define NOPS_10   "nop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\nnop\n"
#define NOPS_100  NOPS_10 NOPS_10 NOPS_10 NOPS_10 NOPS_10 NOPS_10 NOPS_10 NOPS_10 NOPS_10 NOPS_10
#define NOPS_1000 NOPS_100 NOPS_100 NOPS_100 NOPS_100 NOPS_100 NOPS_100 NOPS_100 NOPS_100 NOPS_100 NOPS_100

/* Whether the TSC counts instructions, as in emulators that run by that clock: no CPU takes a tick for each NOP. */
static bool ticks_are_instructions(void)
{
    enum { NOPS = 1000, TRIES = 5, MOST = 3 };
    unsigned exact = 0;

    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t without = TICKS(1, ), with = TICKS(1, __asm__ volatile(NOPS_1000));

        exact += with - without == NOPS;
    }
    return exact >= MOST;
}

/* ---- The table -------------------------------------------------------------------------------------------- */

/* The quotient in hundredths, rounded. */
static unsigned long long hundredths(unsigned long long a, unsigned long long b)
{
    return b ? (a * 100 + b / 2) / b : 0;
}

static void print(const struct result *results, unsigned count)
{
    unsigned long long floor = hundredths(results[0].min, results[0].event->n);

    console_print("unit %s\n", ticks_are_instructions() ? "instructions" : "ticks");
    for (unsigned i = 0; i < count; i++) {
        const struct result *r = &results[i];
        unsigned long long min = hundredths(r->min, r->event->n), median = hundredths(r->median, r->event->n);
        unsigned long long ratio = hundredths(min, floor);

        console_print("%s %llu.%02llu %llu.%02llu %llu.%02llu\n", r->event->name, min / 100, min % 100, median / 100,
                      median % 100, ratio / 100, ratio % 100);
    }
}

static void nothing(void) {}
static void partner(void) { role_message.partner(); }

const struct role role_costs = {"costs", floor_only, 1, nothing, partner, {&role_alone, &role_message}, print};
