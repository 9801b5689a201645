/* Cases of a rule: ways to break it, and its nearest legal neighbours. */
#include "vmm/entry/rule.h"

/* ---- Writing ------------------------------------------------------------------------------------------------ */

static uint64_t meant(struct entry_context *context, const struct entry_bits *bits)
{
    const unsigned highest_count = 24, lowest_count = 16;
    unsigned linear = entry_linear_width(context), physical = entry_physical_width(context);
    uint64_t targets;

    switch (bits->how) {
    case HOW_COPY:
        return entry_get(context, (uint32_t)bits->value);
    case HOW_LINEAR:
        return bits->value << (linear - 1);
    case HOW_LINEAR_LAST:
        return (1ull << (linear - 1)) - 1 - bits->value;
    case HOW_PHYSICAL_END:
        return (1ull << physical) - bits->value;
    case HOW_CR3_TARGETS:
        targets =
            entry_get(context, CAP_IA32_VMX_MISC) >> lowest_count & ((1ull << (highest_count - lowest_count + 1)) - 1);
        return targets + bits->value;
    case HOW_ABOVE:
        return 1ull << physical;
    default:
        return bits->value;
    }
}

bool entry_write(const struct entry_bits *bits, uint32_t own, const struct entry_block *block,
                 const struct entry_caps *caps)
{
    struct entry_context context = {.block = block, .caps = caps};
    uint32_t field = bits->field == ENTRY_OWN ? own : bits->field;
    uint64_t value = meant(&context, bits), old = 0;

    if (bits->mask != ~0ull || bits->how == HOW_ABOVE)
        block->read(block->context, field, &old); /* what is not known counts as 0 */
    if (bits->how == HOW_FLIP)
        value ^= old;
    else if (bits->how == HOW_ABOVE)
        value |= old;
    else
        value = (old & ~bits->mask) | (value & bits->mask);
    return block->write && block->write(block->context, field, value);
}

/* ---- Cases -------------------------------------------------------------------------------------------------- */

static unsigned bits_in(uint64_t bits)
{
    unsigned n = 0;

    for (; bits; bits &= bits - 1)
        n++;
    return n;
}

static uint64_t nth_bit(uint64_t bits, unsigned n)
{
    while (n--)
        bits &= bits - 1;
    return bits & -bits;
}

/* With no variants at all, a rule is broken by each bit of its operand. */
static struct entry_variant operand_variant(const struct entry_rule *rule)
{
    return (struct entry_variant){.each = rule->operand};
}

unsigned entry_case_count(const struct entry_rule *rule, bool near)
{
    unsigned count = near; /* the base itself */

    if (rule->no_row && !rule->wrong)
        return 0;
    if (!near && !rule->bad)
        return bits_in(rule->operand);
    for (const struct entry_variant *v = near ? rule->near : rule->bad; v && (v->label || v->each); v++)
        count += v->each ? bits_in(v->each) : 1;
    return count;
}

static void put_label(struct entry_case *c)
{
    unsigned used = 0, bit = c->flip ? (unsigned)__builtin_ctzll(c->flip) : 0;

    for (const char *text = !c->variant && c->near ? "base" : c->flip ? "bit" : c->variant->label; *text; text++)
        if (used < sizeof c->label - 1)
            c->label[used++] = *text;
    if (c->flip && bit >= 10)
        c->label[used++] = (char)('0' + bit / 10);
    if (c->flip)
        c->label[used++] = (char)('0' + bit % 10);
    c->label[used] = 0;
}

struct entry_case entry_case_get(const struct entry_rule *rule, bool near, unsigned number)
{
    struct entry_case c = {.rule = rule, .near = near};

    if (!near && !rule->bad)
        c.flip = nth_bit(operand_variant(rule).each, number);
    else if (!near || number-- > 0)
        for (c.variant = near ? rule->near : rule->bad;; c.variant++) {
            unsigned cases = c.variant->each ? bits_in(c.variant->each) : 1;

            if (number < cases)
                break;
            number -= cases;
        }
    if (c.variant && c.variant->each)
        c.flip = nth_bit(c.variant->each, number);
    put_label(&c);
    return c;
}

/* A case that varies is one only where its rule is the first that is broken; or, near, where all rules are kept. */
static bool is_real(const struct entry_case *c, const struct entry_block *block, const struct entry_caps *caps)
{
    struct entry_finding first;
    bool kept = entry_check(c->rule->id[0] == 'A' ? BACKEND_SVM : BACKEND_VMX, block, caps, &first);

    return c->near ? kept : !kept && first.rule == c->rule;
}

bool entry_case_write(const struct entry_case *c, const struct entry_base *base, const struct entry_block *block,
                      const struct entry_caps *caps)
{
    const struct entry_variant *variant = c->variant;
    const struct entry_bits flip = FLIP(ENTRY_OWN, c->flip);
    bool good = true;

    if (variant && variant->skip & base->kind)
        return false;
    for (const struct entry_bits *bits = variant ? variant->write : NULL; bits && bits->mask; bits++)
        good = good && entry_write(bits, c->rule->field, block, caps);
    if (c->flip)
        good = good && entry_write(&flip, c->rule->field, block, caps);
    if (good && (c->rule->varies || (variant && variant->varies)))
        good = is_real(c, block, caps);
    return good;
}
