/* "Checks on Guest Control Registers, Debug Registers, and MSRs": the registers. */
#include "vmm/entry/rule.h"

#define IA32E     B(ENTRYC_IA32E_MODE_GUEST)
#define IS_IA32E  ALL(ENTRY_CONTROLS, IA32E)
#define NOT_IA32E NONE(ENTRY_CONTROLS, IA32E)

/* An unrestricted guest may have PE and PG 0: "Unrestricted Guests". */
static uint64_t wrong_cr0_fixed(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t wrong = entry_wrong_fixed(context, rule);

    return entry_effective(context, PROC2_CONTROLS) & B(PROC2_UNRESTRICTED_GUEST) ? wrong & ~(CR0_PE | CR0_PG) : wrong;
}

static const struct entry_rule rules[] = {
    RULE("G1", GUEST_CR0, "bits that are 1 in IA32_VMX_CR0_FIXED0 must be 1; PE and PG not in an unrestricted guest",
         .wrong = wrong_cr0_fixed, .operand = CAP_IA32_VMX_CR0_FIXED0, .bad = entry_each_bit, .varies = true,
         .first_only = true),
    RULE("G2", GUEST_CR0, "bits that are 0 in IA32_VMX_CR0_FIXED1 must be 0", .wrong = entry_wrong_fixed,
         .operand = CAP_IA32_VMX_CR0_FIXED1, .bad = entry_each_bit, .varies = true, .first_only = true),
    RULE("G3", GUEST_CR0, "PG needs PE", .wrong = entry_wrong_zeros, .operand = CR0_PE,
         .given = LIST(ALL(GUEST_CR0, CR0_PG)), .setup = LIST(ON(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST)),
         .with = "R6"),
    RULE("G4", GUEST_CR4, "bits that are 1 in IA32_VMX_CR4_FIXED0 must be 1", .wrong = entry_wrong_fixed,
         .operand = CAP_IA32_VMX_CR4_FIXED0, .bad = entry_each_bit, .varies = true, .first_only = true),
    RULE("G5", GUEST_CR4, "bits that are 0 in IA32_VMX_CR4_FIXED1 must be 0", .wrong = entry_wrong_fixed,
         .operand = CAP_IA32_VMX_CR4_FIXED1, .bad = entry_each_bit, .varies = true, .first_only = true),
    RULE("G6", GUEST_CR0, "CR4.CET needs CR0.WP", .wrong = entry_wrong_zeros, .operand = CR0_WP,
         .setup = LIST(ALL(GUEST_CR0, CR0_WP)), .when = LIST(ALL(GUEST_CR4, CR4_CET))),
    RULE("G7", GUEST_IA32_DEBUGCTL, "reserved bits must be 0", .wrong = entry_wrong_ones, .operand = ~0xffffull | 0x38,
         .when = LIST(ON(ENTRY_CONTROLS, ENTRYC_LOAD_DEBUG)), .near = VARIANTS(VALUE("lbr", 1), VALUE("btf", 2))),
    RULE("G8", GUEST_CR0, "an IA-32e mode guest needs PG", .wrong = entry_wrong_zeros, .operand = CR0_PG,
         .given = LIST(IS_IA32E), .setup = LIST(ON(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST))),
    RULE("G9", GUEST_CR4, "an IA-32e mode guest needs PAE", .wrong = entry_wrong_zeros, .operand = CR4_PAE,
         .given = LIST(IS_IA32E)),
    RULE("G10", GUEST_CR4, "PCIDE is for IA-32e mode guests only", .wrong = entry_wrong_ones, .operand = CR4_PCIDE,
         .given = LIST(NOT_IA32E, CAN_CR4(CR4_PCIDE))),
    RULE("G11", GUEST_CR3, "bits beyond the physical-address width must be 0, but LAM's where there is LAM",
         .wrong = entry_wrong_cr3, .bad = entry_bad_cr3),
    RULE("G12", GUEST_DR7, "bits 63:32 must be 0", .wrong = entry_wrong_ones, .operand = HIGH_HALF,
         .when = LIST(ON(ENTRY_CONTROLS, ENTRYC_LOAD_DEBUG)), .near = VARIANTS(VALUE("low-half", 0xffff07ff))),
    RULE("G13", GUEST_SYSENTER_ESP, "must be canonical", .wrong = entry_wrong_canonical, .bad = entry_bad_canonical,
         .near = entry_near_canonical),
    RULE("G14", GUEST_SYSENTER_EIP, "must be canonical", .wrong = entry_wrong_canonical, .bad = entry_bad_canonical,
         .near = entry_near_canonical),
    RULE("G38", GUEST_CR4, "FRED is for IA-32e mode guests only", .wrong = entry_wrong_ones, .operand = CR4_FRED,
         .given = LIST(NOT_IA32E, CAN_CR4(CR4_FRED)), .with = "S104"),
};

const struct entry_table entry_rules_guest_cr = TABLE(rules);
