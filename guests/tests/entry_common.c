#include "guests/tests/entry.h"

#include <stdlib.h>
#include <string.h>

#include "guests/lib/feature/text.h"

/* ---- Rows --------------------------------------------------------------------------------------------------- */

static void add_row(struct entry_rows *rows, struct entry_row row)
{
    if (rows->count == rows->room) {
        rows->room = rows->room ? 2 * rows->room : 1024;
        rows->row = realloc(rows->row, rows->room * sizeof *rows->row);
        if (!rows->row)
            abort();
    }
    rows->row[rows->count++] = row;
}

static void add_cases(struct entry_rows *rows, unsigned base, unsigned number, bool near)
{
    const struct entry_rule *rule = entry_rule(rows->backend, number);
    unsigned cases = entry_case_count(rule, near);

    if (rule->skip & entry_base(rows->backend, base)->kind)
        return;
    for (unsigned i = 0; i < cases; i++)
        add_row(rows, (struct entry_row){(uint16_t)number, (uint8_t)base, (uint8_t)i, near});
}

static void add_rules(struct entry_rows *rows, unsigned base, bool loses_host)
{
    for (unsigned i = 0; i < entry_rule_count(rows->backend); i++) {
        const struct entry_rule *rule = entry_rule(rows->backend, i);

        if (rule->no_row || !strchr(rows->groups, rule->id[0]))
            continue;
        if (rule->loses_host == loses_host)
            add_cases(rows, base, i, false);
        if (!loses_host)
            add_cases(rows, base, i, true);
    }
}

unsigned entry_rows_count(struct entry_rows *rows)
{
    for (unsigned pass = rows->row ? 2 : 0; pass < 2; pass++)
        for (unsigned base = rows->first_base; base <= rows->last_base; base++)
            add_rules(rows, base, pass == 1);
    return rows->count;
}

void entry_row_name(const struct entry_rows *rows, unsigned number, char label[FEATURE_LABEL])
{
    const struct entry_row *row = &rows->row[number];
    const struct entry_rule *rule = entry_rule(rows->backend, row->rule);
    struct entry_case c = entry_case_get(rule, row->near, row->number);
    struct text text = text_begin(label, FEATURE_LABEL);

    text_put(&text, "%s.%s.%s%s", rule->id, entry_field_name(rule->field), c.near ? "near-" : "", c.label);
    if (row->base)
        text_put(&text, "-%s", entry_base(rows->backend, row->base)->name);
}

/* ---- One row ------------------------------------------------------------------------------------------------ */

/* The block with the rule arranged: rows of one rule follow each other. */
static struct entry_block arrange(const struct entry_rule *rule, const struct entry_base *base)
{
    static const struct entry_rule *last;
    static const struct entry_base *last_base;
    static struct entry_values arranged;
    struct entry_block block = probe_begin(base);
    struct entry_finding obstacle;

    if (rule == last && base == last_base) {
        probe_bring_back(&arranged);
        return block;
    }
    last = NULL;
    if (!entry_rule_arrange(rule, base, &block, probe_caps(), &obstacle)) {
        if (obstacle.rule)
            SKIP("needs what %s.%s asks for", obstacle.rule->id, entry_field_name(obstacle.rule->field));
        SKIP("the rule is not for this CPU, or not for the base %s", base->name);
    }
    probe_keep(&arranged);
    last = rule;
    last_base = base;
    return block;
}

static const char *text_of(struct probe_result result)
{
    static char words[64];
    struct text text = text_begin(words, sizeof words);

    if (result.exited)
        text_put(&text, "exit 0x%llx, 0x%llx", (unsigned long long)result.reason, (unsigned long long)result.qualification);
    else if (result.error)
        text_put(&text, "VMfailValid %llu", (unsigned long long)result.error);
    else
        text_put(&text, "VMfailInvalid");
    return words;
}

/* Some CPUs have EXITCODE in 32 bits. */
static bool is_invalid(struct probe_result result) { return (int32_t)result.reason == -1; }

static bool is_as(struct probe_result result, const struct entry_verdict *verdict)
{
    const uint64_t failed = 1ull << 31;

    switch (verdict->kind) {
    case ENTRY_FAIL_INVALID:
        return !result.exited && result.error == 0;
    case ENTRY_FAIL_VALID:
        return !result.exited && result.error == verdict->number;
    case ENTRY_FAILED_EXIT:
        return result.exited && result.reason == (failed | verdict->number) && result.qualification == verdict->qualification;
    case ENTRY_VMEXIT_INVALID:
        return is_invalid(result);
    default:
        return false;
    }
}

/* What the explanation tells is what VMREAD finds after the failed entry. */
static void expect_read_back(const struct entry_finding *finding)
{
    enum { VMCS_FIELDS_END = 0x8000 };
    uint64_t value;

    for (unsigned i = 0; i < finding->reads; i++)
        if (finding->read[i].field < VMCS_FIELDS_END && lab_try_read(LAB_WHAT(LAB_PROBE, finding->read[i].field), &value))
            EXPECT_EQ(value, finding->read[i].value);
}

/* Whoever finds this block, and what came of it, is told of this rule. */
static void expect_explained(const struct entry_rule *rule, const struct entry_block *block, const struct entry_verdict *seen)
{
    enum backend backend = seen->kind == ENTRY_VMEXIT_INVALID ? BACKEND_SVM : BACKEND_VMX;
    struct entry_finding finding;

    if (!entry_explain(backend, block, probe_caps(), seen, &finding))
        FAIL("the explanation names no rule");
    else if (finding.rule != rule)
        FAIL("the explanation names %s.%s", finding.rule->id, entry_field_name(finding.rule->field));
    else
        expect_read_back(&finding);
}

static void expect_verdict(struct probe_result result, const struct entry_rule *rule, const struct entry_block *block)
{
    struct entry_verdict verdict = entry_rule_verdict(rule);
    struct entry_finding finding;
    char due[80];

    EXPECT(entry_rule_check(rule, block, probe_caps(), &finding) == ENTRY_BROKEN);
    verdict.qualification = finding.qualification;
    if (is_as(result, &verdict))
        expect_explained(rule, block, &verdict);
    if (is_as(result, &verdict) || (rule->optional && result.exited && !(result.reason >> 31)))
        return;
    entry_verdict_text(&verdict, due, sizeof due);
    FAIL("expected %s; saw %s", due, text_of(result));
}

static void expect_entered(struct probe_result result)
{
    EXPECT(true);
    if (!result.exited || result.reason >> 31)
        FAIL("expected an entry; saw %s", text_of(result));
}

void entry_row_run(const struct entry_rows *rows, unsigned number)
{
    const struct entry_base *base = entry_base(rows->backend, rows->row[number].base);
    const struct entry_row *row = &rows->row[number];
    const struct entry_rule *rule = entry_rule(rows->backend, row->rule);
    struct entry_case c = entry_case_get(rule, row->near, row->number);
    struct entry_block block = arrange(rule, base);

    if (!entry_case_write(&c, base, &block, probe_caps()))
        SKIP("no such case on this CPU");
    if (c.near)
        expect_entered(probe_enter());
    else
        expect_verdict(probe_enter(), rule, &block);
}
