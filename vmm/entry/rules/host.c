/* "Checks on Host Control Registers, MSRs, and SSP", but for MSRs; segments; "Checks Related to Address-Space Size". */
#include "vmm/entry/rule.h"

/* All that a host outside IA-32e mode must be; its rules apply where these hold. */
#define HOST_32 NONE(EXIT_CONTROLS, B(EXITC_HOST_64))
#define HOST_32_SETUP                                                                                                  \
    LIST(NONE(STATE_CPU_EFER, EFER_LMA | EFER_LME), OFF(EXIT_CONTROLS, EXITC_HOST_64),                                 \
         OFF(EXIT_CONTROLS, EXITC_LOAD_EFER), OFF(EXIT_CONTROLS, EXITC_LOAD_CET), SET(HOST_RIP, 0x1000),               \
         SET(HOST_SS_SELECTOR, 0x10), NONE(HOST_CR4, CR4_PCIDE | CR4_FRED))
#define IS_LONG_MODE "Nestor's kernel runs in IA-32e mode, where it can't have a 32-bit host state to begin with"

#define FIXED_TO_1(id, field, cap)                                                                                     \
    RULE(id, field, "bits that are 1 in " #cap " must be 1", .wrong = entry_wrong_fixed, .operand = CAP_##cap,         \
         .bad = entry_each_bit, .varies = true, .first_only = true, .loses_host = true)
#define FIXED_TO_0(id, field, cap)                                                                                     \
    RULE(id, field, "bits that are 0 in " #cap " must be 0", .wrong = entry_wrong_fixed, .operand = CAP_##cap,         \
         .bad = entry_each_bit, .varies = true, .first_only = true, .loses_host = true)
#define CANONICAL(id, field)                                                                                           \
    RULE(id, field, "must be canonical", .wrong = entry_wrong_canonical, .bad = entry_bad_canonical,                   \
         .near = entry_near_canonical)
#define SELECTOR(id, field) RULE(id, field, "RPL and TI must be 0", .wrong = entry_wrong_ones, .operand = 7)

/* "Canonical" for RIP is a matter of the paging that the host will have: CR4.LA57. */
static uint64_t wrong_rip(struct entry_context *context, const struct entry_rule *rule)
{
    unsigned width = entry_get(context, HOST_CR4) & CR4_LA57 ? 57 : 48;

    return entry_unlike(entry_get(context, rule->field), width - 1);
}

