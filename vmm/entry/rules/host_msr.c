/* "Checks on Host Control Registers, MSRs, and SSP": what an exit loads only if its control says so. */
#include "vmm/entry/rule.h"

#define LOADS(name)  .when = LIST(ON(EXIT_CONTROLS, EXITC_LOAD_##name))
#define LOADS2(name) .when = LIST(ON(SECONDARY_EXIT_CONTROLS, EXITC2_LOAD_##name))

/* With a 32-bit host, the high half must be 0 as well. */
static uint64_t wrong_pointer(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t high = entry_effective(context, EXIT_CONTROLS) & B(EXITC_HOST_64) ? 0 : HIGH_HALF;

    return entry_wrong_canonical(context, rule) | (entry_get(context, rule->field) & high);
}

/* A bit of EFER against the address-space size; operand is the bit. */
static uint64_t wrong_size(struct entry_context *context, const struct entry_rule *rule)
{
    bool is_64 = entry_effective(context, EXIT_CONTROLS) & B(EXITC_HOST_64);

    return (entry_get(context, rule->field) & rule->operand) == (is_64 ? rule->operand : 0) ? 0 : rule->operand;
}

#define RSP(id, field)                                                                                                 \
    RULE(id, field, "must be canonical and 64-byte aligned", .wrong = entry_wrong_fred, .operand = 0x3f,               \
         .bad = entry_bad_fred_pointer, LOADS2(FRED))
#define SSP(id, field)                                                                                                 \
    RULE(id, field, "must be canonical and 8-byte aligned", .wrong = entry_wrong_fred, .operand = 7,                   \
         .bad = entry_bad_fred_pointer, LOADS2(FRED))

static const struct entry_rule rules[] = {
    RULE("H9", HOST_IA32_PERF_GLOBAL_CTRL, "reserved bits must be 0", .wrong = entry_wrong_perf_global_ctrl,
         .bad = VARIANTS(EACH(1ull << 63 | 1ull << 47 | 1ull << 31), {.each = 1ull << 48, .varies = true}),
         LOADS(PERF_GLOBAL_CTRL)),
    RULE("H10", HOST_IA32_PAT, "each byte must be 0, 1, 4, 5, 6 or 7", .wrong = entry_wrong_pat, .bad = entry_bad_pat,
         .near = entry_near_pat, LOADS(PAT)),
    RULE("H11", HOST_IA32_EFER, "reserved bits must be 0", .wrong = entry_wrong_efer,
         .bad = VARIANTS(EACH(EFER_RESERVED), {.each = EFER_NXE, .varies = true}), LOADS(EFER)),
    RULE("H12", HOST_IA32_EFER, "LMA must be the host address-space size", .wrong = wrong_size, .operand = EFER_LMA,
         .loses_host = true, LOADS(EFER)),
    RULE("H13", HOST_IA32_EFER, "LME must be the host address-space size", .wrong = wrong_size, .operand = EFER_LME,
         .loses_host = true, LOADS(EFER)),
    RULE("H14", HOST_S_CET, "must be canonical, and below 4 GiB with a 32-bit host", .wrong = wrong_pointer,
         .bad = entry_bad_canonical, .near = VARIANTS(VALUE("low-bits", 0x3f)), LOADS(CET), .with = "H15"),
    RULE("H15", HOST_S_CET, "bits 9:6 must be 0, and SUPPRESS and TRACKER not both 1", .wrong = entry_wrong_s_cet,
         .bad = VARIANTS(EACH(S_CET_RESERVED), VALUE("both", 3 << 10)),
         .near = VARIANTS(VALUE("suppress", 1 << 10), VALUE("tracker", 1 << 11)), LOADS(CET)),
    RULE("H16", HOST_SSP, "must be canonical, and below 4 GiB with a 32-bit host", .wrong = wrong_pointer,
         .bad = entry_bad_canonical, LOADS(CET), .with = "H17"),
    RULE("H17", HOST_SSP, "bits 1:0 must be 0", .wrong = entry_wrong_ones, .operand = 3, LOADS(CET),
         .near = VARIANTS(VALUE("four", 4))),
    RULE("H18", HOST_INTERRUPT_SSP_TABLE_ADDRESS, "must be canonical", .wrong = entry_wrong_canonical,
         .bad = entry_bad_canonical, .near = entry_near_canonical, LOADS(CET)),
    RULE("H19", HOST_IA32_PKRS, "bits 63:32 must be 0", .wrong = entry_wrong_ones, .operand = HIGH_HALF,
         .near = VARIANTS(VALUE("highest", 0xffffffff)), LOADS(PKRS)),
    RULE("H20", HOST_IA32_SPEC_CTRL, "reserved bits must be 0", .wrong = entry_wrong_ones,
         .operand = SPEC_CTRL_RESERVED, LOADS2(SPEC_CTRL)),
    RULE("H21", HOST_IA32_FRED_CONFIG, "must be canonical, and bits 2, 5:4 and 11 must be 0", .wrong = entry_wrong_fred,
         .operand = FRED_CONFIG_RESERVED, .bad = entry_bad_fred_config, LOADS2(FRED)),
    RSP("H22", HOST_IA32_FRED_RSP1),
    RSP("H23", HOST_IA32_FRED_RSP2),
    RSP("H24", HOST_IA32_FRED_RSP3),
    SSP("H25", HOST_IA32_FRED_SSP1),
    SSP("H26", HOST_IA32_FRED_SSP2),
    SSP("H27", HOST_IA32_FRED_SSP3),
};

const struct entry_table entry_rules_host_msr = TABLE(rules);
