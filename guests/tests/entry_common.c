/* A row of the families of rules of a VM entry: it is arranged, broken, entered, and judged. */
#include "guests/tests/entry.h"

#include "guests/lib/feature/text.h"

/* Rows of one rule follow each other. False if it can't be arranged: then the row is a SKIP. */
static bool arrange(const struct entry_rule *rule, const struct entry_base *base, struct entry_block *block)
{
    static const struct entry_rule *last;
    static const struct entry_base *last_base;
    static struct probe_mark arranged;
    struct entry_finding obstacle;

    *block = probe_block();
    if (rule == last && base == last_base && probe_bring_back(arranged))
        return true;
    last = NULL;
    *block = probe_begin(base);
    if (entry_rule_arrange(rule, base, block, probe_caps(), &obstacle)) {
        arranged = probe_mark();
        last = rule;
        last_base = base;
        return true;
    }
    if (obstacle.rule)
        outcome_worsen(VERDICT_SKIP, NULL, 0, "needs what %s.%s asks for", obstacle.rule->id,
                       entry_field_name(obstacle.rule->field));
    else
        outcome_worsen(VERDICT_SKIP, NULL, 0, "the rule is not for this CPU, or not for the base %s", base->name);
    return false;
}

void entry_row_check(const struct entry_rows *rows, unsigned number)
{
    const struct entry_row *row = &rows->row[number];
    const struct entry_base *base = entry_base(rows->backend, row->base);
    struct entry_block block;

    if (probe_is_on(base))
        arrange(entry_rule(rows->backend, row->rule), base, &block);
}

struct entry_block entry_row_arrange(const struct entry_rule *rule, const struct entry_base *base)
{
    struct entry_block block;

    if (!arrange(rule, base, &block))
        outcome_leave();
    return block;
}

void entry_row_break(const struct entry_rule *rule, const struct entry_base *base, const struct entry_block *block)
{
    struct probe_mark before = probe_mark();

    for (unsigned i = 0; i < entry_case_count(rule, false); i++) {
        struct entry_case c = entry_case_get(rule, false, i);

        if (entry_case_write(&c, base, block, probe_caps()))
            return;
        probe_bring_back(before);
    }
    SKIP("no case on this CPU: %s", rule->id);
}

struct probe_result entry_enter(void)
{
    struct probe_result result;

    do
        result = probe_enter();
    while (result.exited && result.reason == EXIT_EXTERNAL_INTERRUPT);
    return result;
}

void entry_change(const struct entry_block *block, const struct entry_change *changes, unsigned n)
{
    for (unsigned i = 0; i < n && changes[i].field; i++) {
        uint64_t value = 0;

        block->read(block->context, changes[i].field, &value);
        if (!block->write(block->context, changes[i].field, (value & ~changes[i].clear) | changes[i].set))
            SKIP("this CPU has no %s", entry_field_name(changes[i].field));
    }
}

void entry_control(const struct entry_block *block, const uint16_t *controls)
{
    for (; *controls; controls++) {
        uint64_t bit = 1ull << (*controls & NEED_BIT);

        entry_change(block, &(struct entry_change){lab_control_field(*controls), bit, *controls & NEED_NOT ? 0 : bit}, 1);
    }
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
    struct entry_pair now[ENTRY_READS_MAX];

    for (unsigned i = 0; i < finding->reads; i++)
        now[i] = finding->read[i];
    probe_read(now, finding->reads);
    for (unsigned i = 0; i < finding->reads; i++)
        EXPECT_EQ(now[i].value, finding->read[i].value);
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

void entry_row_expect(struct probe_result result, const struct entry_rule *rule, const struct entry_block *block)
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

/* Returns false if there is no such case on this CPU. */
static bool try_case(const struct entry_rule *rule, const struct entry_base *base, const struct entry_case *c)
{
    struct entry_block block = entry_row_arrange(rule, base);

    if (!entry_case_write(c, base, &block, probe_caps()))
        return false;
    if (c->near)
        expect_entered(probe_enter());
    else
        entry_row_expect(probe_enter(), rule, &block);
    return true;
}

/* Where nothing had to be brought about for a rule, the base itself is its neighbour, as of many rules: it is entered once. */
static bool try_once(const struct entry_rule *rule, const struct entry_base *base, const struct entry_case *c)
{
    static const struct entry_base *entered;
    bool is_base = false, there;

    if (c->near && !c->variant) {
        entry_row_arrange(rule, base);
        is_base = probe_is_base();
    }
    if (is_base && entered == base)
        return true;
    there = try_case(rule, base, c);
    if (is_base && outcome.verdict == VERDICT_PASS)
        entered = base;
    return there;
}

/* Of bits that are wrong in the same way, the lowest, the highest, and each eighth, which is another one on each base. */
static bool is_chosen(const struct entry_case *c, unsigned number, unsigned turn)
{
    uint64_t alike = c->variant ? c->variant->each : c->rule->operand, lower = c->flip - 1;

    return !c->flip || (number + turn) % 8 == 0 || !(alike & lower) || !(alike & ~(lower | c->flip));
}

/* Returns how many there are. */
static unsigned try_cases(const struct entry_rule *rule, const struct entry_base *base, unsigned turn, bool near)
{
    unsigned tried = 0;

    for (unsigned i = 0, cases = entry_case_count(rule, near); i < cases; i++) {
        struct entry_case c = entry_case_get(rule, near, i);
        char label[FEATURE_LABEL];

        tried += is_chosen(&c, i, turn) && try_once(rule, base, &c);
        if (outcome.verdict == VERDICT_PASS)
            continue;
        entry_label(label, rule, &c, base);
        outcome_tell(label);
    }
    return tried;
}

/* Both kinds of cases are tried in any case; returns whether there are both. */
static bool try_all(const struct entry_rule *rule, const struct entry_base *base, unsigned turn)
{
    unsigned bad = try_cases(rule, base, turn, false), near = try_cases(rule, base, turn, true);

    return bad && near;
}

void entry_row_run(const struct entry_rows *rows, unsigned number)
{
    const struct entry_row *row = &rows->row[number];
    const struct entry_base *base = entry_base(rows->backend, row->base);
    const struct entry_rule *rule = entry_rule(rows->backend, row->rule);
    struct entry_case c = entry_case_get(rule, row->near, row->number);

    if (rows->together ? !try_all(rule, base, row->base) : !try_case(rule, base, &c))
        SKIP("no such case on this CPU");
    EXPECT(true); /* what failed of cases together has been told */
}