static const struct entry_rule rules[] = {
    FIXED_TO_1("H1", HOST_CR0, IA32_VMX_CR0_FIXED0),
    FIXED_TO_0("H2", HOST_CR0, IA32_VMX_CR0_FIXED1),
    FIXED_TO_1("H3", HOST_CR4, IA32_VMX_CR4_FIXED0),
    FIXED_TO_0("H4", HOST_CR4, IA32_VMX_CR4_FIXED1),
    RULE("H5", HOST_CR0, "CR4.CET needs CR0.WP", .wrong = entry_wrong_zeros, .operand = CR0_WP,
         .setup = LIST(ALL(HOST_CR0, CR0_WP)), .when = LIST(ALL(HOST_CR4, CR4_CET))),
    RULE("H6", HOST_CR3, "bits beyond the physical-address width must be 0, but LAM's where there is LAM",
         .wrong = entry_wrong_cr3, .bad = entry_bad_cr3, .loses_host = true),
    CANONICAL("H7", HOST_SYSENTER_ESP),
    CANONICAL("H8", HOST_SYSENTER_EIP),

    SELECTOR("H28", HOST_CS_SELECTOR),
    SELECTOR("H29", HOST_SS_SELECTOR),
    SELECTOR("H30", HOST_DS_SELECTOR),
    SELECTOR("H31", HOST_ES_SELECTOR),
    SELECTOR("H32", HOST_FS_SELECTOR),
    SELECTOR("H33", HOST_GS_SELECTOR),
    SELECTOR("H34", HOST_TR_SELECTOR),
    RULE("H35", HOST_CS_SELECTOR, "must not be 0", .wrong = entry_wrong_zero, .bad = VARIANTS(VALUE("zero", 0)),
         .near = VARIANTS(VALUE("highest", 0xfff8))),
    RULE("H36", HOST_TR_SELECTOR, "must not be 0", .wrong = entry_wrong_zero, .bad = VARIANTS(VALUE("zero", 0)),
         .near = VARIANTS(VALUE("highest", 0xfff8))),
    RULE("H37", HOST_SS_SELECTOR, "must not be 0 with a 32-bit host", .wrong = entry_wrong_zero, .skip = LONG_BASES,
         .setup = HOST_32_SETUP, .when = LIST(HOST_32), .bad = VARIANTS(VALUE("zero", 0)), .no_row = IS_LONG_MODE),
    CANONICAL("H38", HOST_FS_BASE),
    CANONICAL("H39", HOST_GS_BASE),
    CANONICAL("H40", HOST_GDTR_BASE),
    CANONICAL("H41", HOST_IDTR_BASE),
    CANONICAL("H42", HOST_TR_BASE),

    RULE("H43", EXIT_CONTROLS, "host address-space size must be 1 in IA-32e mode", .wrong = entry_wrong_zeros,
         .operand = B(EXITC_HOST_64), .setup = LIST(OFF(EXIT_CONTROLS, EXITC_LOAD_EFER)),
         .when = LIST(ALL(STATE_CPU_EFER, EFER_LMA)), .loses_host = true, .with = "H14 H16 H37 H45 H46 H47 H48"),
    RULE("H44", EXIT_CONTROLS, "host address-space size must be 0 outside IA-32e mode", .wrong = entry_wrong_ones,
         .operand = B(EXITC_HOST_64), .skip = LONG_BASES, .setup = HOST_32_SETUP,
         .when = LIST(NONE(STATE_CPU_EFER, EFER_LMA)), .no_row = IS_LONG_MODE),
    RULE("H45", ENTRY_CONTROLS, "IA-32e mode guest must be 0 outside IA-32e mode, or with a 32-bit host",
         .wrong = entry_wrong_ones, .operand = B(ENTRYC_IA32E_MODE_GUEST), .skip = LONG_BASES, .setup = HOST_32_SETUP,
         .when = LIST(HOST_32), .first_only = true, .no_row = IS_LONG_MODE),
    RULE("H46", HOST_CR4, "CR4.PCIDE must be 0 with a 32-bit host", .wrong = entry_wrong_ones, .operand = CR4_PCIDE,
         .skip = LONG_BASES, .given = LIST(CAN_CR4(CR4_PCIDE)), .setup = HOST_32_SETUP, .when = LIST(HOST_32),
         .no_row = IS_LONG_MODE),
    RULE("H47", HOST_RIP, "bits 63:32 must be 0 with a 32-bit host", .wrong = entry_wrong_ones, .operand = HIGH_HALF,
         .skip = LONG_BASES, .setup = HOST_32_SETUP, .when = LIST(HOST_32), .no_row = IS_LONG_MODE),
    RULE("H48", HOST_CR4, "CR4.FRED must be 0 with a 32-bit host", .wrong = entry_wrong_ones, .operand = CR4_FRED,
         .skip = LONG_BASES, .given = LIST(CAN_CR4(CR4_FRED)), .setup = HOST_32_SETUP, .when = LIST(HOST_32),
         .no_row = IS_LONG_MODE),
    RULE("H49", HOST_CR4, "CR4.PAE must be 1 with a 64-bit host", .wrong = entry_wrong_zeros, .operand = CR4_PAE,
         .loses_host = true, .when = LIST(ON(EXIT_CONTROLS, EXITC_HOST_64))),
    /* An exit to an address at the edge of the gap would be the last: the base itself is the only neighbour. */
    RULE("H50", HOST_RIP, "must be canonical with a 64-bit host", .wrong = wrong_rip, .loses_host = true,
         .when = LIST(ON(EXIT_CONTROLS, EXITC_HOST_64)), .setup = LIST(NONE(HOST_CR4, CR4_LA57)),
         .bad = VARIANTS(VALUE("low", 1ull << 47), VALUE("high", ~0ull << 48), VALUE("bit63", 1ull << 63))),
};

const struct entry_table entry_rules_host = TABLE(rules);
