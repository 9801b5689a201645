/*
 * VMRUN by what it leaves and takes: one that fails changes nothing in the VMCB but the exit fields; and what looks wrong, but is
 * legal, is entered.
 */
#include "guests/tests/entry.h"

#include "guests/lib/feature/text.h"

#define MANUAL "Canonicalization and Consistency Checks"
enum { VMCB_BYTES = 4096 };

/* ---- One that fails: a row for each rule, with its first case that this CPU has ------------------------------------- */

static const struct entry_rule *broken_rule(unsigned number)
{
    for (unsigned i = 0; i < entry_rule_count(BACKEND_SVM); i++)
        if (!entry_rule(BACKEND_SVM, i)->no_row && number-- == 0)
            return entry_rule(BACKEND_SVM, i);
    return NULL;
}

static unsigned count(void)
{
    unsigned n = 0;

    while (broken_rule(n))
        n++;
    return n;
}

static void name(unsigned number, char label[FEATURE_LABEL])
{
    const struct entry_rule *rule = broken_rule(number);
    struct text text = text_begin(label, FEATURE_LABEL);

    text_put(&text, "%s.%s", rule->id, entry_field_name(rule->field));
}

/* EXITCODE, EXITINFO1 and 2, EXITINTINFO; the next RIP and the bytes of the instruction. */
static bool is_exit_field(unsigned offset) { return (offset >= 0x70 && offset < 0x90) || (offset >= 0xc8 && offset < 0xe0); }

FEATURE_MADE(entry_svm_after, SVM, NEEDS(), MANUAL, "a VMRUN that fails changes nothing in the VMCB but the exit fields", count, name)
{
    const struct entry_rule *rule = broken_rule(number);
    const struct entry_base *base = entry_base(BACKEND_SVM, 0);
    struct entry_block block = entry_row_arrange(rule, base);

    entry_row_break(rule, base, &block);
    if ((int32_t)probe_enter().reason != -1)
        SKIP("this CPU enters it");
    for (unsigned i = probe_vmcb_changed(0); i < VMCB_BYTES; i = probe_vmcb_changed(i + 1))
        if (!is_exit_field(i))
            FAIL("it changed the VMCB at 0x%x", i);
    EXPECT(true);
}

/* ---- What is legal -------------------------------------------------------------------------------------------------- */

enum { LONG64 = 0, PAGED32 = 2, UNPAGED = 4, REAL = 5 }; /* bases */
#define ALL           (~0ull)
#define NOT_CANONICAL 0x0000800000000000ull
#define CANONICAL     0xffff800000000000ull

static const struct odd {
    const char *label;
    unsigned base;
    struct entry_change change;
    uint64_t value; /* of the field, behind the exit; 0: no matter */
} odds[] = {
    {"paged-real-mode", REAL, {VMCB_CR0, 0, 1u << 31}, 0},
    {"lme-without-paging", UNPAGED, {VMCB_EFER, 0, 1 << 8}, 0},
    {"cs-l-in-legacy-mode", PAGED32, {VMCB_CS_ATTRIBUTES, 0, 1 << 9}, 0},
    {"cd-without-nw", LONG64, {VMCB_CR0, 0, 1 << 30}, 0},
    {"rflags-0", LONG64, {VMCB_RFLAGS, ALL, 0}, 0},
    {"rip-not-canonical", LONG64, {VMCB_RIP, ALL, NOT_CANONICAL}, 0},
    {"ds-attributes-0", LONG64, {VMCB_DS_ATTRIBUTES, ALL, 0}, 0},
    {"es-base", LONG64, {VMCB_ES_BASE, ALL, NOT_CANONICAL}, CANONICAL},
    {"cs-base", LONG64, {VMCB_CS_BASE, ALL, NOT_CANONICAL}, CANONICAL},
    {"ss-base", LONG64, {VMCB_SS_BASE, ALL, NOT_CANONICAL}, CANONICAL},
    {"ds-base", LONG64, {VMCB_DS_BASE, ALL, NOT_CANONICAL}, CANONICAL},
    {"gdtr-base", LONG64, {VMCB_GDTR_BASE, ALL, NOT_CANONICAL}, 0},
    {"idtr-base", LONG64, {VMCB_IDTR_BASE, ALL, NOT_CANONICAL}, 0},
};

/* An interrupt of the host's may come first. */
static struct probe_result enter(void)
{
    enum { TRIES = 100 };
    struct probe_result result = probe_enter();

    for (unsigned i = 0; result.reason == VMEXIT_INTR && i < TRIES; i++)
        result = probe_enter();
    return result;
}

FEATURE_TESTS(entry_svm_odd, SVM, NEEDS(), MANUAL, "a state that looks wrong, and is legal; bases become canonical", odds)
{
    struct entry_block block = probe_begin(entry_base(BACKEND_SVM, row->base));

    entry_change(&block, &row->change, 1);
    EXPECT_EQ(enter().reason, VMEXIT_NPF);
    if (row->value)
        EXPECT_EQ(probe_vmcb_field(row->change.field), row->value);
}
