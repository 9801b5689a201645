/* Bringing about what a rule applies to: its conditions, and what the controls among them demand. */
#include "vmm/entry/rule.h"

/* What a control needs when it is set. */
static const struct demand {
    struct entry_bits control;
    const struct entry_bits *needs;
} demands[] = {
    {ON(PIN_CONTROLS, PIN_VIRTUAL_NMIS), LIST(ON(PIN_CONTROLS, PIN_NMI))},
    {ON(PIN_CONTROLS, PIN_POSTED_INTERRUPTS),
     LIST(ON(PROC2_CONTROLS, PROC2_VIRTUAL_INTERRUPT_DELIVERY), ON(EXIT_CONTROLS, EXITC_ACKNOWLEDGE_INTERRUPT),
          SET(POSTED_INTERRUPT_VECTOR, 0xf2), COPY(POSTED_INTERRUPT_DESCRIPTOR, STATE_SCRATCH_PAGE))},
    {ON(PROC_CONTROLS, PROC_NMI_WINDOW), LIST(ON(PIN_CONTROLS, PIN_VIRTUAL_NMIS))},
    {ON(PROC_CONTROLS, PROC_TPR_SHADOW),
     LIST(COPY(VIRTUAL_APIC_ADDRESS, STATE_SCRATCH_PAGE), SET(TPR_THRESHOLD, 0), SET(STATE_VTPR, 0))},
    {ON(PROC_CONTROLS, PROC_IO_BITMAPS),
     LIST(COPY(IO_BITMAP_A, STATE_SCRATCH_PAGE), COPY(IO_BITMAP_B, STATE_SCRATCH_PAGE))},
    {ON(PROC_CONTROLS, PROC_MSR_BITMAPS), LIST(COPY(MSR_BITMAP, STATE_SCRATCH_PAGE))},
    {ON(PROC_CONTROLS, PROC_TERTIARY), LIST(SET(TERTIARY_CONTROLS, 0))},
    {ON(EXIT_CONTROLS, EXITC_SECONDARY), LIST(SET(SECONDARY_EXIT_CONTROLS, 0))},
    {ON(PROC2_CONTROLS, PROC2_VIRTUALIZE_APIC_ACCESSES), LIST(COPY(APIC_ACCESS_ADDRESS, STATE_SCRATCH_PAGE))},
    {ON(PROC2_CONTROLS, PROC2_VIRTUALIZE_X2APIC), LIST(ON(PROC_CONTROLS, PROC_TPR_SHADOW))},
    {ON(PROC2_CONTROLS, PROC2_APIC_REGISTER_VIRTUALIZATION), LIST(ON(PROC_CONTROLS, PROC_TPR_SHADOW))},
    {ON(PROC2_CONTROLS, PROC2_VIRTUAL_INTERRUPT_DELIVERY),
     LIST(ON(PROC_CONTROLS, PROC_TPR_SHADOW), ON(PIN_CONTROLS, PIN_EXTERNAL_INTERRUPT))},
    {ON(PROC2_CONTROLS, PROC2_VPID), LIST(SET(VIRTUAL_PROCESSOR_ID, 1))},
    {ON(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST), LIST(ON(PROC2_CONTROLS, PROC2_EPT))},
    {ON(PROC2_CONTROLS, PROC2_VMFUNC), LIST(SET(VM_FUNCTION_CONTROLS, 0))},
    {ON(PROC2_CONTROLS, PROC2_VMCS_SHADOWING),
     LIST(COPY(VMREAD_BITMAP, STATE_SCRATCH_PAGE), COPY(VMWRITE_BITMAP, STATE_SCRATCH_PAGE))},
    {ON(PROC2_CONTROLS, PROC2_PML), LIST(ON(PROC2_CONTROLS, PROC2_EPT), COPY(PML_ADDRESS, STATE_SCRATCH_PAGE))},
    {ON(PROC2_CONTROLS, PROC2_EPT_VIOLATION_VE), LIST(COPY(VE_INFORMATION_ADDRESS, STATE_SCRATCH_PAGE))},
    {ON(PROC2_CONTROLS, PROC2_MODE_BASED_EXECUTE), LIST(ON(PROC2_CONTROLS, PROC2_EPT))},
    {ON(PROC2_CONTROLS, PROC2_SUB_PAGE_WRITE),
     LIST(ON(PROC2_CONTROLS, PROC2_EPT), COPY(SUB_PAGE_PERMISSION_POINTER, STATE_SCRATCH_PAGE))},
    {ON(PROC2_CONTROLS, PROC2_PT_USES_GPA),
     LIST(ON(PROC2_CONTROLS, PROC2_EPT), ON(ENTRY_CONTROLS, ENTRYC_LOAD_RTIT_CTL),
          ON(EXIT_CONTROLS, EXITC_CLEAR_RTIT_CTL))},
    {ON(PROC2_CONTROLS, PROC2_TSC_SCALING), LIST(SET(TSC_MULTIPLIER, 1ull << 48))},
    {ON(TERTIARY_CONTROLS, PROC3_HLAT), LIST(ON(PROC2_CONTROLS, PROC2_EPT), COPY(HLAT_POINTER, STATE_SCRATCH_PAGE))},
    {ON(TERTIARY_CONTROLS, PROC3_EPT_PAGING_WRITE), LIST(ON(PROC2_CONTROLS, PROC2_EPT))},
    {ON(TERTIARY_CONTROLS, PROC3_GUEST_PAGING_VERIFICATION), LIST(ON(PROC2_CONTROLS, PROC2_EPT))},
    {ON(TERTIARY_CONTROLS, PROC3_IPI_VIRTUALIZATION),
     LIST(ON(PROC_CONTROLS, PROC_TPR_SHADOW), COPY(PID_POINTER_TABLE_ADDRESS, STATE_SCRATCH_PAGE),
          SET(LAST_PID_POINTER_INDEX, 0))},
    {ON(VM_FUNCTION_CONTROLS, FUNCTION_EPTP_SWITCHING),
     LIST(ON(PROC2_CONTROLS, PROC2_EPT), COPY(EPTP_LIST_ADDRESS, STATE_SCRATCH_PAGE))},
    {ON(EXIT_CONTROLS, EXITC_SAVE_PREEMPTION_TIMER), LIST(ON(PIN_CONTROLS, PIN_PREEMPTION_TIMER))},
    {ON(EXIT_CONTROLS, EXITC_LOAD_PERF_GLOBAL_CTRL), LIST(SET(HOST_IA32_PERF_GLOBAL_CTRL, 0))},
    {ON(EXIT_CONTROLS, EXITC_LOAD_PAT), LIST(SET(HOST_IA32_PAT, 0x0007040600070406))},
    {ON(EXIT_CONTROLS, EXITC_LOAD_EFER), LIST(COPY(HOST_IA32_EFER, STATE_CPU_EFER))},
    {ON(EXIT_CONTROLS, EXITC_LOAD_CET),
     LIST(SET(HOST_S_CET, 0), SET(HOST_SSP, 0), SET(HOST_INTERRUPT_SSP_TABLE_ADDRESS, 0))},
    {ON(EXIT_CONTROLS, EXITC_LOAD_PKRS), LIST(SET(HOST_IA32_PKRS, 0))},
    {ON(SECONDARY_EXIT_CONTROLS, EXITC2_LOAD_SPEC_CTRL), LIST(SET(HOST_IA32_SPEC_CTRL, 0))},
    {ON(SECONDARY_EXIT_CONTROLS, EXITC2_LOAD_FRED),
     LIST(SET(HOST_IA32_FRED_CONFIG, 0), SET(HOST_IA32_FRED_RSP1, 0), SET(HOST_IA32_FRED_RSP2, 0),
          SET(HOST_IA32_FRED_RSP3, 0), SET(HOST_IA32_FRED_SSP1, 0), SET(HOST_IA32_FRED_SSP2, 0),
          SET(HOST_IA32_FRED_SSP3, 0), SET(HOST_IA32_FRED_STKLVLS, 0))},
    {ON(ENTRY_CONTROLS, ENTRYC_LOAD_BNDCFGS), LIST(SET(GUEST_IA32_BNDCFGS, 0))},
    {ON(ENTRY_CONTROLS, ENTRYC_LOAD_PERF_GLOBAL_CTRL), LIST(SET(GUEST_IA32_PERF_GLOBAL_CTRL, 0))},
    {ON(ENTRY_CONTROLS, ENTRYC_LOAD_RTIT_CTL), LIST(SET(GUEST_IA32_RTIT_CTL, 0), SET(STATE_CPU_RTIT_CTL, 0))},
    {ON(ENTRY_CONTROLS, ENTRYC_LOAD_UINV), LIST(SET(GUEST_UINV, 0))},
    {ON(ENTRY_CONTROLS, ENTRYC_LOAD_CET),
     LIST(SET(GUEST_S_CET, 0), SET(GUEST_SSP, 0), SET(GUEST_INTERRUPT_SSP_TABLE_ADDRESS, 0))},
    {ON(ENTRY_CONTROLS, ENTRYC_LOAD_LBR_CTL), LIST(SET(GUEST_IA32_LBR_CTL, 0))},
    {ON(ENTRY_CONTROLS, ENTRYC_LOAD_PKRS), LIST(SET(GUEST_IA32_PKRS, 0))},
    {ON(ENTRY_CONTROLS, ENTRYC_LOAD_SPEC_CTRL), LIST(SET(GUEST_IA32_SPEC_CTRL, 0))},
    {ON(ENTRY_CONTROLS, ENTRYC_LOAD_FRED),
     LIST(SET(GUEST_IA32_FRED_CONFIG, 0), SET(GUEST_IA32_FRED_RSP1, 0), SET(GUEST_IA32_FRED_RSP2, 0),
          SET(GUEST_IA32_FRED_RSP3, 0), SET(GUEST_IA32_FRED_SSP1, 0), SET(GUEST_IA32_FRED_SSP2, 0),
          SET(GUEST_IA32_FRED_SSP3, 0), SET(GUEST_IA32_FRED_STKLVLS, 0))},
};

