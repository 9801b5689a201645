/* guest: newlib64 */
/*
 * Fills all that a VM owns with values made from a seed, and checks them over and over while others run. Arguments:
 * seed=N (1); rounds=N and ms=N, both at least (one second if neither is given); hold=N (4000); cpuid=N (1; 0: CPUID may change,
 * as it does for a VM that was saved and goes on on another CPU).
 */
#include "guests/demo/canary/canary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/timer.h"

enum { DEFAULT_MS = 1000, DEFAULT_HOLD = 4000 };

/* In the order of planting: loading FS or GS changes its base. */
static struct kind *const kinds[] = {
    &kind_table, &kind_segment, &kind_msr,   &kind_syscall, &kind_control, &kind_debug,
    &kind_gpr,   &kind_swapgs,  &kind_flags, &kind_fpu,     &kind_memory,  &kind_interrupt,
    &kind_cpuid,
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct {
    uint64_t seed, rounds, ms, hold, cpuid;
} options = {.seed = 1, .hold = DEFAULT_HOLD, .cpuid = 1};

static const struct {
    const char *name;
    uint64_t *value;
} option_names[] = {
    {"seed", &options.seed}, {"rounds", &options.rounds}, {"ms", &options.ms}, {"hold", &options.hold},
    {"cpuid", &options.cpuid},
};

static uint64_t random_state;
static const struct kind *current;
static uint64_t round_number;

/* A counter through a mixing function: every number of 64 bits comes once. */
uint64_t canary_random(void)
{
    uint64_t x = random_state += 0x9e3779b97f4a7c15;

    x = (x ^ x >> 32) * 0xd6e8feb86659fd93;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93;
    return x ^ x >> 32;
}

bool canary_knows_cpu(void) { return options.cpuid; }

uint64_t canary_hold_turns(void) { return 1 + canary_random() % options.hold; }

uint64_t canary_rdmsr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

void canary_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* What is wrong may be anything, so there is no going on. `at` is text behind `what`. */
static _Noreturn void give_up(const char *what, const char *at, uint64_t expected, uint64_t got)
{
    test_result(false, "%s: %s%s in round %lu: expected 0x%lx, got 0x%lx", current->name, what, at, round_number,
                expected, got);
    guest_exit(1);
}

void canary_expect_at(const char *what, uint64_t index, uint64_t expected, uint64_t got)
{
    char at[24];

    if (expected == got)
        return;
    snprintf(at, sizeof at, " 0x%lx", index);
    give_up(what, at, expected, got);
}

void canary_expect(const char *what, uint64_t expected, uint64_t got)
{
    if (expected != got)
        give_up(what, "", expected, got);
}

static bool read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        unsigned n = 0;

        while (equals && n < sizeof option_names / sizeof option_names[0] &&
               (strlen(option_names[n].name) != (size_t)(equals - argv[i]) ||
                memcmp(option_names[n].name, argv[i], (size_t)(equals - argv[i])) != 0))
            n++;
        if (!equals || n == sizeof option_names / sizeof option_names[0])
            return test_result(false, "\"%s\" is no option of this guest", argv[i]);
        *option_names[n].value = strtoull(equals + 1, NULL, 0);
    }
    if (!options.rounds && !options.ms)
        options.ms = DEFAULT_MS;
    return true;
}

/* All kinds are planted before the first is checked, and one round's values stay until the next. */
static void run_round(void)
{
    for (unsigned i = 0; i < KINDS; i++) {
        current = kinds[i];
        if (current->plant)
            current->plant();
    }
    for (unsigned i = 0; i < KINDS; i++) {
        current = kinds[i];
        current->check();
        kinds[i]->checks++;
    }
}

int main(int argc, char **argv)
{
    uint64_t end;

    if (!read_options(argc, argv))
        return test_status();
    random_state = options.seed << 32;
    end = cpu_read_tsc() + options.ms * guest_tsc_per_ms();
    for (unsigned i = 0; i < KINDS; i++) {
        current = kinds[i];
        if (current->setup)
            current->setup();
    }
    for (round_number = 1; round_number <= options.rounds || cpu_read_tsc() < end; round_number++)
        run_round();
    for (unsigned i = 0; i < KINDS; i++)
        test_result(kinds[i]->checks > 0, "%s, seed %lu: %lu rounds", kinds[i]->name, options.seed, kinds[i]->checks);
    return test_status();
}
