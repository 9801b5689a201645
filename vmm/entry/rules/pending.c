/* "Checks on Guest Non-Register State": pending debug exceptions and the VMCS link pointer. */
#include "vmm/entry/rule.h"

/* "Pending Debug Exceptions" */
#define PENDING_CONDITIONS 0xfull
#define PENDING_BUS_LOCK   (1ull << 11)
#define PENDING_ENABLED    (1ull << 12)
#define PENDING_BS         (1ull << 14)
#define PENDING_RTM        (1ull << 16)
#define DEBUGCTL_BTF       2
#define SHADOW_VMCS        (1ull << 31)
#define NO_LINK            (~0ull)
#define IN_SMM             "Nestor is no SMM monitor: VM entries from SMM can't be made"

/* "Bus-Lock Detection": CPUID.7:ECX[24] makes bit 11 a condition. */
static uint64_t wrong_reserved(struct entry_context *context, const struct entry_rule *rule)
{
    const uint64_t has_bus_lock = 1 << 24;
    uint64_t wrong = entry_get(context, rule->field) & rule->operand;

    return wrong & PENDING_BUS_LOCK && entry_get(context, CAP_CPUID_7_ECX) & has_bus_lock ? wrong & ~PENDING_BUS_LOCK
                                                                                          : wrong;
}

/* Whether a single step would be pending: then BS has to say so. */
static bool is_held(struct entry_context *context)
{
    return entry_get(context, GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS) ||
           entry_get(context, GUEST_ACTIVITY) == ACTIVITY_HLT;
}

static bool is_stepping(struct entry_context *context)
{
    return entry_get(context, GUEST_RFLAGS) & RFLAGS_TF && !(entry_get(context, GUEST_IA32_DEBUGCTL) & DEBUGCTL_BTF);
}

static uint64_t wrong_bs_0(struct entry_context *context, const struct entry_rule *rule)
{
    return is_held(context) && is_stepping(context) ? ~entry_get(context, rule->field) & PENDING_BS : 0;
}

static uint64_t wrong_bs_1(struct entry_context *context, const struct entry_rule *rule)
{
    return is_held(context) && !is_stepping(context) ? entry_get(context, rule->field) & PENDING_BS : 0;
}

/* "Advanced Debugging of RTM": with bit 16, nothing else is told but bit 12 */
static uint64_t wrong_rtm_others(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t pending = entry_get(context, rule->field);

    return pending & PENDING_RTM ? pending & (PENDING_CONDITIONS | PENDING_BS) : 0;
}

static uint64_t wrong_rtm_enabled(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t pending = entry_get(context, rule->field);

    return pending & PENDING_RTM ? ~pending & PENDING_ENABLED : 0;
}

static uint64_t wrong_rtm(struct entry_context *context, const struct entry_rule *rule)
{
    const uint64_t has_rtm = 1 << 11;
    uint64_t pending = entry_get(context, rule->field) & PENDING_RTM;

    if (!pending)
        return 0;
    return entry_get(context, GUEST_INTERRUPTIBILITY) & BLOCKING_MOV_SS ||
                   !(entry_get(context, CAP_CPUID_7_EBX) & has_rtm)
               ? pending
               : 0;
}

/* ---- Link pointer --------------------------------------------------------------------------------------------- */

static bool has_link(struct entry_context *context) { return entry_get(context, VMCS_LINK_POINTER) != NO_LINK; }

static uint64_t wrong_link_alignment(struct entry_context *context, const struct entry_rule *rule)
{
    return has_link(context) ? entry_get(context, rule->field) & 0xfff : 0;
}

static uint64_t wrong_link_width(struct entry_context *context, const struct entry_rule *rule)
{
    return has_link(context) ? entry_wrong_width(context, rule) : 0;
}

/* What the pointer points to can't be known from one that is no address. */
static bool is_address(struct entry_context *context, const struct entry_rule *rule)
{
    return has_link(context) && !wrong_link_alignment(context, rule) && !entry_wrong_width(context, rule);
}

static uint64_t wrong_link_revision(struct entry_context *context, const struct entry_rule *rule)
{
    if (!is_address(context, rule))
        return 0;
    return (entry_get(context, STATE_LINK_WORD) ^ entry_get(context, CAP_IA32_VMX_BASIC)) & 0x7fffffff ? ~0xfffull : 0;
}

static uint64_t wrong_link_shadow(struct entry_context *context, const struct entry_rule *rule)
{
    bool shadowing = entry_effective(context, PROC2_CONTROLS) & B(PROC2_VMCS_SHADOWING);

    return is_address(context, rule) &&
                   (entry_get(context, STATE_LINK_WORD) & SHADOW_VMCS) != (shadowing ? SHADOW_VMCS : 0)
               ? ~0xfffull
               : 0;
}

static uint64_t wrong_link_current(struct entry_context *context, const struct entry_rule *rule)
{
    if (entry_get(context, STATE_SMM) && !(entry_get(context, ENTRY_CONTROLS) & B(ENTRYC_SMM)))
        return 0;
    return has_link(context) && entry_get(context, rule->field) == entry_get(context, STATE_CURRENT_VMCS) ? ~0xfffull
                                                                                                          : 0;
}

static uint64_t wrong_link_vmxon(struct entry_context *context, const struct entry_rule *rule)
{
    return has_link(context) && entry_get(context, rule->field) == entry_get(context, STATE_VMXON_POINTER) ? ~0xfffull
                                                                                                           : 0;
}

