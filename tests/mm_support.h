/* What the host tests of mm/ share: memory that stands for the machine's RAM, expected bugs, seeds, TAP output. */
#ifndef TESTS_MM_SUPPORT_H
#define TESTS_MM_SUPPORT_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "mm/ranges.h"

/* Bytes of physical address space that there are; ranges of it become RAM. Touching the rest is a SEGV. */
#define ARENA_BYTES (1ull << 40)

/* Makes all of the arena absent again, and of it the given ranges (page-aligned) RAM, filled with garbage if small. */
void arena_reset(const struct mm_range *ram, unsigned n);

/* The seed of the fuzz round that runs, for messages; 0 outside. */
extern uint64_t test_seed;

/* How many rounds a fuzz test has to run: NESTOR_FUZZ, or `standard`. */
unsigned test_rounds(unsigned standard);

/* Begins fuzz round number `round`: seeds the random numbers. */
void test_round(unsigned round);

uint64_t test_random(void);

/* A random number below n > 0. */
uint64_t test_below(uint64_t n);

/* Prints a TAP line for a finished test, and the plan at the end. */
void test_passed(const char *name);
int test_done(void);

/* Ends the program with a failed test if the condition is false: what follows would only fail in turn. */
#define CHECK(condition) test_check(condition, #condition, __FILE__, __LINE__)
void test_check(bool condition, const char *text, const char *file, int line);

/* Whether the statement calls mm_bug. */
#define RAISES_BUG(statement) (bug_armed = true, setjmp(bug_landing) ? true : ((statement), bug_armed = false, false))
extern bool bug_armed;
extern jmp_buf bug_landing;

#endif
