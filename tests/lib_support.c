#include "tests/lib_support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned passed;
static uint64_t seed, state = 1;

void test_check(bool condition, const char *text, const char *file, int line)
{
    if (condition)
        return;
    printf("not ok %u - %s:%d: %s\n# seed %" PRIu64 "\n1..%u\n", passed + 1, file, line, text, seed, passed + 1);
    exit(1);
}

void test_seed(uint64_t value)
{
    seed = value;
    state = value * 0x9e3779b97f4a7c15ull + 1;
}

/* A linear congruential generator, of which the low bits are mixed with the high ones. */
uint64_t test_random(void)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return state ^ state >> 29;
}

uint64_t test_below(uint64_t n) { return (test_random() >> 8) % n; }

void test_passed(const char *name) { printf("ok %u - %s\n", ++passed, name); }

int test_done(void)
{
    printf("1..%u\n", passed);
    return 0;
}
