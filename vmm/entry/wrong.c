/* What is wrong with a value, for the kinds of demands that many fields share; and ways to break them. */
#include "vmm/entry/rule.h"

static uint64_t low_bits(unsigned bits) { return bits < 64 ? (1ull << bits) - 1 : ~0ull; }

unsigned entry_physical_width(struct entry_context *context)
{
    unsigned width = entry_get(context, CAP_CPUID_80000008_EAX) & 0xff;

    return width >= 32 && width <= 52 ? width : 52;
}

/* "CPUID: Linear Address Size". Bases and MSRs that hold an address are checked against this, whatever CR4.LA57 is. */
unsigned entry_linear_width(struct entry_context *context)
{
    unsigned width = entry_get(context, CAP_CPUID_80000008_EAX) >> 8 & 0xff;

    return width >= 48 && width <= 63 ? width : 48;
}

/* ---- Bits --------------------------------------------------------------------------------------------------- */

uint64_t entry_wrong_ones(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_effective(context, rule->field) & rule->operand;
}

uint64_t entry_wrong_zeros(struct entry_context *context, const struct entry_rule *rule)
{
    return ~entry_effective(context, rule->field) & rule->operand;
}

uint64_t entry_wrong_zero(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_effective(context, rule->field) ? 0 : low_bits(entry_field_bits(rule->field));
}

/* ---- Controls: "VMX Capability Reporting Facility" ----------------------------------------------------------- */

static const struct {
    uint32_t field, plain, true_; /* the registers; true_ counts if bit 55 of IA32_VMX_BASIC is set; 0: none */
} controls[] = {
    {PIN_CONTROLS, CAP_IA32_VMX_PINBASED_CTLS, CAP_IA32_VMX_TRUE_PINBASED_CTLS},
    {PROC_CONTROLS, CAP_IA32_VMX_PROCBASED_CTLS, CAP_IA32_VMX_TRUE_PROCBASED_CTLS},
    {PROC2_CONTROLS, CAP_IA32_VMX_PROCBASED_CTLS2, 0},
    {EXIT_CONTROLS, CAP_IA32_VMX_EXIT_CTLS, CAP_IA32_VMX_TRUE_EXIT_CTLS},
    {ENTRY_CONTROLS, CAP_IA32_VMX_ENTRY_CTLS, CAP_IA32_VMX_TRUE_ENTRY_CTLS},
};

static uint64_t control_cap(struct entry_context *context, uint32_t field)
{
    for (unsigned i = 0; i < sizeof controls / sizeof *controls; i++)
        if (controls[i].field == field)
            return entry_get(context,
                             controls[i].true_ && entry_get(context, CAP_IA32_VMX_BASIC) & B(BASIC_TRUE_CONTROLS)
                                 ? controls[i].true_
                                 : controls[i].plain);
    return 0;
}

uint64_t entry_control_ones(struct entry_context *context, uint32_t field)
{
    return control_cap(context, field) & 0xffffffff;
}

uint64_t entry_control_allowed(struct entry_context *context, uint32_t field)
{
    if (field == TERTIARY_CONTROLS)
        return entry_get(context, CAP_IA32_VMX_PROCBASED_CTLS3);
    if (field == SECONDARY_EXIT_CONTROLS)
        return entry_get(context, CAP_IA32_VMX_EXIT_CTLS2);
    if (field == VM_FUNCTION_CONTROLS)
        return entry_get(context, CAP_IA32_VMX_VMFUNC);
    return control_cap(context, field) >> 32;
}

uint64_t entry_wrong_must_be_1(struct entry_context *context, const struct entry_rule *rule)
{
    return ~entry_effective(context, rule->field) & entry_control_ones(context, rule->field);
}

uint64_t entry_wrong_may_be_1(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_effective(context, rule->field) & ~entry_control_allowed(context, rule->field);
}

uint64_t entry_wrong_fixed(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t value = entry_get(context, rule->field), fixed = entry_get(context, (uint32_t)rule->operand);
    bool ones = rule->operand == CAP_IA32_VMX_CR0_FIXED0 || rule->operand == CAP_IA32_VMX_CR4_FIXED0;

    return ones ? ~value & fixed : value & ~fixed;
}

