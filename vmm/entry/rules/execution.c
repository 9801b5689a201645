/* "VM-Execution Control Fields": reserved bits, and which control needs which. */
#include "vmm/entry/rule.h"

/* A control that another one needs. */
#define NEEDS_CONTROL(id, control_field, control, field, needed, words, ...)                                           \
    RULE(id, field, words, .wrong = entry_wrong_zeros, .operand = B(needed), .when = LIST(ON(control_field, control)), \
         __VA_ARGS__)
/* Without EPT, there is no unrestricted guest either: the bases without paging are not for these. */
#define NEEDS_EPT(id, control_field, control, words)                                                                   \
    NEEDS_CONTROL(id, control_field, control, PROC2_CONTROLS, PROC2_EPT, words,                                        \
                  .setup = LIST(OFF(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST)), .skip = BASE_REAL | BASE_UNPAGED)
/* A control that another one rules out. */
#define RULES_OUT(id, condition, barred, words, ...)                                                                   \
    RULE(id, PROC2_CONTROLS, words, .wrong = entry_wrong_ones, .operand = B(barred), .when = LIST(condition),          \
         .given = LIST(CAN(IA32_VMX_PROCBASED_CTLS2, barred)), __VA_ARGS__)

/* Control bits against the capability registers. */
#define MUST_BE_1(id, field, ...)                                                                                      \
    RULE(id, field, "bits that the capability MSR has as 1 in 31:0 must be 1", .wrong = entry_wrong_must_be_1,         \
         .bad = entry_each_bit32, .varies = true, .first_only = true, __VA_ARGS__)
#define MAY_BE_1(id, field, bits, ...)                                                                                 \
    RULE(id, field, "bits that the capability MSR does not allow to be 1 must be 0", .wrong = entry_wrong_may_be_1,    \
         .bad = bits, .varies = true, .first_only = true, __VA_ARGS__)

static uint64_t wrong_targets(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t most = entry_get(context, CAP_IA32_VMX_MISC) >> 16 & 0x1ff;

    return entry_get(context, rule->field) > most ? 0xffffffff : 0;
}

/* "TPR Threshold": bits 3:0 against bits 7:4 of VTPR */
static uint64_t wrong_threshold(struct entry_context *context, const struct entry_rule *rule)
{
    return (entry_get(context, rule->field) & 0xf) > (entry_get(context, STATE_VTPR) >> 4 & 0xf) ? 0xf : 0;
}

