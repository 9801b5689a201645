/* What the host tests of lib/ and drivers/ share: checks, TAP lines, random numbers of fixed seeds. */
#ifndef TESTS_LIB_SUPPORT_H
#define TESTS_LIB_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Ends the program with a failed test if the condition is false: what follows would only fail in turn. */
#define CHECK(condition) test_check(condition, #condition, __FILE__, __LINE__)
void test_check(bool condition, const char *text, const char *file, int line);

/* Seeds the random numbers, and names the seed in the message of a test that fails. */
void test_seed(uint64_t seed);
uint64_t test_random(void);

/* A random number below n > 0. */
uint64_t test_below(uint64_t n);

/* Prints a TAP line for a finished test, and the plan at the end. */
void test_passed(const char *name);
int test_done(void);

#endif
