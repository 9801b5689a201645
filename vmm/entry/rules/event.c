/* "VM-Entry Control Fields": event injection. */
#include "vmm/entry/rule.h"

struct event {
    bool valid;
    unsigned type, vector;
    uint64_t info;
};

static struct event event_of(struct entry_context *context)
{
    uint64_t info = entry_get(context, ENTRY_INTERRUPTION_INFO);

    return (struct event){info & EVENT_VALID, info >> 8 & 7, info & 0xff, info};
}

static bool is_protected(struct entry_context *context) { return entry_get(context, GUEST_CR0) & CR0_PE; }

static bool has_fred(struct entry_context *context) { return entry_get(context, GUEST_CR4) & CR4_FRED; }

static uint64_t wrong_type(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    (void)rule;
    return event.valid && event.type == 1 ? EVENT_TYPE : 0;
}

static uint64_t wrong_other(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    (void)rule;
    return event.valid && event.type == EVENT_OTHER && !has_fred(context) &&
                   !(entry_control_allowed(context, PROC_CONTROLS) & B(PROC_MONITOR_TRAP_FLAG))
               ? EVENT_TYPE
               : 0;
}

static uint64_t wrong_other_vector(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    (void)rule;
    return event.valid && event.type == EVENT_OTHER && event.vector && !has_fred(context) ? event.vector : 0;
}

static uint64_t wrong_nmi(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    (void)rule;
    return event.valid && event.type == EVENT_NMI ? event.vector ^ 2 : 0;
}

static uint64_t wrong_exception(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    (void)rule;
    return event.valid && event.type == EVENT_EXCEPTION ? event.vector & ~31u : 0;
}

static uint64_t wrong_code_type(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    (void)rule;
    return event.valid && event.type != EVENT_EXCEPTION ? event.info & EVENT_ERROR_CODE : 0;
}

static uint64_t wrong_code_mode(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    (void)rule;
    return event.valid && event.type == EVENT_EXCEPTION && event.info & EVENT_ERROR_CODE && !is_protected(context)
               ? EVENT_ERROR_CODE
               : 0;
}

/* "VM-Entry Interruption-Information Field": #DF, #TS, #NP, #SS, #GP, #PF and #AC have an error code */
static uint64_t wrong_code_vector(struct entry_context *context, const struct entry_rule *rule)
{
    const uint32_t with_code = 1u << 8 | 0x1fu << 10 | 1u << 17;
    struct event event = event_of(context);

    (void)rule;
    if (!event.valid || event.type != EVENT_EXCEPTION || event.vector > 31 || !is_protected(context))
        return 0;
    return (event.info & EVENT_ERROR_CODE ? 1 : 0) != (with_code >> event.vector & 1) ? EVENT_ERROR_CODE : 0;
}

static uint64_t wrong_reserved(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);
    uint64_t wrong = event.valid ? event.info & rule->operand : 0;

    return wrong & EVENT_NESTED && entry_get(context, CAP_IA32_VMX_BASIC) & B(BASIC_NESTED_EXCEPTION)
               ? wrong & ~EVENT_NESTED
               : wrong;
}

static uint64_t wrong_error_code(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    return event.valid && event.info & EVENT_ERROR_CODE ? entry_get(context, rule->field) & rule->operand : 0;
}

static bool has_length(struct event event)
{
    return event.valid && event.type >= EVENT_SOFTWARE && event.type <= EVENT_SOFTWARE_EXCEPTION;
}

static uint64_t wrong_length(struct entry_context *context, const struct entry_rule *rule)
{
    return has_length(event_of(context)) && entry_get(context, rule->field) > 15 ? 0xffffffff : 0;
}

static uint64_t wrong_length_0(struct entry_context *context, const struct entry_rule *rule)
{
    return has_length(event_of(context)) && entry_get(context, rule->field) == 0 ? 0xffffffff : 0;
}

static uint64_t wrong_nested(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    (void)rule;
    return event.valid && event.type != EVENT_EXCEPTION ? event.info & EVENT_NESTED : 0;
}

static uint64_t wrong_system_call(struct entry_context *context, const struct entry_rule *rule)
{
    struct event event = event_of(context);

    (void)rule;
    if (!event.valid || event.type != EVENT_OTHER || !event.vector)
        return 0;
    return event.vector > 2 || entry_get(context, ENTRY_INSTRUCTION_LENGTH) > 15 ? event.vector : 0;
}

/* Events that a software instruction makes, with its length. */
#define WITH_LENGTH(label_, type, vector, length)                                                                      \
    VARIANT(label_, SET(ENTRY_INTERRUPTION_INFO, EVENT(type, vector)), SET(ENTRY_INSTRUCTION_LENGTH, length))
#define NEAR_LENGTH(label_, type, vector, length)                                                                      \
    {.label = label_,                                                                                                  \
     .skip = BASE_HLT,                                                                                                 \
     .varies = true,                                                                                                   \
     .write = LIST(SET(ENTRY_INTERRUPTION_INFO, EVENT(type, vector)), SET(ENTRY_INSTRUCTION_LENGTH, length))}
