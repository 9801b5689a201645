/* "VM-Exit Control Fields", and of "VM-Entry Control Fields" all but event injection. */
#include "vmm/entry/rule.h"

enum { MSR_ENTRY_BYTES = 16 };

/* An area counts only if its count is not 0; operand is the count's field. */
static uint64_t wrong_alignment(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, (uint32_t)rule->operand) ? entry_get(context, rule->field) & (MSR_ENTRY_BYTES - 1) : 0;
}

static uint64_t wrong_first(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, (uint32_t)rule->operand) ? entry_wrong_width(context, rule) : 0;
}

/* Counts have 32 bits, so that the sum can't pass 2 to the power of 64 but from an address that is too high itself. */
static uint64_t wrong_last(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t count = entry_get(context, (uint32_t)rule->operand), address = entry_get(context, rule->field);
    uint64_t last = address + count * MSR_ENTRY_BYTES - 1;
    unsigned width =
        entry_get(context, CAP_IA32_VMX_BASIC) & B(BASIC_ADDRESSES_32_BIT) ? 32 : entry_physical_width(context);

    return count && (last < address || last >> width) ? ~0ull << width : 0;
}

#define AREA(aligned, first, last, address, count)                                                                     \
    RULE(aligned, address, "must be 16-byte aligned", .wrong = wrong_alignment, .operand = count,                      \
         .setup = LIST(SET(count, 1), COPY(address, STATE_MSR_AREA)), .bad = VARIANTS(EACH(0xf))),                     \
        RULE(first, address, "must be within the physical-address width", .wrong = wrong_first, .operand = count,      \
             .setup = LIST(SET(count, 1), COPY(address, STATE_MSR_AREA)), .bad = entry_bad_width, .with = last),       \
        RULE(last, address, "the last byte must be within the physical-address width", .wrong = wrong_last,            \
             .operand = count, .setup = LIST(SET(count, 1), COPY(address, STATE_MSR_AREA)),                            \
             .bad = VARIANTS(                                                                                          \
                 VARIANT("second", {ENTRY_OWN, ~0ull, MSR_ENTRY_BYTES, HOW_PHYSICAL_END}, SET(count, 2)),              \
                 VARIANT("highest", {ENTRY_OWN, ~0ull, MSR_ENTRY_BYTES, HOW_PHYSICAL_END}, SET(count, 0xffffffff))),   \
             .near = VARIANTS(VARIANT("two", SET(count, 2)), VARIANT("none", SET(count, 0), SET(ENTRY_OWN, ~0ull))))

#define MUST_BE_1(id, field)                                                                                           \
    RULE(id, field, "bits that the capability MSR has as 1 in 31:0 must be 1", .wrong = entry_wrong_must_be_1,         \
         .bad = entry_each_bit32, .varies = true, .first_only = true)
#define MAY_BE_1(id, field)                                                                                            \
    RULE(id, field, "bits that the capability MSR does not allow to be 1 must be 0", .wrong = entry_wrong_may_be_1,    \
         .bad = entry_each_bit32, .varies = true, .first_only = true)

#define IN_SMM "Nestor is no SMM monitor: VM entries from SMM can't be made"

static uint64_t wrong_both(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t value = entry_get(context, rule->field);

    return (value & rule->operand) == rule->operand ? rule->operand : 0;
}

static const struct entry_rule rules[] = {
    MUST_BE_1("X1", EXIT_CONTROLS),
    MAY_BE_1("X2", EXIT_CONTROLS),
    RULE("X3", SECONDARY_EXIT_CONTROLS, "bits that IA32_VMX_EXIT_CTLS2 does not allow must be 0",
         .wrong = entry_wrong_may_be_1, .bad = entry_each_bit, .varies = true, .first_only = true,
         .when = LIST(ON(EXIT_CONTROLS, EXITC_SECONDARY))),
    RULE("X4", EXIT_CONTROLS, "saving the preemption timer needs the preemption timer", .wrong = entry_wrong_ones,
         .operand = B(EXITC_SAVE_PREEMPTION_TIMER), .given = LIST(CAN(IA32_VMX_EXIT_CTLS, EXITC_SAVE_PREEMPTION_TIMER)),
         .setup = LIST(OFF(EXIT_CONTROLS, EXITC_SAVE_PREEMPTION_TIMER)),
         .when = LIST(OFF(PIN_CONTROLS, PIN_PREEMPTION_TIMER)),
         .near = VARIANTS(
             {.label = "timer",
              .varies = true,
              .write = LIST(ON(PIN_CONTROLS, PIN_PREEMPTION_TIMER), ON(EXIT_CONTROLS, EXITC_SAVE_PREEMPTION_TIMER))})),
    AREA("X5", "X6", "X7", EXIT_MSR_STORE_ADDRESS, EXIT_MSR_STORE_COUNT),
    AREA("X8", "X9", "X10", EXIT_MSR_LOAD_ADDRESS, EXIT_MSR_LOAD_COUNT),
    MUST_BE_1("N1", ENTRY_CONTROLS),
    MAY_BE_1("N2", ENTRY_CONTROLS),
    AREA("N3", "N4", "N5", ENTRY_MSR_LOAD_ADDRESS, ENTRY_MSR_LOAD_COUNT),
    RULE("N6", ENTRY_CONTROLS, "entry to SMM must be 0 outside SMM", .wrong = entry_wrong_ones,
         .operand = B(ENTRYC_SMM), .given = LIST(CAN(IA32_VMX_ENTRY_CTLS, ENTRYC_SMM)), .when = LIST(SET(STATE_SMM, 0)),
         .with = "I10"),
    RULE("N7", ENTRY_CONTROLS, "deactivate dual-monitor treatment must be 0 outside SMM", .wrong = entry_wrong_ones,
         .operand = B(ENTRYC_DEACTIVATE_DUAL_MONITOR), .when = LIST(SET(STATE_SMM, 0)),
         .given = LIST(CAN(IA32_VMX_ENTRY_CTLS, ENTRYC_DEACTIVATE_DUAL_MONITOR))),
    RULE("N8", ENTRY_CONTROLS, "entry to SMM and deactivate dual-monitor treatment must not both be 1",
         .wrong = wrong_both, .operand = B(ENTRYC_SMM) | B(ENTRYC_DEACTIVATE_DUAL_MONITOR),
         .when = LIST(SET(STATE_SMM, 1)),
         .given = LIST(CAN(IA32_VMX_ENTRY_CTLS, ENTRYC_SMM), CAN(IA32_VMX_ENTRY_CTLS, ENTRYC_DEACTIVATE_DUAL_MONITOR)),
         .bad = VARIANTS(VARIANT("both", ALL(ENTRY_OWN, B(ENTRYC_SMM) | B(ENTRYC_DEACTIVATE_DUAL_MONITOR)))),
         .with = "I10", .no_row = IN_SMM),
};

const struct entry_table entry_rules_exit = TABLE(rules);
