/* What VMLAUNCH and VMRESUME look at before any field: "VMLAUNCH/VMRESUME - Launch/Resume Virtual Machine". */
#include "vmm/entry/rule.h"

enum { OPERATION_NONE, OPERATION_ROOT, OPERATION_NON_ROOT };
#define SHADOW_VMCS (1ull << 31)
#define NO_VMCS     (~0ull)

#define NOT_DATA "it is a matter of the instruction and its surroundings, not of the control block: "

static uint64_t wrong_mode(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t operation = entry_get(context, rule->field);

    return operation == OPERATION_NONE || (operation == OPERATION_ROOT && entry_get(context, STATE_CPU_MODE)) ? ~0ull
                                                                                                              : 0;
}

static uint64_t wrong_operation(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) == OPERATION_NON_ROOT ? ~0ull : 0;
}

static uint64_t wrong_pointer(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) == NO_VMCS ? ~0ull : 0;
}

static const struct entry_rule rules[] = {
    RULE("B1", STATE_VMX_OPERATION, "the instruction needs VMX operation, and 64-bit or protected mode",
         .wrong = wrong_mode,
         .bad = VARIANTS(VALUE("none", OPERATION_NONE), VARIANT("real", SET(STATE_CPU_MODE, 1)),
                         VARIANT("compat", SET(STATE_CPU_MODE, 2))),
         .no_row =
             NOT_DATA "Nestor's kernel would have to leave VMX operation or 64-bit mode, and with it all its guests",
         .verdict = {ENTRY_UNDEFINED, 0, 0}),
    RULE("B2", STATE_VMX_OPERATION, "in VMX non-root operation, the instruction exits", .wrong = wrong_operation,
         .bad = VARIANTS(VALUE("non-root", OPERATION_NON_ROOT)),
         .no_row = NOT_DATA "a guest's VMLAUNCH and VMRESUME are rows of the instruction-intercept tests",
         .verdict = {ENTRY_VM_EXIT, 20, 0}),
    RULE("B3", STATE_CPL, "CPL must be 0", .wrong = entry_wrong_ones, .operand = 3, .bad = VARIANTS(EACH(3)),
         .no_row = NOT_DATA "the kernel would have to execute it in ring 3 of VMX root operation",
         .verdict = {ENTRY_PROTECTION, 0, 0}),
    RULE("B4", STATE_CURRENT_VMCS, "there must be a current VMCS", .wrong = wrong_pointer,
         .bad = VARIANTS(VALUE("none", NO_VMCS)), .verdict = {ENTRY_FAIL_INVALID, 0, 0}),
    RULE("B5", STATE_CURRENT_VMCS_WORD, "the current VMCS must not be a shadow VMCS", .wrong = entry_wrong_ones,
         .operand = SHADOW_VMCS, .verdict = {ENTRY_FAIL_INVALID, 0, 0}),
    RULE("B6", STATE_MOV_SS, "the instruction must not be blocked by MOV SS", .wrong = entry_wrong_ones, .operand = 1,
         .verdict = {ENTRY_FAIL_VALID, 26, 0}),
    RULE("B7", STATE_LAUNCHED, "VMLAUNCH needs a VMCS whose launch state is clear", .wrong = entry_wrong_ones,
         .operand = 1, .when = LIST(SET(STATE_INSTRUCTION, 0)), .verdict = {ENTRY_FAIL_VALID, 4, 0}),
    RULE("B8", STATE_LAUNCHED, "VMRESUME needs a VMCS whose launch state is launched", .wrong = entry_wrong_zeros,
         .operand = 1, .setup = LIST(SET(STATE_LAUNCHED, 1)), .when = LIST(SET(STATE_INSTRUCTION, 1)),
         .verdict = {ENTRY_FAIL_VALID, 5, 0}),
};

const struct entry_table entry_rules_instruction = TABLE(rules);