#define PENDING(id, must, ...) RULE(id, GUEST_PENDING_DEBUG, must, __VA_ARGS__)
#define STI                    SET(GUEST_INTERRUPTIBILITY, BLOCKING_STI)
#define MOV_SS                 SET(GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS)
#define TF                     ALL(GUEST_RFLAGS, RFLAGS_TF)
#define BTF                    BITS(GUEST_IA32_DEBUGCTL, DEBUGCTL_BTF, DEBUGCTL_BTF)
#define HELD(label_, skip_, ...)                                                                                       \
    {                                                                                                                  \
        .label = label_, .skip = skip_, .write = LIST(__VA_ARGS__)                                                     \
    }

#define LINK(id, must, ...)                                                                                            \
    RULE(id, VMCS_LINK_POINTER, must, __VA_ARGS__,                                                                     \
         .setup = LIST(COPY(ENTRY_OWN, STATE_LINK_PAGE), COPY(STATE_LINK_WORD, CAP_IA32_VMX_BASIC),                    \
                       NONE(STATE_LINK_WORD, ~0ull << 31), OFF(PROC2_CONTROLS, PROC2_VMCS_SHADOWING)),                 \
         .near = VARIANTS(VALUE("none", NO_LINK)))

static const struct entry_rule rules[] = {
    PENDING("P1", "bits 11:4, 13, 15 and 63:17 must be 0, but 11 with bus-lock detection", .wrong = wrong_reserved,
            .operand = ~0x1ffffull | 0xff0 | 1 << 13 | 1 << 15,
            .bad = VARIANTS(EACH(~0x1ffffull | 0x7f0 | 1 << 13 | 1 << 15), {.each = PENDING_BUS_LOCK, .varies = true}),
            .near = VARIANTS(EACH(PENDING_CONDITIONS | PENDING_ENABLED))),
    PENDING("P4", "with RTM (bit 16), bits 3:0 and 14 must be 0", .wrong = wrong_rtm_others, .with = "P3 P6",
            .bad =
                VARIANTS(EACH_BEHIND(PENDING_CONDITIONS | PENDING_BS, SET(ENTRY_OWN, PENDING_RTM | PENDING_ENABLED)))),
    PENDING("P5", "with RTM (bit 16), bit 12 must be 1", .wrong = wrong_rtm_enabled, .with = "P6",
            .bad = VARIANTS(VALUE("rtm", PENDING_RTM))),
    PENDING("P6", "RTM (bit 16) needs RTM, and no blocking by MOV SS", .wrong = wrong_rtm,
            .bad = VARIANTS(
                {.label = "no-rtm", .varies = true, .write = LIST(SET(ENTRY_OWN, PENDING_RTM | PENDING_ENABLED))},
                HELD("mov-ss", BASE_HLT, MOV_SS, SET(ENTRY_OWN, PENDING_RTM | PENDING_ENABLED))),
            .near = VARIANTS(
                {.label = "rtm", .varies = true, .write = LIST(SET(ENTRY_OWN, PENDING_RTM | PENDING_ENABLED))})),
    PENDING(
        "P2", "BS must be 1: a single step is held up by STI, MOV SS or HLT", .wrong = wrong_bs_0,
        .bad = VARIANTS(
            HELD("sti", BASE_HLT, STI, TF), HELD("mov-ss", BASE_HLT, MOV_SS, TF),
            {.label = "hlt", .varies = true, .skip = BASE_VM86, .write = LIST(SET(GUEST_ACTIVITY, ACTIVITY_HLT), TF)}),
        .near = VARIANTS(HELD("sti-bs", BASE_HLT, STI, TF, ALL(ENTRY_OWN, PENDING_BS)), VARIANT("btf", TF, BTF))),
    PENDING("P3", "BS must be 0: no single step is held up", .wrong = wrong_bs_1,
            .bad = VARIANTS(HELD("sti", BASE_HLT, STI, ALL(ENTRY_OWN, PENDING_BS)),
                            HELD("mov-ss", BASE_HLT, MOV_SS, ALL(ENTRY_OWN, PENDING_BS)),
                            HELD("sti-btf", BASE_HLT, STI, TF, BTF, ALL(ENTRY_OWN, PENDING_BS)),
                            {.label = "hlt",
                             .varies = true,
                             .skip = BASE_VM86,
                             .write = LIST(SET(GUEST_ACTIVITY, ACTIVITY_HLT), ALL(ENTRY_OWN, PENDING_BS))}),
            .near = VARIANTS(HELD("not-held", BASE_HLT, ALL(ENTRY_OWN, PENDING_BS)))),

    LINK("L1", "must be 4 KiB aligned", .wrong = wrong_link_alignment, .bad = VARIANTS(EACH(0xfff))),
    LINK("L2", "must be within the physical-address width", .wrong = wrong_link_width, .bad = entry_bad_width),
    LINK("L3", "must point to the CPU's VMCS revision identifier", .wrong = wrong_link_revision,
         .bad = VARIANTS(VARIANT("bit0", FLIP(STATE_LINK_WORD, 1)), VARIANT("bit30", FLIP(STATE_LINK_WORD, 1 << 30)))),
    LINK("L4", "must point to a shadow VMCS with VMCS shadowing, and only then", .wrong = wrong_link_shadow,
         .bad = VARIANTS(VARIANT("shadow", FLIP(STATE_LINK_WORD, SHADOW_VMCS)))),
    LINK("L5", "must not be the current VMCS, but in SMM", .wrong = wrong_link_current,
         .bad = VARIANTS(VARIANT("current", COPY(ENTRY_OWN, STATE_CURRENT_VMCS)))),
    LINK("L6", "must not be the VMXON pointer in SMM", .wrong = wrong_link_vmxon,
         .when = LIST(SET(STATE_SMM, 1), OFF(ENTRY_CONTROLS, ENTRYC_SMM)),
         .bad = VARIANTS(VARIANT("vmxon", COPY(ENTRY_OWN, STATE_VMXON_POINTER))), .no_row = IN_SMM),
};

const struct entry_table entry_rules_pending = TABLE(rules);
