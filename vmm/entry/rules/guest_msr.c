/* "Checks on Guest Control Registers, Debug Registers, and MSRs": what an entry loads only if its control says so. */
#include "vmm/entry/rule.h"

#define IA32E       B(ENTRYC_IA32E_MODE_GUEST)
#define LOADS(name) .when = LIST(ON(ENTRY_CONTROLS, ENTRYC_LOAD_##name))

static bool is_ia32e(struct entry_context *context) { return entry_get(context, ENTRY_CONTROLS) & IA32E; }

static uint64_t wrong_lma(struct entry_context *context, const struct entry_rule *rule)
{
    return (entry_get(context, rule->field) & EFER_LMA ? 1 : 0) == is_ia32e(context) ? 0 : EFER_LMA;
}

static uint64_t wrong_lme(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t efer = entry_get(context, rule->field);

    return !(efer & EFER_LMA) == !(efer & EFER_LME) ? 0 : EFER_LME;
}

/* Outside IA-32e mode, the high half must be 0 as well. */
static uint64_t wrong_pointer(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t high = is_ia32e(context) ? 0 : HIGH_HALF;

    return entry_wrong_canonical(context, rule) | (entry_get(context, rule->field) & high);
}

#define RTIT_CTL_RESERVED (1ull << 18 | 1ull << 23 | 7ull << 28 | 0x7full << 48 | 0x7full << 57)
#define LBR_CTL_RESERVED  (0xfff0ull | ~0ull << 23)
#define BNDCFGS_RESERVED  0xffcull

#define RSP(id, field)                                                                                                 \
    RULE(id, field, "must be canonical and 64-byte aligned", .wrong = entry_wrong_fred, .operand = 0x3f,               \
         .bad = entry_bad_fred_pointer, LOADS(FRED))
#define SSP(id, field)                                                                                                 \
    RULE(id, field, "must be canonical and 8-byte aligned", .wrong = entry_wrong_fred, .operand = 7,                   \
         .bad = entry_bad_fred_pointer, LOADS(FRED))

static const struct entry_rule rules[] = {
    RULE("G15", GUEST_IA32_PERF_GLOBAL_CTRL, "reserved bits must be 0", .wrong = entry_wrong_perf_global_ctrl,
         .bad = VARIANTS(EACH(1ull << 63 | 1ull << 47 | 1ull << 31), {.each = 1ull << 48, .varies = true}),
         LOADS(PERF_GLOBAL_CTRL)),
    RULE("G16", GUEST_IA32_PAT, "each byte must be 0, 1, 4, 5, 6 or 7", .wrong = entry_wrong_pat, .bad = entry_bad_pat,
         .near = entry_near_pat, LOADS(PAT)),
    RULE("G17", GUEST_IA32_EFER, "reserved bits must be 0", .wrong = entry_wrong_efer,
         .bad = VARIANTS(EACH(EFER_RESERVED), {.each = EFER_NXE, .varies = true}),
         .near = VARIANTS(VARIANT("sce", ALL(ENTRY_OWN, 1))), LOADS(EFER)),
    RULE("G18", GUEST_IA32_EFER, "LMA must be as IA-32e mode guest", .wrong = wrong_lma,
         .bad = VARIANTS(VARIANT("both", FLIP(ENTRY_OWN, EFER_LMA | EFER_LME))), LOADS(EFER)),
    RULE("G19", GUEST_IA32_EFER, "LME must be as LMA, with paging", .wrong = wrong_lme, .operand = EFER_LME,
         .given = LIST(ALL(GUEST_CR0, CR0_PG)), LOADS(EFER)),
    RULE("G20", GUEST_IA32_BNDCFGS, "bits 11:2 must be 0", .wrong = entry_wrong_ones, .operand = BNDCFGS_RESERVED,
         LOADS(BNDCFGS), .near = VARIANTS(EACH(3))),
    RULE("G21", GUEST_IA32_BNDCFGS, "must be canonical", .wrong = entry_wrong_canonical,
         .bad = VARIANTS(VARIANT("low", {ENTRY_OWN, ~0ull, 1, HOW_LINEAR}), VALUE("bit63", 1ull << 63)),
         LOADS(BNDCFGS)),
    RULE("G22", GUEST_IA32_RTIT_CTL, "reserved bits must be 0", .wrong = entry_wrong_ones, .operand = RTIT_CTL_RESERVED,
         LOADS(RTIT_CTL)),
    RULE("G24", GUEST_S_CET, "must be canonical, and below 4 GiB outside IA-32e mode", .wrong = wrong_pointer,
         .bad = entry_bad_canonical, .near = VARIANTS(VALUE("low-bits", 0x3f)), LOADS(CET), .with = "G25"),
    RULE("G25", GUEST_S_CET, "bits 9:6 must be 0, and SUPPRESS and TRACKER not both 1", .wrong = entry_wrong_s_cet,
         .bad = VARIANTS(EACH(S_CET_RESERVED), VALUE("both", 3 << 10)),
         .near = VARIANTS(VALUE("suppress", 1 << 10), VALUE("tracker", 1 << 11)), LOADS(CET)),
    RULE("G26", GUEST_INTERRUPT_SSP_TABLE_ADDRESS, "must be canonical", .wrong = entry_wrong_canonical,
         .bad = entry_bad_canonical, .near = entry_near_canonical, LOADS(CET)),
    RULE("G27", GUEST_IA32_LBR_CTL, "reserved bits must be 0", .wrong = entry_wrong_ones, .operand = LBR_CTL_RESERVED,
         LOADS(LBR_CTL)),
    RULE("G28", GUEST_IA32_PKRS, "bits 63:32 must be 0", .wrong = entry_wrong_ones, .operand = HIGH_HALF,
         .near = VARIANTS(VALUE("highest", 0xffffffff)), LOADS(PKRS)),
    RULE("G29", GUEST_UINV, "bits 15:8 must be 0", .wrong = entry_wrong_ones, .operand = 0xff00,
         .near = VARIANTS(VALUE("highest", 255)), LOADS(UINV)),
    RULE("G30", GUEST_IA32_SPEC_CTRL, "reserved bits must be 0", .wrong = entry_wrong_ones,
         .operand = SPEC_CTRL_RESERVED, LOADS(SPEC_CTRL)),
    RULE("G31", GUEST_IA32_FRED_CONFIG, "must be canonical, and bits 2, 5:4 and 11 must be 0",
         .wrong = entry_wrong_fred, .operand = FRED_CONFIG_RESERVED, .bad = entry_bad_fred_config, LOADS(FRED)),
    RSP("G32", GUEST_IA32_FRED_RSP1),
    RSP("G33", GUEST_IA32_FRED_RSP2),
    RSP("G34", GUEST_IA32_FRED_RSP3),
    SSP("G35", GUEST_IA32_FRED_SSP1),
    SSP("G36", GUEST_IA32_FRED_SSP2),
    SSP("G37", GUEST_IA32_FRED_SSP3),
};

const struct entry_table entry_rules_guest_msr = TABLE(rules);