static const struct entry_rule rules[] = {
    MUST_BE_1("E1", PIN_CONTROLS),
    MAY_BE_1("E2", PIN_CONTROLS, entry_each_bit32),
    MUST_BE_1("E3", PROC_CONTROLS),
    MAY_BE_1("E4", PROC_CONTROLS, entry_each_bit32),
    MUST_BE_1("E5", PROC2_CONTROLS, .when = LIST(ON(PROC_CONTROLS, PROC_SECONDARY))),
    MAY_BE_1("E6", PROC2_CONTROLS, entry_each_bit32, .when = LIST(ON(PROC_CONTROLS, PROC_SECONDARY))),
    MAY_BE_1("E7", TERTIARY_CONTROLS, entry_each_bit, .when = LIST(ON(PROC_CONTROLS, PROC_TERTIARY))),
    RULE("E8", CR3_TARGET_COUNT, "must be at most bits 24:16 of IA32_VMX_MISC", .wrong = wrong_targets,
         .bad = VARIANTS({.label = "above", .write = LIST({ENTRY_OWN, ~0ull, 1, HOW_CR3_TARGETS})},
                         VALUE("highest", 0xffffffff)),
         .near = VARIANTS({.label = "most", .write = LIST({ENTRY_OWN, ~0ull, 0, HOW_CR3_TARGETS})})),

    RULE("E17", TPR_THRESHOLD, "bits 31:4 must be 0", .wrong = entry_wrong_ones, .operand = 0xfffffff0,
         .when = LIST(ON(PROC_CONTROLS, PROC_TPR_SHADOW), OFF(PROC2_CONTROLS, PROC2_VIRTUAL_INTERRUPT_DELIVERY))),
    RULE("E18", TPR_THRESHOLD, "must be at most bits 7:4 of VTPR", .wrong = wrong_threshold,
         .when = LIST(ON(PROC_CONTROLS, PROC_TPR_SHADOW), OFF(PROC2_CONTROLS, PROC2_VIRTUAL_INTERRUPT_DELIVERY),
                      OFF(PROC2_CONTROLS, PROC2_VIRTUALIZE_APIC_ACCESSES)),
         .bad = VARIANTS(VALUE("above", 1), VALUE("highest", 15),
                         VARIANT("above-5", SET(ENTRY_OWN, 6), SET(STATE_VTPR, 0x5f))),
         .near = VARIANTS(VARIANT("equal-5", SET(ENTRY_OWN, 5), SET(STATE_VTPR, 0x50)),
                          VARIANT("equal-15", SET(ENTRY_OWN, 15), SET(STATE_VTPR, 0xf0)))),
    NEEDS_CONTROL("E19", PIN_CONTROLS, PIN_VIRTUAL_NMIS, PIN_CONTROLS, PIN_NMI, "virtual NMIs need NMI exiting"),
    NEEDS_CONTROL("E20", PROC_CONTROLS, PROC_NMI_WINDOW, PIN_CONTROLS, PIN_VIRTUAL_NMIS,
                  "NMI-window exiting needs virtual NMIs"),
    RULES_OUT("E23", OFF(PROC_CONTROLS, PROC_TPR_SHADOW), PROC2_VIRTUALIZE_X2APIC,
              "x2APIC-mode virtualization needs the TPR shadow"),
    RULES_OUT("E24", OFF(PROC_CONTROLS, PROC_TPR_SHADOW), PROC2_APIC_REGISTER_VIRTUALIZATION,
              "APIC-register virtualization needs the TPR shadow"),
    RULES_OUT("E25", OFF(PROC_CONTROLS, PROC_TPR_SHADOW), PROC2_VIRTUAL_INTERRUPT_DELIVERY,
              "virtual-interrupt delivery needs the TPR shadow",
              .setup = LIST(ON(PIN_CONTROLS, PIN_EXTERNAL_INTERRUPT))),
    RULES_OUT("E26", ON(PROC2_CONTROLS, PROC2_VIRTUALIZE_X2APIC), PROC2_VIRTUALIZE_APIC_ACCESSES,
              "not both: virtualization of the x2APIC mode and of APIC accesses",
              .setup = LIST(COPY(APIC_ACCESS_ADDRESS, STATE_SCRATCH_PAGE))),
    NEEDS_CONTROL("E27", PROC2_CONTROLS, PROC2_VIRTUAL_INTERRUPT_DELIVERY, PIN_CONTROLS, PIN_EXTERNAL_INTERRUPT,
                  "virtual-interrupt delivery needs external-interrupt exiting"),
    NEEDS_CONTROL("E28", PIN_CONTROLS, PIN_POSTED_INTERRUPTS, PROC2_CONTROLS, PROC2_VIRTUAL_INTERRUPT_DELIVERY,
                  "posted interrupts need virtual-interrupt delivery"),
    NEEDS_CONTROL("E29", PIN_CONTROLS, PIN_POSTED_INTERRUPTS, EXIT_CONTROLS, EXITC_ACKNOWLEDGE_INTERRUPT,
                  "posted interrupts need acknowledge interrupt on exit"),
    RULE("E30", POSTED_INTERRUPT_VECTOR, "bits 15:8 must be 0", .wrong = entry_wrong_ones, .operand = 0xff00,
         .when = LIST(ON(PIN_CONTROLS, PIN_POSTED_INTERRUPTS)),
         .near = VARIANTS(VALUE("lowest", 0), VALUE("highest", 255))),
    RULE("E33", VIRTUAL_PROCESSOR_ID, "must not be 0 with VPIDs enabled", .wrong = entry_wrong_zero,
         .when = LIST(ON(PROC2_CONTROLS, PROC2_VPID)), .bad = VARIANTS(VALUE("zero", 0)),
         .near = VARIANTS(VALUE("highest", 0xffff))),

    RULE("E40", PROC2_CONTROLS, "unrestricted guest needs EPT", .wrong = entry_wrong_zeros, .operand = B(PROC2_EPT),
         .when = LIST(ON(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST))),
    NEEDS_EPT("E41", PROC2_CONTROLS, PROC2_MODE_BASED_EXECUTE, "mode-based execute control needs EPT"),
    NEEDS_EPT("E42", PROC2_CONTROLS, PROC2_SUB_PAGE_WRITE, "sub-page write permissions need EPT"),
    NEEDS_EPT("E45", PROC2_CONTROLS, PROC2_PML, "page-modification logging needs EPT"),
    RULE("E48", VM_FUNCTION_CONTROLS, "bits that IA32_VMX_VMFUNC does not allow must be 0",
         .wrong = entry_wrong_may_be_1, .bad = entry_each_bit, .varies = true,
         .when = LIST(ON(PROC2_CONTROLS, PROC2_VMFUNC))),
    RULE("E49", PROC2_CONTROLS, "EPTP switching needs EPT", .wrong = entry_wrong_zeros, .operand = B(PROC2_EPT),
         .setup = LIST(OFF(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST)), .skip = BASE_REAL | BASE_UNPAGED,
         .when = LIST(ON(VM_FUNCTION_CONTROLS, FUNCTION_EPTP_SWITCHING))),
    RULE("E58", TSC_MULTIPLIER, "must not be 0 with TSC scaling", .wrong = entry_wrong_zero,
         .when = LIST(ON(PROC2_CONTROLS, PROC2_TSC_SCALING)), .bad = VARIANTS(VALUE("zero", 0)),
         .near = VARIANTS(VALUE("one", 1), VALUE("highest", ~0ull))),
    NEEDS_EPT("E59", PROC2_CONTROLS, PROC2_PT_USES_GPA, "Intel PT with guest-physical addresses needs EPT"),
    NEEDS_CONTROL("E60", PROC2_CONTROLS, PROC2_PT_USES_GPA, ENTRY_CONTROLS, ENTRYC_LOAD_RTIT_CTL,
                  "Intel PT with guest-physical addresses needs the loading of RTIT_CTL at entries"),
    NEEDS_CONTROL("E61", PROC2_CONTROLS, PROC2_PT_USES_GPA, EXIT_CONTROLS, EXITC_CLEAR_RTIT_CTL,
                  "Intel PT with guest-physical addresses needs the clearing of RTIT_CTL at exits"),
    NEEDS_EPT("E62", TERTIARY_CONTROLS, PROC3_HLAT, "HLAT needs EPT"),
    NEEDS_EPT("E65", TERTIARY_CONTROLS, PROC3_EPT_PAGING_WRITE, "the EPT paging-write control needs EPT"),
    NEEDS_EPT("E66", TERTIARY_CONTROLS, PROC3_GUEST_PAGING_VERIFICATION, "guest-paging verification needs EPT"),
    NEEDS_CONTROL("E67", TERTIARY_CONTROLS, PROC3_IPI_VIRTUALIZATION, PROC_CONTROLS, PROC_TPR_SHADOW,
                  "IPI virtualization needs the TPR shadow"),
    /* entry-checks.tsv has it among the guest's registers; the manual has it with the execution controls. */
    RULE("G23", ENTRY_CONTROLS, "RTIT_CTL can't be loaded while Intel PT is tracing", .wrong = entry_wrong_ones,
         .operand = B(ENTRYC_LOAD_RTIT_CTL), .when = LIST(ALL(STATE_CPU_RTIT_CTL, 1)),
         .setup = LIST(OFF(ENTRY_CONTROLS, ENTRYC_LOAD_RTIT_CTL), SET(GUEST_IA32_RTIT_CTL, 0)),
         .given = LIST(CAN(IA32_VMX_ENTRY_CTLS, ENTRYC_LOAD_RTIT_CTL)), .verdict = {ENTRY_FAIL_VALID, 7, 0}),
};

const struct entry_table entry_rules_execution = TABLE(rules);
