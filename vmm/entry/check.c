/* Whether the rules are kept: each row's conditions, then its own check. */
#include "vmm/entry/rule.h"

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static void note(struct entry_context *context, uint32_t field, uint64_t value)
{
    if (context->quiet)
        return;
    for (unsigned i = 0; i < context->reads; i++)
        if (context->read[i].field == field)
            return;
    if (context->reads < ENTRY_READS_MAX)
        context->read[context->reads++] = (struct entry_pair){field, value};
}

static bool read_cap(const struct entry_caps *caps, uint32_t field, uint64_t *value)
{
    unsigned number = field - ENTRY_CAP;

    *value = caps->value[number];
    return caps->known >> number & 1;
}

uint64_t entry_get(struct entry_context *context, uint32_t field)
{
    uint64_t value = 0;
    bool known;

    context->looked |= entry_field_mask(field);
    if (context->instead && context->instead->field == field)
        return context->instead->value;
    known = field >= ENTRY_CAP && field < ENTRY_CAP_END ? read_cap(context->caps, field, &value)
                                                        : context->block->read(context->block->context, field, &value);

    if (!known && !context->unknown) { /* the first of them is told, so it has to be the last that is noted */
        context->reads = context->reads < ENTRY_READS_MAX ? context->reads : ENTRY_READS_MAX - 1;
        note(context, field, 0);
    }
    context->unknown |= !known;
    if (!context->unknown)
        note(context, field, value);
    return known ? value : 0;
}

/* Fields that count only if a bit of another says so. */
static const struct activation {
    uint32_t field, by;
    uint64_t bit;
} activations[] = {
    {PROC2_CONTROLS, PROC_CONTROLS, B(PROC_SECONDARY)},
    {TERTIARY_CONTROLS, PROC_CONTROLS, B(PROC_TERTIARY)},
    {SECONDARY_EXIT_CONTROLS, EXIT_CONTROLS, B(EXITC_SECONDARY)},
    {VM_FUNCTION_CONTROLS, PROC2_CONTROLS, B(PROC2_VMFUNC)},
};

uint64_t entry_effective(struct entry_context *context, uint32_t field)
{
    for (const struct activation *a = activations; a < activations + sizeof activations / sizeof *activations; a++)
        if (a->field == field && !(entry_effective(context, a->by) & a->bit))
            return 0;
    return entry_get(context, field);
}

bool entry_holds(struct entry_context *context, const struct entry_bits *list)
{
    for (; list && list->mask; list++)
        if ((entry_effective(context, list->field) & list->mask) != list->value || context->unknown)
            return false;
    return true;
}

/* ---- One rule ----------------------------------------------------------------------------------------------- */

static enum entry_result check(const struct entry_rule *rule, struct entry_context *context, uint64_t *wrong)
{
    if (!rule->wrong || !entry_holds(context, rule->given) || !entry_holds(context, rule->when))
        return context->unknown ? ENTRY_UNKNOWN : ENTRY_NOT_FOR_IT;
    *wrong = rule->wrong(context, rule);
    return context->unknown ? ENTRY_UNKNOWN : *wrong ? ENTRY_BROKEN : ENTRY_KEPT;
}

/* Whether the rule would be kept if the wrong bits of its field were the other way round. */
static bool flip_helps(const struct entry_rule *rule, const struct entry_context *context, uint64_t value,
                       uint64_t wrong)
{
    const struct entry_pair instead = {rule->field, value ^ wrong};
    struct entry_context other = {.block = context->block, .caps = context->caps, .instead = &instead};

    return check(rule, &other, &wrong) == ENTRY_KEPT;
}

static void fill(struct entry_finding *finding, const struct entry_rule *rule, const struct entry_context *context)
{
    finding->rule = rule;
    finding->qualification = context->qualification;
    finding->reads = context->reads;
    finding->value = 0;
    for (unsigned i = 0; i < context->reads; i++) {
        finding->read[i] = context->read[i];
        if (context->read[i].field == rule->field)
            finding->value = context->read[i].value;
    }
}

enum entry_result entry_rule_check(const struct entry_rule *rule, const struct entry_block *block,
                                   const struct entry_caps *caps, struct entry_finding *finding)
{
    struct entry_context context = {.block = block, .caps = caps};
    uint64_t wrong = 0;
    enum entry_result result;

    context.qualification = entry_rule_verdict(rule).qualification;
    result = check(rule, &context, &wrong);
    if (finding && (result == ENTRY_BROKEN || result == ENTRY_UNKNOWN)) {
        fill(finding, rule, &context);
        finding->wrong = wrong;
        finding->flip_helps = result == ENTRY_BROKEN && flip_helps(rule, &context, finding->value, wrong);
    }
    return result;
}

