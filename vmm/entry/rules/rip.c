/* "Checks on Guest RIP, RFLAGS, and SSP". */
#include "vmm/entry/rule.h"

#define IS_IA32E  ALL(ENTRY_CONTROLS, B(ENTRYC_IA32E_MODE_GUEST))
#define NOT_IA32E NONE(ENTRY_CONTROLS, B(ENTRYC_IA32E_MODE_GUEST))
#define IS_LONG   ALL(GUEST_CS_ACCESS_RIGHTS, AR_L)
#define LOADS_CET ON(ENTRY_CONTROLS, ENTRYC_LOAD_CET)

#define EXTERNAL(vector) SET(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXTERNAL, vector))

static uint64_t wrong_rip_high(struct entry_context *context, const struct entry_rule *rule)
{
    bool is_64 = entry_get(context, ENTRY_CONTROLS) & B(ENTRYC_IA32E_MODE_GUEST) &&
                 entry_get(context, GUEST_CS_ACCESS_RIGHTS) & AR_L;

    return is_64 ? 0 : entry_get(context, rule->field) & HIGH_HALF;
}

static uint64_t wrong_vm_ia32e(struct entry_context *context, const struct entry_rule *rule)
{
    bool is_ia32e = entry_get(context, ENTRY_CONTROLS) & B(ENTRYC_IA32E_MODE_GUEST);

    return is_ia32e ? entry_get(context, rule->field) & RFLAGS_VM : 0;
}

static uint64_t wrong_vm_real(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, GUEST_CR0) & CR0_PE ? 0 : entry_get(context, rule->field) & RFLAGS_VM;
}

static uint64_t wrong_if(struct entry_context *context, const struct entry_rule *rule)
{
    bool injected =
        (entry_get(context, ENTRY_INTERRUPTION_INFO) & (EVENT_VALID | EVENT_TYPE)) == EVENT(EVENT_EXTERNAL, 0);

    return injected ? ~entry_get(context, rule->field) & RFLAGS_IF : 0;
}

#define VM86_SEGMENTS "S4 S5 S6 S7 S8 S9 S10 S11 S12 S13 S14 S15 S16 S17 S18 S19 S20 S21"

/* Bits that only extend the sign may be legal though the address is not canonical: bit L - 1 is free. */
#define BAD_SIGN                                                                                                       \
    VARIANTS(VARIANT("low", {ENTRY_OWN, ~0ull, 2, HOW_LINEAR}), VALUE("bit63", 1ull << 63),                            \
             VARIANT("high", {ENTRY_OWN, ~0ull, ~3ull, HOW_LINEAR}))
#define NEAR_SIGN                                                                                                      \
    VARIANTS(VARIANT("not-canonical", {ENTRY_OWN, ~0ull, 1, HOW_LINEAR}),                                              \
             VARIANT("last-low", {ENTRY_OWN, ~0ull, 3, HOW_LINEAR_LAST}),                                              \
             VARIANT("high", {ENTRY_OWN, ~0ull, ~1ull, HOW_LINEAR}))

static const struct entry_rule rules[] = {
    RULE("R1", GUEST_RIP, "bits 63:32 must be 0 outside 64-bit mode", .wrong = wrong_rip_high, .skip = BASE_LONG64,
         .bad = VARIANTS(EACH(HIGH_HALF))),
    RULE("R2", GUEST_RIP, "bits beyond the linear-address width must be the same", .wrong = entry_wrong_sign,
         .given = LIST(IS_IA32E, IS_LONG), .bad = BAD_SIGN, .near = NEAR_SIGN),
    RULE("R3", GUEST_RFLAGS, "bits 63:22, 15, 5 and 3 must be 0", .wrong = entry_wrong_ones,
         .operand = ~0x3fffffull | 1 << 15 | 1 << 5 | 1 << 3),
    RULE("R4", GUEST_RFLAGS, "bit 1 must be 1", .wrong = entry_wrong_zeros, .operand = RFLAGS_ONE),
    /* From virtual-8086 mode it is the one thing that is wrong; from other modes, the segments are wrong, too. */
    RULE("R5", GUEST_RFLAGS, "VM must be 0 in an IA-32e mode guest", .wrong = wrong_vm_ia32e, .with = VM86_SEGMENTS,
         .skip = BASE_PAGED32 | BASE_PAE | BASE_UNPAGED | BASE_REAL,
         .bad =
             VARIANTS({.each = RFLAGS_VM, .skip = BASE_VM86},
                      {.label = "vm86",
                       .skip = LONG_BASES,
                       .write = LIST(IS_IA32E, ALL(GUEST_CR4, CR4_PAE), ALL(GUEST_IA32_EFER, EFER_LMA | EFER_LME))})),
    RULE("R6", GUEST_RFLAGS, "VM must be 0 with CR0.PE = 0", .wrong = wrong_vm_real, .with = VM86_SEGMENTS,
         .setup = LIST(ON(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST)),
         .skip = LONG_BASES | BASE_PAGED32 | BASE_PAE | BASE_UNPAGED,
         .bad = VARIANTS({.each = RFLAGS_VM, .skip = BASE_VM86},
                         {.label = "vm86", .skip = BASE_REAL, .write = LIST(NONE(GUEST_CR0, CR0_PE | CR0_PG))})),
    RULE("R7", GUEST_RFLAGS, "IF must be 1 for an external interrupt to be injected", .wrong = wrong_if,
         .bad = VARIANTS(VARIANT("vector32", EXTERNAL(32), NONE(ENTRY_OWN, RFLAGS_IF)),
                         VARIANT("vector255", EXTERNAL(255), NONE(ENTRY_OWN, RFLAGS_IF))),
         .near = VARIANTS(VARIANT("if", EXTERNAL(32), ALL(ENTRY_OWN, RFLAGS_IF)),
                          VARIANT("nothing", NONE(ENTRY_OWN, RFLAGS_IF)))),
    RULE("R8", GUEST_SSP, "bits 1:0 must be 0", .wrong = entry_wrong_ones, .operand = 3, .when = LIST(LOADS_CET),
         .near = VARIANTS(VALUE("four", 4))),
    RULE("R9", GUEST_SSP, "bits beyond the linear-address width must be the same", .wrong = entry_wrong_sign,
         .given = LIST(IS_IA32E), .when = LIST(LOADS_CET), .bad = BAD_SIGN, .near = NEAR_SIGN),
    RULE("R10", GUEST_SSP, "bits 63:32 must be 0 outside IA-32e mode", .wrong = entry_wrong_ones, .operand = HIGH_HALF,
         .given = LIST(NOT_IA32E), .when = LIST(LOADS_CET)),
};

const struct entry_table entry_rules_rip = TABLE(rules);