/* A field that another control activates; it begins with no bit set. */
static const struct demand activations[] = {
    {SET(PROC2_CONTROLS, 0), LIST(ON(PROC_CONTROLS, PROC_SECONDARY))},
    {SET(TERTIARY_CONTROLS, 0), LIST(ON(PROC_CONTROLS, PROC_TERTIARY))},
    {SET(SECONDARY_EXIT_CONTROLS, 0), LIST(ON(EXIT_CONTROLS, EXITC_SECONDARY))},
    {SET(VM_FUNCTION_CONTROLS, 0), LIST(ON(PROC2_CONTROLS, PROC2_VMFUNC))},
};

struct place {
    const struct entry_rule *rule;
    const struct entry_block *block;
    const struct entry_caps *caps;
};

static bool is_so(const struct place *place, const struct entry_bits *bits)
{
    struct entry_context context = {.block = place->block, .caps = place->caps};

    return bits->how == HOW_SET && (entry_effective(&context, bits->field) & bits->mask) == bits->value &&
           !context.unknown;
}

static bool bring_about(const struct place *place, const struct entry_bits *list);

/* Demands go at most three deep: posted interrupts, virtual-interrupt delivery, TPR shadow. */
static bool bring_about_demands(const struct place *place, const struct entry_bits *bits)
{
    for (const struct demand *d = demands; d < demands + sizeof demands / sizeof *demands; d++)
        if (d->control.field == bits->field && d->control.mask & bits->mask & bits->value && bits->mask != ~0ull &&
            !bring_about(place, d->needs))
            return false;
    return true;
}

