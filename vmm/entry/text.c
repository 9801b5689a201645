/* Findings and verdicts in words. */
#include "vmm/entry/rule.h"

struct text {
    char *to;
    size_t room, used;
};

static void put(struct text *text, const char *string)
{
    for (; *string; string++, text->used++)
        if (text->used + 1 < text->room)
            text->to[text->used] = *string;
}

static void put_number(struct text *text, uint64_t number, unsigned base)
{
    char digits[24], *digit = digits + sizeof digits - 1;

    *digit = 0;
    do
        *--digit = "0123456789abcdef"[number % base];
    while (number /= base);
    put(text, base == 16 ? "0x" : "");
    put(text, digit);
}

static size_t end(struct text *text)
{
    if (text->room)
        text->to[text->used < text->room ? text->used : text->room - 1] = 0;
    return text->used;
}

static void put_field(struct text *text, uint32_t field, uint64_t value)
{
    put(text, entry_field_name(field));
    if (field >= ENTRY_MSR && field < ENTRY_CAP) {
        put(text, "[");
        put_number(text, (field - ENTRY_MSR) / 2, 10);
        put(text, "]");
    }
    put(text, " = ");
    put_number(text, value, 16);
}

/* "bits 3, 17" or "bits 63:32" */
static void put_bits(struct text *text, uint64_t bits)
{
    const char *between = bits & (bits - 1) ? "bits " : "bit ";

    for (int high = 63; high >= 0; high--) {
        int low = high;

        if (!(bits >> high & 1))
            continue;
        while (low > 0 && bits >> (low - 1) & 1)
            low--;
        put(text, between);
        put_number(text, (unsigned)high, 10);
        if (low < high) {
            put(text, ":");
            put_number(text, (unsigned)low, 10);
        }
        between = ", ";
        high = low;
    }
}

size_t entry_verdict_text(const struct entry_verdict *verdict, char *to, size_t room)
{
    static const char *const kinds[] = {
        [ENTRY_OF_GROUP] = "nothing",
        [ENTRY_UNDEFINED] = "#UD",
        [ENTRY_PROTECTION] = "#GP(0)",
        [ENTRY_VM_EXIT] = "VM exit, reason ",
        [ENTRY_FAIL_INVALID] = "VMfailInvalid",
        [ENTRY_FAIL_VALID] = "VMfailValid, VM-instruction error ",
        [ENTRY_FAILED_EXIT] = "VM entry fails as an exit with basic reason ",
        [ENTRY_VMEXIT_INVALID] = "VMEXIT_INVALID",
    };
    struct text text = {to, room, 0};

    put(&text, kinds[verdict->kind]);
    if (verdict->number)
        put_number(&text, verdict->number, 10);
    if (verdict->kind == ENTRY_FAILED_EXIT) {
        put(&text, ", exit qualification ");
        put_number(&text, verdict->qualification, 10);
    }
    return end(&text);
}

size_t entry_finding_text(const struct entry_finding *finding, char *to, size_t room)
{
    struct text text = {to, room, 0};
    struct entry_verdict verdict = entry_rule_verdict(finding->rule);
    char words[80];

    verdict.qualification = finding->qualification;
    entry_verdict_text(&verdict, words, sizeof words);
    put(&text, finding->rule->id);
    put(&text, ".");
    put(&text, entry_field_name(finding->rule->field));
    put(&text, ": ");
    put(&text, finding->rule->must);
    put(&text, "\n  ");
    put_field(&text, finding->rule->field, finding->value);
    put(&text, ": wrong in ");
    put_bits(&text, finding->wrong);
    if (finding->flip_helps) {
        put(&text, "; ");
        put_number(&text, finding->value ^ finding->wrong, 16);
        put(&text, " would do");
    }
    put(&text, "\n");
    for (unsigned i = 0; i < finding->reads; i++) {
        if (finding->read[i].field == finding->rule->field)
            continue;
        put(&text, "  with ");
        put_field(&text, finding->read[i].field, finding->read[i].value);
        put(&text, "\n");
    }
    put(&text, "  comes to: ");
    put(&text, words);
    put(&text, "\n");
    if (finding->rule->optional)
        put(&text, "  but not every CPU checks this one\n");
    return end(&text);
}

/* Rules that could not be checked, of so many, and for lack of which fields, each once. */
struct missing {
    unsigned unknown, rules, count;
    uint32_t field[400]; /* no fewer than there are rules */
};

static void note_missing(struct missing *missing, uint32_t field)
{
    unsigned at = 0;

    missing->unknown++;
    while (at < missing->count && missing->field[at] != field)
        at++;
    missing->field[at] = field;
    missing->count += at == missing->count;
}

static void find_missing(struct missing *missing, enum backend backend, const struct entry_block *block,
                         const struct entry_caps *caps, const struct entry_verdict *seen)
{
    *missing = (struct missing){0};
    for (unsigned i = 0; i < entry_rule_count(backend); i++) {
        const struct entry_rule *rule = entry_rule(backend, i);
        struct entry_finding finding;

        if (seen && !entry_rule_comes_to(rule, seen))
            continue;
        missing->rules++;
        if (entry_rule_check(rule, block, caps, &finding) == ENTRY_UNKNOWN)
            note_missing(missing, finding.read[finding.reads - 1].field);
    }
}

size_t entry_unknown_text(enum backend backend, const struct entry_block *block, const struct entry_caps *caps,
                          const struct entry_verdict *seen, char *to, size_t room)
{
    struct text text = {to, room, 0};
    struct missing missing;

    find_missing(&missing, backend, block, caps, seen);
    if (missing.unknown) {
        put_number(&text, missing.unknown, 10);
        put(&text, " of ");
        put_number(&text, missing.rules, 10);
        put(&text, seen ? " rules that come to this could not be checked; missing are"
                        : " rules could not be checked; missing are");
    }
    for (unsigned i = 0; i < missing.count; i++) {
        put(&text, i ? ", " : " ");
        put(&text, entry_field_name(missing.field[i]));
    }
    put(&text, missing.unknown ? "\n" : "");
    return end(&text);
}
