/* "Checks on Guest Non-Register State": activity state and interruptibility state. */
#include "vmm/entry/rule.h"

#define CAN_HLT      ALL(CAP_IA32_VMX_MISC, B(MISC_ACTIVITY_HLT))
#define CAN_SHUTDOWN ALL(CAP_IA32_VMX_MISC, B(MISC_ACTIVITY_SHUTDOWN))
#define CAN_WAIT     ALL(CAP_IA32_VMX_MISC, B(MISC_ACTIVITY_WAIT_FOR_SIPI))
#define IN_SMM       "Nestor is no SMM monitor: VM entries from SMM can't be made"

static struct event {
    bool valid;
    unsigned type, vector;
} event_of(struct entry_context *context)
{
    uint64_t info = entry_get(context, ENTRY_INTERRUPTION_INFO);

    return (struct event){info & EVENT_VALID, info >> 8 & 7, info & 0xff};
}

static bool is_event(struct entry_context *context, unsigned type)
{
    struct event event = event_of(context);

    return event.valid && event.type == type;
}

/* ---- Activity state ------------------------------------------------------------------------------------------ */

static uint64_t wrong_value(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) > ACTIVITY_WAIT_FOR_SIPI ? 0xffffffff : 0;
}

static uint64_t wrong_support(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t activity = entry_get(context, rule->field), misc;

    if (activity == ACTIVITY_ACTIVE || activity > ACTIVITY_WAIT_FOR_SIPI)
        return 0;
    misc = entry_get(context, CAP_IA32_VMX_MISC);
    return misc >> BIT_MISC_ACTIVITY_HLT >> (activity - 1) & 1 ? 0 : 3;
}

static uint64_t wrong_dpl(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) == ACTIVITY_HLT && entry_get(context, GUEST_SS_ACCESS_RIGHTS) & AR_DPL
               ? ACTIVITY_HLT
               : 0;
}

static uint64_t wrong_blocking(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t activity = entry_get(context, rule->field);

    return entry_get(context, GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS) ? activity : 0;
}

/* What a state lets through. Type 7 with vector 0 is a pending MTF VM exit. */
static uint64_t wrong_event_hlt(struct entry_context *context, const struct entry_rule *rule)
{
    enum { DEBUG = 1, MACHINE_CHECK = 18 };
    struct event event = event_of(context);
    bool passes = event.type == EVENT_EXTERNAL || event.type == EVENT_NMI ||
                  (event.type == EVENT_OTHER && !event.vector) ||
                  (event.type == EVENT_EXCEPTION && (event.vector == DEBUG || event.vector == MACHINE_CHECK));

    return entry_get(context, rule->field) == ACTIVITY_HLT && event.valid && !passes ? ACTIVITY_HLT : 0;
}

static uint64_t wrong_event_shutdown(struct entry_context *context, const struct entry_rule *rule)
{
    enum { MACHINE_CHECK = 18 };
    struct event event = event_of(context);
    bool passes = event.type == EVENT_NMI || (event.type == EVENT_EXCEPTION && event.vector == MACHINE_CHECK);

    return entry_get(context, rule->field) == ACTIVITY_SHUTDOWN && event.valid && !passes ? ACTIVITY_SHUTDOWN : 0;
}

static uint64_t wrong_event_wait(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) == ACTIVITY_WAIT_FOR_SIPI && event_of(context).valid ? ACTIVITY_WAIT_FOR_SIPI
                                                                                                : 0;
}

static uint64_t wrong_wait_smm(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) == ACTIVITY_WAIT_FOR_SIPI &&
                   entry_get(context, ENTRY_CONTROLS) & B(ENTRYC_SMM)
               ? ACTIVITY_WAIT_FOR_SIPI
               : 0;
}

/* ---- Interruptibility state ----------------------------------------------------------------------------------- */

static uint64_t wrong_both(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t both = entry_get(context, rule->field) & (BLOCKING_STI | BLOCKING_MOV_SS);

    return both == (BLOCKING_STI | BLOCKING_MOV_SS) ? both : 0;
}

static uint64_t wrong_sti(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, GUEST_RFLAGS) & RFLAGS_IF ? 0 : entry_get(context, rule->field) & BLOCKING_STI;
}

/* Operand is the blocking that an event of a type does not go with. */
static uint64_t wrong_external(struct entry_context *context, const struct entry_rule *rule)
{
    return is_event(context, EVENT_EXTERNAL) ? entry_get(context, rule->field) & rule->operand : 0;
}

