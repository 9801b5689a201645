/* "Checks on Guest Segment Registers": selectors, bases, and all of virtual-8086 mode. */
#include "vmm/entry/rule.h"
#include "vmm/entry/segment.h"

#define IS_VM86    ALL(GUEST_RFLAGS, RFLAGS_VM)
#define NOT_VM86   NONE(GUEST_RFLAGS, RFLAGS_VM)
#define RESTRICTED OFF(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST)

enum { TI = 4 };

static uint64_t wrong_rpl(struct entry_context *context, const struct entry_rule *rule)
{
    return (entry_get(context, rule->field) ^ entry_get(context, GUEST_CS_SELECTOR)) & 3;
}

static uint64_t wrong_ti(struct entry_context *context, const struct entry_rule *rule)
{
    return segment_is_usable(context, rule->field) ? entry_get(context, rule->field) & TI : 0;
}

static uint64_t wrong_vm86_base(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) ^ entry_get(context, segment_field(GUEST_ES_SELECTOR, rule->field)) << 4;
}

/* Operand is what the field has to be. */
static uint64_t wrong_value(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) ^ rule->operand;
}

static uint64_t wrong_usable_canonical(struct entry_context *context, const struct entry_rule *rule)
{
    return segment_is_usable(context, rule->field) ? entry_wrong_canonical(context, rule) : 0;
}

static uint64_t wrong_high(struct entry_context *context, const struct entry_rule *rule)
{
    return segment_is_usable(context, rule->field) ? entry_get(context, rule->field) & HIGH_HALF : 0;
}

#define VM86_BASE(id, field)                                                                                           \
    RULE(id, field, "in virtual-8086 mode, must be the selector times 16", .wrong = wrong_vm86_base,                   \
         .given = LIST(IS_VM86), .bad = VARIANTS(EACH(1ull << 31 | 1 << 20 | 1 << 16 | 1 << 4 | 1)))
#define VM86_LIMIT(id, field)                                                                                          \
    RULE(id, field, "in virtual-8086 mode, must be 0xffff", .wrong = wrong_value, .operand = 0xffff,                   \
         .given = LIST(IS_VM86), .bad = VARIANTS(EACH(0xffffffff), VALUE("zero", 0)))
#define VM86_RIGHTS(id, field)                                                                                         \
    RULE(id, field, "in virtual-8086 mode, must be 0xf3", .wrong = wrong_value, .operand = 0xf3,                       \
         .given = LIST(IS_VM86), .bad = VARIANTS(EACH(0xffffffff)))

/* In virtual-8086 mode, bases have a rule of their own, which says more. */
#define CANONICAL(id, field)                                                                                           \
    RULE(id, field, "must be canonical", .wrong = entry_wrong_canonical, .bad = entry_bad_canonical,                   \
         .near = entry_near_canonical, .skip = BASE_VM86)
#define LOW(id, field, words, others)                                                                                  \
    RULE(id, field, words, .wrong = wrong_high, .bad = VARIANTS(EACH(1ull << 32 | 1ull << 47 | 1ull << 63)),           \
         .near = VARIANTS(VALUE("highest", 0xffffffff) others), .skip = BASE_VM86)
#define OR_UNUSABLE(name)                                                                                              \
    , VARIANT("unusable", SET(ENTRY_OWN, 1ull << 32), ALL(GUEST_##name##_ACCESS_RIGHTS, AR_UNUSABLE))

#define USABLE_LDTR                                                                                                    \
    LIST(SET(GUEST_LDTR_SELECTOR, 0x20), SET(GUEST_LDTR_BASE, 0), SET(GUEST_LDTR_LIMIT, 0xffff),                       \
         SET(GUEST_LDTR_ACCESS_RIGHTS, 0x82))

static const struct entry_rule rules[] = {
    RULE("S1", GUEST_TR_SELECTOR, "TI must be 0", .wrong = entry_wrong_ones, .operand = TI,
         .near = VARIANTS(EACH(3 | 8))),
    RULE("S2", GUEST_LDTR_SELECTOR, "TI must be 0 if LDTR is usable", .wrong = wrong_ti, .operand = TI,
         .setup = USABLE_LDTR,
         .near =
             VARIANTS(EACH(3), VARIANT("unusable", SET(ENTRY_OWN, TI), ALL(GUEST_LDTR_ACCESS_RIGHTS, AR_UNUSABLE)))),
    RULE("S3", GUEST_SS_SELECTOR, "RPL must be that of CS", .wrong = wrong_rpl, .given = LIST(NOT_VM86),
         .when = LIST(RESTRICTED),
         .bad = VARIANTS(VARIANT("cs-rpl1", BITS(GUEST_CS_SELECTOR, 3, 1)),
                         VARIANT("cs-rpl2", BITS(GUEST_CS_SELECTOR, 3, 2)),
                         VARIANT("cs-rpl3", BITS(GUEST_CS_SELECTOR, 3, 3)))),
    VM86_BASE("S4", GUEST_CS_BASE),
    VM86_BASE("S5", GUEST_SS_BASE),
    VM86_BASE("S6", GUEST_DS_BASE),
    VM86_BASE("S7", GUEST_ES_BASE),
    VM86_BASE("S8", GUEST_FS_BASE),
    VM86_BASE("S9", GUEST_GS_BASE),
    VM86_LIMIT("S10", GUEST_CS_LIMIT),
    VM86_LIMIT("S11", GUEST_SS_LIMIT),
    VM86_LIMIT("S12", GUEST_DS_LIMIT),
    VM86_LIMIT("S13", GUEST_ES_LIMIT),
    VM86_LIMIT("S14", GUEST_FS_LIMIT),
    VM86_LIMIT("S15", GUEST_GS_LIMIT),
    VM86_RIGHTS("S16", GUEST_CS_ACCESS_RIGHTS),
    VM86_RIGHTS("S17", GUEST_SS_ACCESS_RIGHTS),
    VM86_RIGHTS("S18", GUEST_DS_ACCESS_RIGHTS),
    VM86_RIGHTS("S19", GUEST_ES_ACCESS_RIGHTS),
    VM86_RIGHTS("S20", GUEST_FS_ACCESS_RIGHTS),
    VM86_RIGHTS("S21", GUEST_GS_ACCESS_RIGHTS),
    RULE("S22", GUEST_TR_BASE, "must be canonical", .wrong = entry_wrong_canonical, .bad = entry_bad_canonical,
         .near = entry_near_canonical),
    CANONICAL("S23", GUEST_FS_BASE),
    CANONICAL("S24", GUEST_GS_BASE),
    RULE("S25", GUEST_LDTR_BASE, "must be canonical if LDTR is usable", .wrong = wrong_usable_canonical,
         .bad = entry_bad_canonical, .setup = USABLE_LDTR,
         .near = VARIANTS(VARIANT("unusable", SET(ENTRY_OWN, 1ull << 63), ALL(GUEST_LDTR_ACCESS_RIGHTS, AR_UNUSABLE)))),
    LOW("S26", GUEST_CS_BASE, "bits 63:32 must be 0", ),
    LOW("S27", GUEST_SS_BASE, "bits 63:32 must be 0 if SS is usable", OR_UNUSABLE(SS)),
    LOW("S28", GUEST_DS_BASE, "bits 63:32 must be 0 if DS is usable", OR_UNUSABLE(DS)),
    LOW("S29", GUEST_ES_BASE, "bits 63:32 must be 0 if ES is usable", OR_UNUSABLE(ES)),
};

const struct entry_table entry_rules_segment_base = TABLE(rules);