#define NEAR(label_, value) {.label = label_, .skip = BASE_HLT, .write = LIST(SET(ENTRY_OWN, value))}

#define INFO ENTRY_INTERRUPTION_INFO
#define CODE EVENT_ERROR_CODE
#define UD   EVENT(EVENT_EXCEPTION, 6)
#define GP   EVENT(EVENT_EXCEPTION, 13)

/* In HLT activity state, what is wrong here is also no event that the state lets through: K5. */
static const struct entry_rule rules[] = {
    RULE("N9", INFO, "type 1 is reserved", .wrong = wrong_type, .with = "K5",
         .bad = VARIANTS(VALUE("type1", EVENT(1, 0)), VALUE("type1-14", EVENT(1, 14)))),
    RULE("N10", INFO, "type 7 needs the monitor trap flag, or FRED", .wrong = wrong_other,
         .given = LIST(NONE(CAP_IA32_VMX_PROCBASED_CTLS, B(PROC_MONITOR_TRAP_FLAG) << 32)),
         .bad = VARIANTS(VALUE("type7", EVENT(EVENT_OTHER, 0)))),
    RULE("N11", INFO, "type 7 has vector 0", .wrong = wrong_other_vector, .with = "K5",
         .given = LIST(ALL(CAP_IA32_VMX_PROCBASED_CTLS, B(PROC_MONITOR_TRAP_FLAG) << 32), NONE(GUEST_CR4, CR4_FRED)),
         .bad = VARIANTS(VALUE("vector1", EVENT(EVENT_OTHER, 1)), VALUE("vector2", EVENT(EVENT_OTHER, 2)),
                         VALUE("vector255", EVENT(EVENT_OTHER, 255))),
         .near = VARIANTS(VALUE("vector0", EVENT(EVENT_OTHER, 0)))),
    RULE("N12", INFO, "an NMI has vector 2", .wrong = wrong_nmi, .with = "K5",
         .bad = VARIANTS(VALUE("vector0", EVENT(EVENT_NMI, 0)), VALUE("vector1", EVENT(EVENT_NMI, 1)),
                         VALUE("vector3", EVENT(EVENT_NMI, 3)), VALUE("vector255", EVENT(EVENT_NMI, 255))),
         .near = VARIANTS(VALUE("vector2", EVENT(EVENT_NMI, 2)))),
    RULE("N13", INFO, "a hardware exception has a vector up to 31", .wrong = wrong_exception, .with = "K5",
         .bad =
             VARIANTS(VALUE("vector32", EVENT(EVENT_EXCEPTION, 32)), VALUE("vector255", EVENT(EVENT_EXCEPTION, 255))),
         .near = VARIANTS(NEAR("vector31", EVENT(EVENT_EXCEPTION, 31)), NEAR("vector0", EVENT(EVENT_EXCEPTION, 0)))),
    RULE("N14", INFO, "only a hardware exception has an error code", .wrong = wrong_code_type, .with = "K5",
         .setup = LIST(SET(ENTRY_INSTRUCTION_LENGTH, 1)),
         .bad = VARIANTS(VALUE("external", EVENT(EVENT_EXTERNAL, 32) | CODE), VALUE("nmi", EVENT(EVENT_NMI, 2) | CODE),
                         VALUE("software", EVENT(EVENT_SOFTWARE, 13) | CODE),
                         VALUE("privileged", EVENT(EVENT_PRIVILEGED, 1) | CODE),
                         VALUE("soft-exception", EVENT(EVENT_SOFTWARE_EXCEPTION, 3) | CODE))),
    RULE("N15", INFO, "an exception has no error code with CR0.PE = 0", .wrong = wrong_code_mode, .with = "K5",
         .given = LIST(NONE(GUEST_CR0, CR0_PE)), .bad = VARIANTS(VALUE("gp", GP | CODE), VALUE("ud", UD | CODE)),
         .near = VARIANTS(NEAR("gp", GP))),
    RULE("N16", INFO, "the error-code bit must be as the vector has it", .wrong = wrong_code_vector, .with = "K5",
         .given = LIST(NONE(CAP_IA32_VMX_BASIC, B(BASIC_ANY_ERROR_CODE)), ALL(GUEST_CR0, CR0_PE)),
         .bad = VARIANTS(
             VALUE("df-without", EVENT(EVENT_EXCEPTION, 8)), VALUE("ts-without", EVENT(EVENT_EXCEPTION, 10)),
             VALUE("np-without", EVENT(EVENT_EXCEPTION, 11)), VALUE("ss-without", EVENT(EVENT_EXCEPTION, 12)),
             VALUE("gp-without", GP), VALUE("pf-without", EVENT(EVENT_EXCEPTION, 14)),
             VALUE("ac-without", EVENT(EVENT_EXCEPTION, 17)), VALUE("de-with", EVENT(EVENT_EXCEPTION, 0) | CODE),
             VALUE("db-with", EVENT(EVENT_EXCEPTION, 1) | CODE), VALUE("ud-with", UD | CODE),
             VALUE("mf-with", EVENT(EVENT_EXCEPTION, 16) | CODE), VALUE("mc-with", EVENT(EVENT_EXCEPTION, 18) | CODE),
             VALUE("31-with", EVENT(EVENT_EXCEPTION, 31) | CODE)),
         .near = VARIANTS(NEAR("gp-with", GP | CODE), NEAR("ac-with", EVENT(EVENT_EXCEPTION, 17) | CODE),
                          NEAR("ud-without", UD), NEAR("mf-without", EVENT(EVENT_EXCEPTION, 16)))),
    RULE("N17", INFO, "bits 30:12 are reserved, but for 13 with nested exceptions", .wrong = wrong_reserved,
         .operand = 0x7ffff000, .with = "K5",
         .bad = VARIANTS(EACH_BEHIND(0x7fffd000, SET(INFO, UD)),
                         {.each = EVENT_NESTED, .write = LIST(SET(INFO, UD)), .varies = true})),
    RULE("N18", ENTRY_EXCEPTION_ERROR_CODE, "bits 31:16 must be 0", .wrong = wrong_error_code, .operand = 0xffff0000,
         .given = LIST(ALL(GUEST_CR0, CR0_PE)), .with = "K5",
         .bad = VARIANTS(EACH_BEHIND(0xffff0000, SET(INFO, GP | CODE))),
         .near = VARIANTS({.label = "no-code", .write = LIST(SET(ENTRY_OWN, 0xffffffff))})),
    RULE("N19", ENTRY_INSTRUCTION_LENGTH, "must be at most 15", .wrong = wrong_length, .with = "K5",
         .bad = VARIANTS(WITH_LENGTH("software-16", EVENT_SOFTWARE, 128, 16),
                         WITH_LENGTH("software-max", EVENT_SOFTWARE, 128, 0xffffffff),
                         WITH_LENGTH("privileged-16", EVENT_PRIVILEGED, 1, 16),
                         WITH_LENGTH("softexc-16", EVENT_SOFTWARE_EXCEPTION, 3, 16)),
         .near = VARIANTS(NEAR_LENGTH("software-15", EVENT_SOFTWARE, 128, 15),
                          NEAR_LENGTH("privileged-15", EVENT_PRIVILEGED, 1, 15),
                          NEAR_LENGTH("softexc-1", EVENT_SOFTWARE_EXCEPTION, 3, 1),
                          NEAR_LENGTH("software-0", EVENT_SOFTWARE, 128, 0),
                          {.label = "no-length", .write = LIST(SET(ENTRY_OWN, 0xffffffff))})),
    RULE("N20", ENTRY_INSTRUCTION_LENGTH, "must not be 0, unless bit 30 of IA32_VMX_MISC is 1", .wrong = wrong_length_0,
         .with = "K5", .given = LIST(NONE(CAP_IA32_VMX_MISC, B(MISC_INJECT_LENGTH_0))),
         .bad = VARIANTS(WITH_LENGTH("software", EVENT_SOFTWARE, 128, 0),
                         WITH_LENGTH("privileged", EVENT_PRIVILEGED, 1, 0),
                         WITH_LENGTH("softexc", EVENT_SOFTWARE_EXCEPTION, 3, 0)),
         .near = VARIANTS(NEAR_LENGTH("software-1", EVENT_SOFTWARE, 128, 1))),
    RULE("N21", INFO, "only a hardware exception can be nested", .wrong = wrong_nested, .with = "K5",
         .given = LIST(ALL(CAP_IA32_VMX_BASIC, B(BASIC_NESTED_EXCEPTION))),
         .setup = LIST(SET(ENTRY_INSTRUCTION_LENGTH, 1)),
         .bad = VARIANTS(VALUE("external", EVENT(EVENT_EXTERNAL, 32) | EVENT_NESTED),
                         VALUE("nmi", EVENT(EVENT_NMI, 2) | EVENT_NESTED),
                         VALUE("software", EVENT(EVENT_SOFTWARE, 128) | EVENT_NESTED)),
         .near = VARIANTS(NEAR("exception", UD | EVENT_NESTED))),
    RULE("N22", INFO, "type 7 with FRED has vector 0, 1 or 2, and for 1 and 2 a length up to 15",
         .wrong = wrong_system_call, .when = LIST(ALL(GUEST_CR4, CR4_FRED)), .with = "K5",
         .bad = VARIANTS(VALUE("vector3", EVENT(EVENT_OTHER, 3)), VALUE("vector255", EVENT(EVENT_OTHER, 255)),
                         WITH_LENGTH("length16", EVENT_OTHER, 1, 16)),
         .near = VARIANTS(NEAR_LENGTH("syscall", EVENT_OTHER, 1, 2), NEAR_LENGTH("sysenter", EVENT_OTHER, 2, 2))),
};

const struct entry_table entry_rules_event = TABLE(rules);
