/* "Checks on Guest Segment Registers": access rights of TR and LDTR; what FRED asks of CS and SS; GDTR and IDTR. */
#include "vmm/entry/rule.h"
#include "vmm/entry/segment.h"

#define IS_IA32E  ALL(ENTRY_CONTROLS, B(ENTRYC_IA32E_MODE_GUEST))
#define NOT_IA32E NONE(ENTRY_CONTROLS, B(ENTRYC_IA32E_MODE_GUEST))
#define HAS_FRED  ALL(GUEST_CR4, CR4_FRED)

enum { TYPE_LDT = 2, TYPE_BUSY_TSS16 = 3, TYPE_BUSY_TSS = 11 };

static uint64_t wrong_tss(struct entry_context *context, const struct entry_rule *rule)
{
    return (entry_get(context, rule->field) & AR_TYPE) == TYPE_BUSY_TSS ? 0 : AR_TYPE;
}

static uint64_t wrong_tss_legacy(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t type = entry_get(context, rule->field) & AR_TYPE;

    return type == TYPE_BUSY_TSS || type == TYPE_BUSY_TSS16 ? 0 : AR_TYPE;
}

static uint64_t wrong_ldt(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t rights = entry_get(context, rule->field);

    return !(rights & AR_UNUSABLE) && (rights & AR_TYPE) != TYPE_LDT ? AR_TYPE : 0;
}

static uint64_t wrong_usable_zeros(struct entry_context *context, const struct entry_rule *rule)
{
    return segment_is_usable(context, rule->field) ? ~entry_get(context, rule->field) & rule->operand : 0;
}

static uint64_t wrong_usable_ones(struct entry_context *context, const struct entry_rule *rule)
{
    return segment_is_usable(context, rule->field) ? entry_get(context, rule->field) & rule->operand : 0;
}

static uint64_t wrong_granular(struct entry_context *context, const struct entry_rule *rule)
{
    bool low_zeros = ~entry_get(context, segment_field(GUEST_ES_LIMIT, rule->field)) & 0xfff;

    return low_zeros ? wrong_usable_ones(context, rule) : 0;
}

static uint64_t wrong_not_granular(struct entry_context *context, const struct entry_rule *rule)
{
    bool high_ones = entry_get(context, segment_field(GUEST_ES_LIMIT, rule->field)) & 0xfff00000;

    return high_ones ? wrong_usable_zeros(context, rule) : 0;
}

/* "FRED Event Delivery": rings 0 and 3 only, ring 0 in 64-bit mode, no IOPL for ring 3 */
static uint64_t wrong_fred_dpl(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t dpl = entry_get(context, rule->field) & AR_DPL;

    return dpl == 0 || dpl == AR_DPL ? 0 : AR_DPL;
}

static uint64_t wrong_fred_long(struct entry_context *context, const struct entry_rule *rule)
{
    bool cpl0 = !(entry_get(context, GUEST_SS_ACCESS_RIGHTS) & AR_DPL);

    return cpl0 ? ~entry_get(context, rule->field) & AR_L : 0;
}

static uint64_t wrong_fred_iopl(struct entry_context *context, const struct entry_rule *rule)
{
    bool cpl3 = (entry_get(context, GUEST_SS_ACCESS_RIGHTS) & AR_DPL) == AR_DPL;

    return cpl3 ? entry_get(context, rule->field) & RFLAGS_IOPL : 0;
}

#define TYPE(label_, type)            OWN_BITS(label_, AR_TYPE, type)
#define TR_RULE(id, must, ...)        RULE(id, GUEST_TR_ACCESS_RIGHTS, must, __VA_ARGS__)
#define LIMIT(label_, name, limit, g) VARIANT(label_, SET(GUEST_##name##_LIMIT, limit), BITS(ENTRY_OWN, AR_G, g))
#define NOT_GRANULAR_LIMITS(name)                                                                                      \
    .bad = VARIANTS(LIMIT("limit-1fffff", name, 0x1fffff, 0), LIMIT("limit-bit31", name, 0x800fffff, 0)),              \
    .near = VARIANTS(LIMIT("limit-fffff", name, 0xfffff, 0), LIMIT("limit-4g", name, 0xffffffff, AR_G))
#define GRANULAR_LIMITS(name)                                                                                          \
    .bad = VARIANTS(LIMIT("limit-67", name, 0x67, AR_G), LIMIT("limit-ffe", name, 0xffffe, AR_G)),                     \
    .near = VARIANTS(LIMIT("limit-fff", name, 0xfff, AR_G))

/* An LDTR that is usable; and what it may be if it is not. */
#define LDTR_RULE(id, must, ...)                                                                                       \
    RULE(id, GUEST_LDTR_ACCESS_RIGHTS, must,                                                                           \
         .setup = LIST(SET(GUEST_LDTR_SELECTOR, 0x20), SET(GUEST_LDTR_BASE, 0), SET(GUEST_LDTR_LIMIT, 0xffff),         \
                       SET(ENTRY_OWN, 0x82)),                                                                          \
         __VA_ARGS__)
#define UNUSABLE VARIANTS({.label = "unusable", .write = LIST(SET(ENTRY_OWN, AR_UNUSABLE))})

#define CPL(dpl, rpl)                                                                                                  \
    BITS(GUEST_SS_ACCESS_RIGHTS, AR_DPL, (dpl)), BITS(GUEST_CS_ACCESS_RIGHTS, AR_DPL, (dpl)),                          \
        BITS(GUEST_SS_SELECTOR, 3, rpl), BITS(GUEST_CS_SELECTOR, 3, rpl)

