/*
 * What came of a row. The worst verdict counts, PASS < SKIP < ERROR < FAIL, and its first reason is the text of the result.
 * A row that expected nothing is an ERROR. The EXPECT_* go on when they fail; their value says whether they held.
 */
#ifndef GUESTS_LIB_FEATURE_OUTCOME_H
#define GUESTS_LIB_FEATURE_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "guests/lib/feature/text.h"

enum verdict {
    VERDICT_PASS,
    VERDICT_SKIP,
    VERDICT_ERROR,   /* the test could not find out: a refused write, a fault that nobody expected */
    VERDICT_FAIL,    /* the machine does not do what the manual says */
    VERDICT_TIMEOUT, /* a FAIL: nothing more came within the row's budget */
};

struct outcome {
    enum verdict verdict;
    unsigned expectations, failures;
    char why[176];
};

enum relation { RELATION_EQ, RELATION_NE, RELATION_LT, RELATION_LE, RELATION_GT, RELATION_GE };

/* Each takes integers or pointers of up to 64 bits, compared without sign. */
#define EXPECT(condition)        outcome_expect((condition), #condition, __FILE__, __LINE__)
#define EXPECT_EQ(got, expected) EXPECT_RELATION(RELATION_EQ, got, expected)
#define EXPECT_NE(got, expected) EXPECT_RELATION(RELATION_NE, got, expected)
#define EXPECT_LT(got, expected) EXPECT_RELATION(RELATION_LT, got, expected)
#define EXPECT_LE(got, expected) EXPECT_RELATION(RELATION_LE, got, expected)
#define EXPECT_GT(got, expected) EXPECT_RELATION(RELATION_GT, got, expected)
#define EXPECT_GE(got, expected) EXPECT_RELATION(RELATION_GE, got, expected)
/* That some bits of a value are as they should be. */
#define EXPECT_BITS(got, mask, expected) EXPECT_RELATION(RELATION_EQ, (got) & (mask), expected)
#define EXPECT_RELATION(relation, got, expected)                                                                      \
    outcome_compare(relation, (uint64_t)(got), (uint64_t)(expected), #got, __FILE__, __LINE__)

bool outcome_expect(bool held, const char *what, const char *file, unsigned line);
bool outcome_compare(enum relation relation, uint64_t got, uint64_t expected, const char *what, const char *file,
                     unsigned line);

/* A FAIL with a text of one's own; the row goes on. Format as in format_text(). */
#define FAIL(...) outcome_fail(__FILE__, __LINE__, __VA_ARGS__)
__attribute__((format(printf, 3, 4))) void outcome_fail(const char *file, unsigned line, const char *format, ...);

/* Verdicts that end the row at once, in CPL 0. */
#define SKIP(...) outcome_end(VERDICT_SKIP, __FILE__, __LINE__, __VA_ARGS__)
#define ERROR(...) outcome_end(VERDICT_ERROR, __FILE__, __LINE__, __VA_ARGS__)
__attribute__((format(printf, 4, 5))) _Noreturn void outcome_end(enum verdict verdict, const char *file, unsigned line,
                                                                 const char *format, ...);

/* Sends what has come of the row so far as a result under another label, and begins it anew. */
extern void (*outcome_tell)(const char *label);

/* ---- For the library ---- */

/* The current row's. */
extern struct outcome outcome;

/* Adds to the text of a failure what was seen; null: nothing does. */
extern void (*outcome_context)(struct text *text);

/* Leaves the row. */
extern void (*outcome_leave)(void);

void outcome_begin(void);

/* Takes a verdict if it is worse than the row's, and then its reason; `file` may be null. */
__attribute__((format(printf, 4, 5))) void outcome_worsen(enum verdict verdict, const char *file, unsigned line,
                                                          const char *format, ...);

/* The row is through: writes its result line, "not ok ID # why" and the like, as HC_TEST takes it; returns its length. */
size_t outcome_line(const char *id, char *line, size_t room);

#endif