/* ---- All of them -------------------------------------------------------------------------------------------- */

/* Nearly all rules are kept, nearly always: what was looked at is noted only for those that are not. */
static bool is_broken(const struct entry_rule *rule, struct entry_context *quiet)
{
    uint64_t wrong;

    quiet->unknown = false;
    quiet->looked = 0;
    return check(rule, quiet, &wrong) == ENTRY_BROKEN;
}

/* The rules that can be broken, a bit each by number. */
static void choose(const struct entry_good *good, uint64_t rules[ENTRY_RULE_WORDS])
{
    for (unsigned i = 0; i < ENTRY_RULE_WORDS; i++)
        rules[i] = good ? 0 : ~0ull;
    for (uint64_t written = good ? *good->written : 0; written; written &= written - 1)
        for (unsigned i = 0; i < ENTRY_RULE_WORDS; i++)
            rules[i] |= good->lookers[__builtin_ctzll(written)][i];
}

/* Where a walk through all rules is, by rising number. */
struct walk {
    struct entry_tables tables;
    unsigned table, first; /* that it is in, and the number of its first rule */
};

/* Null behind the last. */
static const struct entry_rule *walk_to(struct walk *walk, unsigned number)
{
    while (walk->table < walk->tables.count && number - walk->first >= walk->tables.table[walk->table]->count)
        walk->first += walk->tables.table[walk->table++]->count;
    return walk->table < walk->tables.count ? &walk->tables.table[walk->table]->rules[number - walk->first] : NULL;
}

/* The first broken rule, of those that come to what was seen, if that is not null: with another qualification, too, unless
 * `exactly`. */
static bool find_broken(enum backend backend, const struct entry_block *block, const struct entry_caps *caps,
                        const struct entry_verdict *seen, bool exactly, struct entry_finding *finding)
{
    struct entry_context quiet = {.block = block, .caps = caps, .quiet = true};
    struct walk walk = {.tables = entry_tables(backend)};
    uint64_t rules[ENTRY_RULE_WORDS];

    choose(block->good, rules);
    for (unsigned i = 0; i < ENTRY_RULE_WORDS; i++)
        for (; rules[i]; rules[i] &= rules[i] - 1) {
            const struct entry_rule *rule = walk_to(&walk, 64 * i + (unsigned)__builtin_ctzll(rules[i]));

            if (!rule)
                return false;
            if ((seen && !entry_rule_comes_to(rule, seen)) || !is_broken(rule, &quiet))
                continue;
            entry_rule_check(rule, block, caps, finding);
            if (!exactly || finding->qualification == seen->qualification)
                return true;
        }
    return false;
}

static void note_looker(struct entry_good *good, unsigned rule, uint64_t looked)
{
    for (; looked; looked &= looked - 1)
        good->lookers[__builtin_ctzll(looked)][rule / 64] |= 1ull << rule % 64;
}

bool entry_good_learn(struct entry_good *good, enum backend backend, const struct entry_block *block,
                      const struct entry_caps *caps)
{
    struct entry_context quiet = {.block = block, .caps = caps, .quiet = true};
    struct walk walk = {.tables = entry_tables(backend)};
    const struct entry_rule *rule;

    *good = (struct entry_good){.written = good->written};
    for (unsigned number = 0; (rule = walk_to(&walk, number)); number++) {
        if (number == ENTRY_RULES_MAX || is_broken(rule, &quiet))
            return false;
        note_looker(good, number, quiet.looked);
    }
    return true;
}

bool entry_check(enum backend backend, const struct entry_block *block, const struct entry_caps *caps,
                 struct entry_finding *first)
{
    return !find_broken(backend, block, caps, NULL, false, first);
}

bool entry_explain(enum backend backend, const struct entry_block *block, const struct entry_caps *caps,
                   const struct entry_verdict *seen, struct entry_finding *finding)
{
    return find_broken(backend, block, caps, seen, true, finding) ||
           find_broken(backend, block, caps, seen, false, finding) ||
           find_broken(backend, block, caps, NULL, false, finding);
}

unsigned entry_check_all(enum backend backend, const struct entry_block *block, const struct entry_caps *caps,
                         struct entry_finding *findings, unsigned room, unsigned *unknown)
{
    unsigned broken = 0, not_known = 0;

    for (unsigned i = 0, n = entry_rule_count(backend); i < n; i++) {
        struct entry_finding finding;
        enum entry_result result = entry_rule_check(entry_rule(backend, i), block, caps, &finding);

        if (result == ENTRY_BROKEN && broken++ < room)
            findings[broken - 1] = finding;
        not_known += result == ENTRY_UNKNOWN;
    }
    if (unknown)
        *unknown = not_known;
    return broken;
}