/* ---- Addresses ---------------------------------------------------------------------------------------------- */

uint64_t entry_wrong_width(struct entry_context *context, const struct entry_rule *rule)
{
    unsigned width = entry_physical_width(context);

    if (entry_get(context, CAP_IA32_VMX_BASIC) & B(BASIC_ADDRESSES_32_BIT))
        width = 32;
    return entry_get(context, rule->field) & ~low_bits(width);
}

uint64_t entry_wrong_physical(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) & ~low_bits(entry_physical_width(context)) & ~rule->operand;
}

uint64_t entry_unlike(uint64_t value, unsigned first)
{
    return (value >> first & 1 ? ~value : value) & ~low_bits(first);
}

uint64_t entry_wrong_canonical(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_unlike(entry_get(context, rule->field), entry_linear_width(context) - 1);
}

uint64_t entry_wrong_sign(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_unlike(entry_get(context, rule->field), entry_linear_width(context));
}

/* "Linear-Address Masking": LAM_U57 and LAM_U48 in CR3 */
uint64_t entry_wrong_cr3(struct entry_context *context, const struct entry_rule *rule)
{
    const uint64_t lam_bits = 3ull << 61, has_lam = 1ull << 26;
    uint64_t wrong = entry_get(context, rule->field) & ~low_bits(entry_physical_width(context));

    return wrong & lam_bits && entry_get(context, CAP_CPUID_7_1_EAX) & has_lam ? wrong & ~lam_bits : wrong;
}

const struct entry_variant entry_bad_width[] = {
    {.label = "width", .write = LIST({ENTRY_OWN, ~0ull, 0, HOW_ABOVE})},
    {.label = "bit63", .write = LIST(ALL(ENTRY_OWN, 1ull << 63))},
    {0},
};

const struct entry_variant entry_bad_cr3[] = {
    {.label = "width", .write = LIST({ENTRY_OWN, ~0ull, 0, HOW_ABOVE})},
    {.label = "bit52", .write = LIST(ALL(ENTRY_OWN, 1ull << 52))},
    {.label = "bit60", .write = LIST(ALL(ENTRY_OWN, 1ull << 60))},
    {.label = "lam-u57", .write = LIST(ALL(ENTRY_OWN, 1ull << 61)), .varies = true},
    {.label = "lam-u48", .write = LIST(ALL(ENTRY_OWN, 1ull << 62)), .varies = true},
    {.label = "bit63", .write = LIST(ALL(ENTRY_OWN, 1ull << 63))},
    {0},
};

const struct entry_variant entry_bad_canonical[] = {
    {.label = "low", .write = LIST({ENTRY_OWN, ~0ull, 1, HOW_LINEAR})},
    {.label = "high", .write = LIST({ENTRY_OWN, ~0ull, ~1ull, HOW_LINEAR})},
    {.label = "bit63", .write = LIST(SET(ENTRY_OWN, 1ull << 63))},
    {.label = "bit62", .write = LIST(SET(ENTRY_OWN, ~0ull & ~(1ull << 62)))},
    {0},
};

const struct entry_variant entry_near_canonical[] = {
    {.label = "last-low", .write = LIST({ENTRY_OWN, ~0ull, 0, HOW_LINEAR_LAST})},
    {.label = "first-high", .write = LIST({ENTRY_OWN, ~0ull, ~0ull, HOW_LINEAR})},
    {.label = "last", .write = LIST(SET(ENTRY_OWN, ~0ull))},
    {0},
};

const struct entry_variant entry_each_bit[] = {{.each = ~0ull}, {0}};
const struct entry_variant entry_each_bit32[] = {{.each = 0xffffffff}, {0}};

/* ---- MSRs --------------------------------------------------------------------------------------------------- */

/* "IA32_PAT MSR": memory types 0, 1, 4 to 7 */
uint64_t entry_wrong_pat(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t pat = entry_get(context, rule->field), wrong = 0;

    for (unsigned shift = 0; shift < 64; shift += 8) {
        unsigned type = pat >> shift & 0xff;

        if (type > 7 || type == 2 || type == 3)
            wrong |= 0xffull << shift;
    }
    return wrong;
}

