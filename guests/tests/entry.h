/* What the families of rules of a VM entry share: the rows of some groups on some bases, and what becomes of one. */
#ifndef GUESTS_TESTS_ENTRY_H
#define GUESTS_TESTS_ENTRY_H

#include "guests/lib/lab/lab.h"

/* A row: a case of a rule on a base, or its cases together. */
struct entry_row {
    uint16_t rule;
    uint8_t base, number;
    bool near;
};

/* The rows of a family. Filled when one asks. */
struct entry_rows {
    enum backend backend;
    const char *groups;             /* letters of rules */
    unsigned first_base, last_base; /* numbers of bases */
    bool together;                  /* the cases of a rule on a base make one row: of bits that are wrong alike, some */
    unsigned count, room;
    struct entry_row *row;
};

unsigned entry_rows_count(struct entry_rows *rows);

/*
 * Writes a row's label: "E9.IO_BITMAP_A.bit0" on the first base of all, "S2.GUEST_LDTR_SELECTOR.near-base-real" on others;
 * "S2.GUEST_LDTR_SELECTOR.all-real" for the cases together.
 */
void entry_row_name(const struct entry_rows *rows, unsigned number, char label[FEATURE_LABEL]);

/* The same for a case, or with null for all of them together; on a base, or with null on the first of all. */
void entry_label(char label[FEATURE_LABEL], const struct entry_rule *rule, const struct entry_case *c,
                 const struct entry_base *base);

/* Whether a CPU that accepts it wrongly would not survive it. */
bool entry_row_is_last(const struct entry_rows *rows, unsigned number);

/* Sees whether its rule can be arranged; if not, the row is a SKIP. Only if the row before was on the same base: a base takes
 * more than looking. */
void entry_row_check(const struct entry_rows *rows, unsigned number);

/* Enters with it, and expects what the rule says. Of cases together, each that fails is a result of its own, too. */
void entry_row_run(const struct entry_rows *rows, unsigned number);

/* The block with the rule arranged on a base; ends the row as a SKIP if that is not possible. */
struct entry_block entry_row_arrange(const struct entry_rule *rule, const struct entry_base *base);

/* Breaks a rule that is arranged, in the first way that there is; ends the row as a SKIP if there is none. */
void entry_row_break(const struct entry_rule *rule, const struct entry_base *base, const struct entry_block *block);

/* probe_enter(), again if an interrupt of the host's came first. */
struct probe_result entry_enter(void);

/* Expects what the rule, which is broken in the block, says of an entry with it. */
void entry_row_expect(struct probe_result result, const struct entry_rule *rule, const struct entry_block *block);

/* What a row writes to its block, beside a base: some bits of a field. */
struct entry_change {
    uint32_t field; /* 0: no change */
    uint64_t clear, set;
};

/* Writes some; ends the row as a SKIP if this CPU has no such field. */
void entry_change(const struct entry_block *block, const struct entry_change *changes, unsigned n);

/* Sets controls, and clears those with NOT: a list that ends with 0. */
void entry_control(const struct entry_block *block, const uint16_t *controls);

/* The test of a family: of these groups, on these bases. */
#define ENTRY_FAMILY(on, groups_, first_base_, last_base_, together_, manual)                                          \
    static struct entry_rows entry_rows = {BACKEND_##on, groups_, first_base_, last_base_, together_, 0, 0, NULL};    \
    static unsigned entry_count(void) { return entry_rows_count(&entry_rows); }                                       \
    static void entry_name(unsigned number, char label[FEATURE_LABEL]) { entry_row_name(&entry_rows, number, label); } \
    static bool entry_last(unsigned number) { return entry_row_is_last(&entry_rows, number); }                        \
    static void entry_look(unsigned number) { entry_row_check(&entry_rows, number); }                                 \
    FEATURE_MADE(entry, on, NEEDS(), manual, "one rule broken, or its nearest legal neighbour", entry_count, entry_name, \
                 .last = entry_last, .check = entry_look)                                                                         \
    {                                                                                                                 \
        entry_row_run(&entry_rows, number);                                                                           \
    }                                                                                                                 \
    _Static_assert(true, "")

#endif