static const struct entry_rule rules[] = {
    TR_RULE("S87", "the type must be 11 in an IA-32e mode guest", .wrong = wrong_tss, .given = LIST(IS_IA32E),
            .bad = VARIANTS(TYPE("type3", 3), TYPE("type9", 9), TYPE("type0", 0), TYPE("type15", 15))),
    TR_RULE("S88", "the type must be 3 or 11", .wrong = wrong_tss_legacy, .given = LIST(NOT_IA32E),
            .bad = VARIANTS(TYPE("type1", 1), TYPE("type9", 9), TYPE("type0", 0), TYPE("type15", 15)),
            .near = VARIANTS(TYPE("type3", 3))),
    TR_RULE("S89", "S (bit 4) must be 0", .wrong = entry_wrong_ones, .operand = AR_S),
    TR_RULE("S90", "P (bit 7) must be 1", .wrong = entry_wrong_zeros, .operand = AR_P),
    TR_RULE("S91", "bits 11:8 must be 0", .wrong = entry_wrong_ones, .operand = 0xf00),
    TR_RULE("S92", "G must be 0 if bits 11:0 of the limit have a 0", .wrong = wrong_granular, .operand = AR_G,
            GRANULAR_LIMITS(TR)),
    TR_RULE("S93", "G must be 1 if bits 31:20 of the limit have a 1", .wrong = wrong_not_granular, .operand = AR_G,
            NOT_GRANULAR_LIMITS(TR)),
    TR_RULE("S94", "must be usable", .wrong = entry_wrong_ones, .operand = AR_UNUSABLE),
    TR_RULE("S95", "bits 31:17 must be 0", .wrong = entry_wrong_ones, .operand = 0xfffe0000),
    LDTR_RULE("S96", "the type must be 2 if usable", .wrong = wrong_ldt,
              .bad = VARIANTS(TYPE("type0", 0), TYPE("type3", 3), TYPE("type10", 10), TYPE("type11", 11)),
              .near = UNUSABLE),
    LDTR_RULE("S97", "S (bit 4) must be 0 if usable", .wrong = wrong_usable_ones, .operand = AR_S, .near = UNUSABLE),
    LDTR_RULE("S98", "P (bit 7) must be 1 if usable", .wrong = wrong_usable_zeros, .operand = AR_P, .near = UNUSABLE),
    LDTR_RULE("S99", "bits 11:8 must be 0 if usable", .wrong = wrong_usable_ones, .operand = 0xf00),
    LDTR_RULE("S100", "G must be 0 if bits 11:0 of the limit have a 0", .wrong = wrong_granular, .operand = AR_G,
              GRANULAR_LIMITS(LDTR)),
    LDTR_RULE("S101", "G must be 1 if bits 31:20 of the limit have a 1", .wrong = wrong_not_granular, .operand = AR_G,
              NOT_GRANULAR_LIMITS(LDTR)),
    LDTR_RULE("S102", "bits 31:17 must be 0 if usable", .wrong = wrong_usable_ones, .operand = 0xfffe0000),
    RULE("S103", GUEST_SS_ACCESS_RIGHTS, "DPL must be 0 or 3 with FRED", .wrong = wrong_fred_dpl,
         .when = LIST(HAS_FRED), .bad = VARIANTS(VARIANT("dpl1", CPL(1 << 5, 1)), VARIANT("dpl2", CPL(2 << 5, 2))),
         .with = "K3", .near = VARIANTS({.label = "dpl3", .skip = BASE_HLT, .write = LIST(CPL(AR_DPL, 3))})),
    RULE("S104", GUEST_CS_ACCESS_RIGHTS, "L must be 1 in ring 0 with FRED", .wrong = wrong_fred_long,
         .when = LIST(HAS_FRED), .bad = VARIANTS(VARIANT("compat", NONE(ENTRY_OWN, AR_L))),
         .near = VARIANTS({.label = "ring3", .skip = BASE_HLT, .write = LIST(CPL(AR_DPL, 3), NONE(ENTRY_OWN, AR_L))})),
    RULE("S105", GUEST_RFLAGS, "IOPL must be 0 in ring 3 with FRED", .wrong = wrong_fred_iopl, .when = LIST(HAS_FRED),
         .bad = VARIANTS(EACH_BEHIND(RFLAGS_IOPL, CPL(AR_DPL, 3))), .with = "K3",
         .near = VARIANTS(VARIANT("ring0", ALL(ENTRY_OWN, RFLAGS_IOPL)))),
    RULE("T1", GUEST_GDTR_BASE, "must be canonical", .wrong = entry_wrong_canonical, .bad = entry_bad_canonical,
         .near = entry_near_canonical),
    RULE("T2", GUEST_IDTR_BASE, "must be canonical", .wrong = entry_wrong_canonical, .bad = entry_bad_canonical,
         .near = entry_near_canonical),
    RULE("T3", GUEST_GDTR_LIMIT, "bits 31:16 must be 0", .wrong = entry_wrong_ones, .operand = 0xffff0000,
         .near = VARIANTS(VALUE("zero", 0))),
    RULE("T4", GUEST_IDTR_LIMIT, "bits 31:16 must be 0", .wrong = entry_wrong_ones, .operand = 0xffff0000,
         .near = VARIANTS(VALUE("zero", 0))),
};

const struct entry_table entry_rules_segment_system = TABLE(rules);