static uint64_t wrong_nmi(struct entry_context *context, const struct entry_rule *rule)
{
    return is_event(context, EVENT_NMI) ? entry_get(context, rule->field) & rule->operand : 0;
}

static uint64_t wrong_enclave(struct entry_context *context, const struct entry_rule *rule)
{
    const uint64_t has_sgx = 1 << 2;
    uint64_t value = entry_get(context, rule->field) & ENCLAVE_INTERRUPTION;

    if (!value)
        return 0;
    return entry_get(context, rule->field) & BLOCKING_MOV_SS || !(entry_get(context, CAP_CPUID_7_EBX) & has_sgx) ? value
                                                                                                                 : 0;
}

static uint64_t wrong_fred(struct entry_context *context, const struct entry_rule *rule)
{
    bool ring3 = (entry_get(context, GUEST_SS_ACCESS_RIGHTS) & AR_DPL) == AR_DPL;

    return ring3 ? entry_get(context, rule->field) & BLOCKING_STI : 0;
}

#define EVENT_WITH(activity, label_, type, vector, length)                                                             \
    VARIANT(label_, SET(GUEST_ACTIVITY, activity), SET(ENTRY_INTERRUPTION_INFO, EVENT(type, vector)),                  \
            SET(ENTRY_INSTRUCTION_LENGTH, length))
#define EXTERNAL SET(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXTERNAL, 32))
#define NMI      SET(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_NMI, 2))
#define NO_EVENT SET(ENTRY_INTERRUPTION_INFO, 0)
#define CPL3                                                                                                           \
    ALL(GUEST_SS_ACCESS_RIGHTS, AR_DPL), ALL(GUEST_CS_ACCESS_RIGHTS, AR_DPL), ALL(GUEST_SS_SELECTOR, 3),               \
        ALL(GUEST_CS_SELECTOR, 3)