#define PAT_BYTE(byte, type) {ENTRY_OWN, 0xffull << (byte)*8, (uint64_t)(type) << (byte)*8, HOW_SET}
const struct entry_variant entry_bad_pat[] = {
    {.label = "pa0-2", .write = LIST(PAT_BYTE(0, 2))},
    {.label = "pa1-2", .write = LIST(PAT_BYTE(1, 2))},
    {.label = "pa2-2", .write = LIST(PAT_BYTE(2, 2))},
    {.label = "pa3-2", .write = LIST(PAT_BYTE(3, 2))},
    {.label = "pa4-2", .write = LIST(PAT_BYTE(4, 2))},
    {.label = "pa5-2", .write = LIST(PAT_BYTE(5, 2))},
    {.label = "pa6-2", .write = LIST(PAT_BYTE(6, 2))},
    {.label = "pa7-2", .write = LIST(PAT_BYTE(7, 2))},
    {.label = "pa0-3", .write = LIST(PAT_BYTE(0, 3))},
    {.label = "pa0-8", .write = LIST(PAT_BYTE(0, 8))},
    {.label = "pa7-80", .write = LIST(PAT_BYTE(7, 0x80))},
    {.label = "pa7-ff", .write = LIST(PAT_BYTE(7, 0xff))},
    {0},
};
const struct entry_variant entry_near_pat[] = {
    {.label = "pa0-7", .write = LIST(PAT_BYTE(0, 7))},
    {.label = "pa7-1", .write = LIST(PAT_BYTE(7, 1))},
    {.label = "pa7-4", .write = LIST(PAT_BYTE(7, 4))},
    {.label = "pa7-5", .write = LIST(PAT_BYTE(7, 5))},
    {0},
};

/* "IA32_PERF_GLOBAL_CTRL": as many counters as CPUID says, and the performance metrics */
uint64_t entry_wrong_perf_global_ctrl(struct entry_context *context, const struct entry_rule *rule)
{
    const uint64_t has_metrics = 1ull << 15, enable_metrics = 1ull << 48;
    uint64_t value = entry_get(context, rule->field), wrong;
    unsigned general = entry_get(context, CAP_CPUID_A_EAX) >> 8 & 0xff,
             fixed = entry_get(context, CAP_CPUID_A_EDX) & 0x1f;

    wrong = value & ~(low_bits(general < 32 ? general : 32) | low_bits(fixed < 16 ? fixed : 16) << 32);
    return wrong & enable_metrics && entry_get(context, CAP_IA32_PERF_CAPABILITIES) & has_metrics
               ? wrong & ~enable_metrics
               : wrong;
}

uint64_t entry_wrong_efer(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t value = entry_get(context, rule->field), wrong = value & EFER_RESERVED;

    if (value & EFER_NXE && !(entry_get(context, CAP_CPUID_80000001_EDX) & B(CPU_NX)))
        wrong |= EFER_NXE;
    return wrong;
}

/* "IA32_S_CET": SUPPRESS is bit 10, TRACKER bit 11 */
uint64_t entry_wrong_s_cet(struct entry_context *context, const struct entry_rule *rule)
{
    const uint64_t both = 3ull << 10;
    uint64_t value = entry_get(context, rule->field);

    return (value & S_CET_RESERVED) | ((value & both) == both ? both : 0);
}

const struct entry_variant entry_bad_fred_pointer[] = {
    {.label = "low", .write = LIST({ENTRY_OWN, ~0ull, 1, HOW_LINEAR})},
    {.label = "high", .write = LIST({ENTRY_OWN, ~0ull, ~1ull, HOW_LINEAR})},
    {.each = 7},
    {.each = 0x38, .varies = true},
    {0},
};
const struct entry_variant entry_bad_fred_config[] = {
    {.label = "low", .write = LIST({ENTRY_OWN, ~0ull, 1, HOW_LINEAR})},
    {.label = "high", .write = LIST({ENTRY_OWN, ~0ull, ~1ull, HOW_LINEAR})},
    {.each = FRED_CONFIG_RESERVED},
    {0},
};

uint64_t entry_wrong_fred(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_wrong_canonical(context, rule) | (entry_get(context, rule->field) & rule->operand);
}
