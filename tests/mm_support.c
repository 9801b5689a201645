#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */

#include "tests/mm_support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mm/bug.h"
#include "mm/direct.h"

uint64_t test_seed;
bool bug_armed;
jmp_buf bug_landing;

static unsigned tests_passed;
static uint64_t random_state;

void test_check(bool condition, const char *text, const char *file, int line)
{
    if (condition)
        return;
    printf("not ok %u - %s:%d: %s\n", tests_passed + 1, file, line, text);
    printf("# seed %" PRIu64 "\n1..%u\n", test_seed, tests_passed + 1);
    exit(1);
}

void mm_bug(const char *text, uint64_t value)
{
    if (!bug_armed) {
        printf("# mm_bug: %s %" PRIx64 "\n", text, value);
        test_check(false, "no mm_bug", __FILE__, __LINE__);
    }
    bug_armed = false;
    longjmp(bug_landing, 1);
}

void arena_reset(const struct mm_range *ram, unsigned n)
{
    static void *arena;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

    arena = mmap(arena, ARENA_BYTES, PROT_NONE, flags | (arena ? MAP_FIXED : 0), -1, 0);
    CHECK(arena != MAP_FAILED);
    mm_direct_base = (uint64_t)arena;
    for (unsigned i = 0; i < n; i++) {
        uint64_t bytes = ram[i].end - ram[i].start;

        CHECK(mprotect((char *)arena + ram[i].start, bytes, PROT_READ | PROT_WRITE) == 0);
        if (bytes <= 16 * MIB)
            memset((char *)arena + ram[i].start, 0xa5, bytes);
    }
}

unsigned test_rounds(unsigned standard)
{
    const char *wanted = getenv("NESTOR_FUZZ");

    return wanted ? (unsigned)strtoul(wanted, NULL, 10) : standard;
}

void test_round(unsigned round)
{
    test_seed = round + 1;
    random_state = test_seed * 0x9e3779b97f4a7c15ull;
}

/* A linear congruential generator, of which the low bits are mixed with the high ones. */
uint64_t test_random(void)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return random_state ^ random_state >> 29;
}

uint64_t test_below(uint64_t n) { return (test_random() >> 8) % n; }

void test_passed(const char *name)
{
    printf("ok %u - %s\n", ++tests_passed, name);
    test_seed = 0;
}

int test_done(void)
{
    printf("1..%u\n", tests_passed);
    return 0;
}