static const struct entry_rule rules[] = {
    RULE("K1", GUEST_ACTIVITY, "must be 0 to 3", .wrong = wrong_value,
         .bad = VARIANTS(VALUE("4", 4), VALUE("5", 5), VALUE("highest", 0xffffffff))),
    RULE("K2", GUEST_ACTIVITY, "must be a state that bits 8:6 of IA32_VMX_MISC offer", .wrong = wrong_support,
         .varies = true,
         .bad = VARIANTS({.label = "hlt", .skip = BASE_VM86, .write = LIST(SET(ENTRY_OWN, ACTIVITY_HLT))},
                         VALUE("shutdown", ACTIVITY_SHUTDOWN), VALUE("wait", ACTIVITY_WAIT_FOR_SIPI))),
    RULE("K3", GUEST_ACTIVITY, "HLT needs SS.DPL = 0", .wrong = wrong_dpl, .given = LIST(CAN_HLT), .skip = BASE_REAL,
         .bad = VARIANTS({.label = "cpl3", .skip = BASE_VM86, .write = LIST(CPL3, SET(ENTRY_OWN, ACTIVITY_HLT))},
                         {.label = "vm86", .skip = (uint16_t)~BASE_VM86, .write = LIST(SET(ENTRY_OWN, ACTIVITY_HLT))}),
         .near = VARIANTS(
             {.label = "cpl3-active", .skip = BASE_VM86, .write = LIST(CPL3, SET(ENTRY_OWN, ACTIVITY_ACTIVE))})),
    RULE("K4", GUEST_ACTIVITY, "must be active with blocking by STI or MOV SS", .wrong = wrong_blocking,
         .skip = BASE_VM86, .given = LIST(CAN_HLT),
         .bad = VARIANTS(VARIANT("sti", SET(ENTRY_OWN, ACTIVITY_HLT), SET(GUEST_INTERRUPTIBILITY, BLOCKING_STI)),
                         VARIANT("mov-ss", SET(ENTRY_OWN, ACTIVITY_HLT), SET(GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS)),
                         {.label = "shutdown-sti",
                          .varies = true,
                          .write = LIST(SET(ENTRY_OWN, ACTIVITY_SHUTDOWN), SET(GUEST_INTERRUPTIBILITY, BLOCKING_STI))}),
         .near =
             VARIANTS(VARIANT("active-sti", SET(ENTRY_OWN, ACTIVITY_ACTIVE), SET(GUEST_INTERRUPTIBILITY, BLOCKING_STI)),
                      VARIANT("hlt-nmi", SET(ENTRY_OWN, ACTIVITY_HLT), SET(GUEST_INTERRUPTIBILITY, BLOCKING_NMI)))),
    RULE("K5", GUEST_ACTIVITY, "HLT lets only external interrupts, NMIs, #DB, #MC and MTF exits through",
         .wrong = wrong_event_hlt, .given = LIST(CAN_HLT), .skip = BASE_VM86,
         .bad = VARIANTS(EVENT_WITH(1, "ud", EVENT_EXCEPTION, 6, 0), EVENT_WITH(1, "de", EVENT_EXCEPTION, 0, 0),
                         EVENT_WITH(1, "31", EVENT_EXCEPTION, 31, 0), EVENT_WITH(1, "software", EVENT_SOFTWARE, 128, 1),
                         EVENT_WITH(1, "privileged", EVENT_PRIVILEGED, 1, 1),
                         EVENT_WITH(1, "softexc", EVENT_SOFTWARE_EXCEPTION, 3, 1)),
         .near = VARIANTS(
             EVENT_WITH(1, "external", EVENT_EXTERNAL, 32, 0), EVENT_WITH(1, "nmi", EVENT_NMI, 2, 0),
             EVENT_WITH(1, "db", EVENT_EXCEPTION, 1, 0), EVENT_WITH(1, "mc", EVENT_EXCEPTION, 18, 0),
             {.label = "mtf",
              .varies = true,
              .write = LIST(SET(ENTRY_OWN, ACTIVITY_HLT), SET(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_OTHER, 0)))})),
    RULE("K6", GUEST_ACTIVITY, "shutdown lets only NMIs and #MC through", .wrong = wrong_event_shutdown,
         .given = LIST(CAN_SHUTDOWN),
         .bad = VARIANTS(EVENT_WITH(2, "external", EVENT_EXTERNAL, 32, 0), EVENT_WITH(2, "db", EVENT_EXCEPTION, 1, 0),
                         EVENT_WITH(2, "software", EVENT_SOFTWARE, 128, 1)),
         .near = VARIANTS(EVENT_WITH(2, "nmi", EVENT_NMI, 2, 0), EVENT_WITH(2, "mc", EVENT_EXCEPTION, 18, 0))),
    RULE("K7", GUEST_ACTIVITY, "wait-for-SIPI lets no event through", .wrong = wrong_event_wait,
         .given = LIST(CAN_WAIT),
         .bad = VARIANTS(EVENT_WITH(3, "external", EVENT_EXTERNAL, 32, 0), EVENT_WITH(3, "nmi", EVENT_NMI, 2, 0),
                         EVENT_WITH(3, "mc", EVENT_EXCEPTION, 18, 0))),
    RULE("K8", GUEST_ACTIVITY, "wait-for-SIPI does not go with entry to SMM", .wrong = wrong_wait_smm,
         .given = LIST(CAN_WAIT, CAN(IA32_VMX_ENTRY_CTLS, ENTRYC_SMM)),
         .setup = LIST(SET(STATE_SMM, 1), SET(GUEST_INTERRUPTIBILITY, BLOCKING_SMI)),
         .when = LIST(ON(ENTRY_CONTROLS, ENTRYC_SMM)), .bad = VARIANTS(VALUE("wait", ACTIVITY_WAIT_FOR_SIPI)),
         .no_row = IN_SMM),

    RULE("I1", GUEST_INTERRUPTIBILITY, "bits 31:5 must be 0", .wrong = entry_wrong_ones, .operand = 0xffffffe0),
    RULE("I2", GUEST_INTERRUPTIBILITY, "blocking by STI and by MOV SS must not both be", .wrong = wrong_both,
         .bad = VARIANTS(VALUE("both", BLOCKING_STI | BLOCKING_MOV_SS)), .skip = BASE_HLT,
         .near = VARIANTS(VALUE("sti", BLOCKING_STI), VALUE("mov-ss", BLOCKING_MOV_SS))),
    RULE("I3", GUEST_INTERRUPTIBILITY, "blocking by STI needs RFLAGS.IF", .wrong = wrong_sti, .skip = BASE_HLT,
         .bad = VARIANTS(VARIANT("if0", SET(ENTRY_OWN, BLOCKING_STI), NONE(GUEST_RFLAGS, RFLAGS_IF))),
         .near = VARIANTS(VALUE("if1", BLOCKING_STI),
                          VARIANT("mov-ss-if0", SET(ENTRY_OWN, BLOCKING_MOV_SS), NONE(GUEST_RFLAGS, RFLAGS_IF)))),
    RULE("I4", GUEST_INTERRUPTIBILITY, "no external interrupt is injected with blocking by STI",
         .wrong = wrong_external, .operand = BLOCKING_STI, .setup = LIST(EXTERNAL), .skip = BASE_HLT,
         .near = VARIANTS(VARIANT("no-event", SET(ENTRY_OWN, BLOCKING_STI), NO_EVENT))),
    RULE("I5", GUEST_INTERRUPTIBILITY, "no external interrupt is injected with blocking by MOV SS",
         .wrong = wrong_external, .operand = BLOCKING_MOV_SS, .setup = LIST(EXTERNAL), .skip = BASE_HLT,
         .near = VARIANTS(VARIANT("no-event", SET(ENTRY_OWN, BLOCKING_MOV_SS), NO_EVENT))),
    RULE("I6", GUEST_INTERRUPTIBILITY, "no NMI is injected with blocking by MOV SS", .wrong = wrong_nmi,
         .operand = BLOCKING_MOV_SS, .setup = LIST(NMI), .skip = BASE_HLT,
         .near = VARIANTS(VARIANT("no-event", SET(ENTRY_OWN, BLOCKING_MOV_SS), NO_EVENT))),
    /* The exit qualification has a number for this one: 3. */
    RULE("I7", GUEST_INTERRUPTIBILITY, "no NMI is injected with blocking by STI", .wrong = wrong_nmi,
         .operand = BLOCKING_STI, .setup = LIST(NMI), .skip = BASE_HLT, .optional = true,
         .verdict = {ENTRY_FAILED_EXIT, 33, 3}),
    RULE("I8", GUEST_INTERRUPTIBILITY, "with virtual NMIs, no NMI is injected while NMIs are blocked",
         .wrong = wrong_nmi, .operand = BLOCKING_NMI, .setup = LIST(NMI),
         .when = LIST(ON(PIN_CONTROLS, PIN_VIRTUAL_NMIS)),
         .near =
             VARIANTS(VARIANT("not-virtual", SET(ENTRY_OWN, BLOCKING_NMI), NONE(PIN_CONTROLS, B(PIN_VIRTUAL_NMIS))))),
    RULE("I9", GUEST_INTERRUPTIBILITY, "blocking by SMI must be 0 outside SMM", .wrong = entry_wrong_ones,
         .operand = BLOCKING_SMI, .when = LIST(SET(STATE_SMM, 0))),
    RULE("I10", GUEST_INTERRUPTIBILITY, "entry to SMM needs blocking by SMI", .wrong = entry_wrong_zeros,
         .operand = BLOCKING_SMI, .given = LIST(CAN(IA32_VMX_ENTRY_CTLS, ENTRYC_SMM)),
         .setup = LIST(SET(STATE_SMM, 1), SET(ENTRY_OWN, BLOCKING_SMI)), .when = LIST(ON(ENTRY_CONTROLS, ENTRYC_SMM)),
         .no_row = IN_SMM),
    RULE("I11", GUEST_INTERRUPTIBILITY, "enclave interruption needs SGX, and no blocking by MOV SS",
         .wrong = wrong_enclave,
         .bad = VARIANTS({.label = "no-sgx", .varies = true, .write = LIST(SET(ENTRY_OWN, ENCLAVE_INTERRUPTION))},
                         {.label = "mov-ss",
                          .skip = BASE_HLT,
                          .write = LIST(SET(ENTRY_OWN, ENCLAVE_INTERRUPTION | BLOCKING_MOV_SS))}),
         .near = VARIANTS({.label = "sgx", .varies = true, .write = LIST(SET(ENTRY_OWN, ENCLAVE_INTERRUPTION))})),
    RULE("I12", GUEST_INTERRUPTIBILITY, "no blocking by STI in ring 3 with FRED", .wrong = wrong_fred, .skip = BASE_HLT,
         .when = LIST(ALL(GUEST_CR4, CR4_FRED)), .bad = VARIANTS(VARIANT("ring3", CPL3, SET(ENTRY_OWN, BLOCKING_STI))),
         .near = VARIANTS(VALUE("ring0", BLOCKING_STI))),
};

const struct entry_table entry_rules_activity = TABLE(rules);