static bool activate(const struct place *place, const struct entry_bits *bits)
{
    for (const struct demand *a = activations; a < activations + sizeof activations / sizeof *activations; a++)
        if (a->control.field == bits->field && bits->value && !is_so(place, a->needs) &&
            (!entry_write(&a->control, 0, place->block, place->caps) || !bring_about(place, a->needs)))
            return false;
    return true;
}

static bool bring_about(const struct place *place, const struct entry_bits *list)
{
    for (const struct entry_bits *bits = list; bits && bits->mask; bits++) {
        if (is_so(place, bits))
            continue;
        if (!activate(place, bits) || !entry_write(bits, place->rule->field, place->block, place->caps) ||
            !bring_about_demands(place, bits))
            return false;
    }
    return true;
}

static bool apply(const struct entry_rule *rule, const struct entry_base *base, const struct entry_block *block,
                  const struct entry_caps *caps)
{
    const struct place place = {rule, block, caps};
    struct entry_context context = {.block = block, .caps = caps};

    if (!rule->wrong || rule->skip & base->kind || !entry_holds(&context, rule->given))
        return false;
    return bring_about(&place, rule->setup) && bring_about(&place, rule->when);
}

bool entry_rule_arrange(const struct entry_rule *rule, const struct entry_base *base, const struct entry_block *block,
                        const struct entry_caps *caps, struct entry_finding *obstacle)
{
    obstacle->rule = NULL;
    return apply(rule, base, block, caps) &&
           entry_check(rule->id[0] == 'A' ? BACKEND_SVM : BACKEND_VMX, block, caps, obstacle) &&
           entry_rule_check(rule, block, caps, NULL) == ENTRY_KEPT;
}
