/* What the families of rules of a VM entry share: the rows of some groups on one base, and what becomes of one. */
#ifndef GUESTS_TESTS_ENTRY_H
#define GUESTS_TESTS_ENTRY_H

#include "guests/lib/lab/lab.h"

/* A row: a case of a rule. */
struct entry_row {
    uint16_t rule;
    uint8_t number;
    bool near;
};

/* The rows of a family, in their order: what a CPU that accepts it wrongly does not survive comes last. Filled when one asks. */
enum { ENTRY_ROWS = 2560 };
struct entry_rows {
    const char *groups; /* letters of rules */
    unsigned base;      /* number of a base */
    unsigned count;
    struct entry_row row[ENTRY_ROWS];
};

unsigned entry_rows_count(struct entry_rows *rows);

/* Writes a row's label, "E9.IO_BITMAP_A.bit0". */
void entry_row_name(const struct entry_rows *rows, unsigned number, char label[FEATURE_LABEL]);

/* Enters with it, and expects what the rule says. */
void entry_row_run(const struct entry_rows *rows, unsigned number);

/* A family: a test with this identifier, of these groups, on this base. */
#define ENTRY_FAMILY(identifier, on, groups_, base_, manual)                                                              \
    static struct entry_rows identifier##_rows = {.groups = (groups_), .base = (base_)};                              \
    static unsigned identifier##_count(void) { return entry_rows_count(&identifier##_rows); }                         \
    static void identifier##_name(unsigned number, char label[FEATURE_LABEL])                                         \
    {                                                                                                                 \
        entry_row_name(&identifier##_rows, number, label);                                                            \
    }                                                                                                                 \
    FEATURE_MADE(identifier, on, NEEDS(), manual, "one rule broken, or its nearest legal neighbour",                 \
                 identifier##_count, identifier##_name)                                                               \
    {                                                                                                                 \
        entry_row_run(&identifier##_rows, number);                                                                    \
    }                                                                                                                 \
    _Static_assert(true, "")

#endif
