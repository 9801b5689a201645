/* What the families of rules of a VM entry share: the rows of some groups on some bases, and what becomes of one. */
#ifndef GUESTS_TESTS_ENTRY_H
#define GUESTS_TESTS_ENTRY_H

#include "guests/lib/lab/lab.h"

/* A row: a case of a rule on a base. */
struct entry_row {
    uint16_t rule;
    uint8_t base, number;
    bool near;
};

/* Groups of rules, by their letters, on some bases, by their numbers. A list ends without groups. */
struct entry_part {
    const char *groups;
    unsigned first_base, last_base;
};

/* The rows of a family. Filled when one asks. */
struct entry_rows {
    enum backend backend;
    const struct entry_part *parts;
    unsigned count, room;
    struct entry_row *row;
};

unsigned entry_rows_count(struct entry_rows *rows);

/* Writes a row's label: "E9.IO_BITMAP_A.bit0" on the first base of all, "S2.GUEST_LDTR_SELECTOR.near-base-real" on others. */
void entry_row_name(const struct entry_rows *rows, unsigned number, char label[FEATURE_LABEL]);

/* Whether a CPU that accepts it wrongly would not survive it. */
bool entry_row_is_last(const struct entry_rows *rows, unsigned number);

/* Enters with it, and expects what the rule says. */
void entry_row_run(const struct entry_rows *rows, unsigned number);

/* The block with the rule arranged on a base; ends the row as a SKIP if that is not possible. */
struct entry_block entry_row_arrange(const struct entry_rule *rule, const struct entry_base *base);

/* Expects what the rule, which is broken in the block, says of an entry with it. */
void entry_row_expect(struct probe_result result, const struct entry_rule *rule, const struct entry_block *block);

/* The test of a family, of some parts: ENTRY_FAMILY(VMX, "title", {"GS", 0, 3}, {"D", 3, 3}). */
#define ENTRY_FAMILY(on, manual, ...)                                                                                 \
    static const struct entry_part entry_parts[] = {__VA_ARGS__, {0}};                                                \
    static struct entry_rows entry_rows = {BACKEND_##on, entry_parts, 0, 0, NULL};                                    \
    static unsigned entry_count(void) { return entry_rows_count(&entry_rows); }                                       \
    static void entry_name(unsigned number, char label[FEATURE_LABEL]) { entry_row_name(&entry_rows, number, label); } \
    static bool entry_last(unsigned number) { return entry_row_is_last(&entry_rows, number); }                        \
    FEATURE_MADE(entry, on, NEEDS(), manual, "one rule broken, or its nearest legal neighbour", entry_count, entry_name, \
                 .last = entry_last)                                                                                  \
    {                                                                                                                 \
        entry_row_run(&entry_rows, number);                                                                           \
    }                                                                                                                 \
    _Static_assert(true, "")

#endif
