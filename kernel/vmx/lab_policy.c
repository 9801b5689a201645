/*
 * Which control fields the guest of a lab may write, and what of them. The rule: a wrong value may make a VM entry fail, or
 * the guest; but the host gets its interrupts, its memory, its ports and its MSRs.
 */
#include "kernel/lock.h"
#include "kernel/vm/vm.h"
#include "kernel/vmx/lab.h"
#include "lib/x86.h"
#include "mm/direct.h"

/* Checks or changes a value; may refuse. */
typedef int lab_hook(struct vcpu *vcpu, uint64_t *value);

struct lab_field_row {
    uint32_t first, last;   /* encodings, in steps of 2 */
    uint64_t must, must_not; /* bits that the kernel keeps */
    const char *why;         /* of these */
    lab_hook *hook;
};

static int check_primary(struct vcpu *vcpu, uint64_t *value)
{
    if (!(*value & (PROC_UNCONDITIONAL_IO | PROC_IO_BITMAPS)))
        return lab_refuse(vcpu, PROC_UNCONDITIONAL_IO | PROC_IO_BITMAPS,
                          "without either of these, the guest would have the host's ports");
    if ((*value & (PROC_CR8_LOAD | PROC_CR8_STORE)) != (PROC_CR8_LOAD | PROC_CR8_STORE) &&
        !(*value & PROC_TPR_SHADOW))
        return lab_refuse(vcpu, PROC_CR8_LOAD | PROC_CR8_STORE, "CR8 is the host's without a TPR shadow");
    vcpu->backend[VCPU_PRIMARY] = *value;
    vcpu->backend[VCPU_WINDOW] = false;
    vcpu->attention |= ATTENTION_EVENT;
    return 0;
}

static const char no_timer[] = "this CPU has no preemption timer, or can't save it: the kernel and the guest can't share it";

static bool can_share_timer(void)
{
    return vmx_controls.preemption_timer && (vmx_controls.exit & EXITC_SAVE_PREEMPTION_TIMER);
}

/* The kernel has the timer too, so it is always on. */
static int check_pin(struct vcpu *vcpu, uint64_t *value)
{
    bool wanted = *value & PIN_PREEMPTION_TIMER;

    if (wanted && !can_share_timer())
        return lab_refuse(vcpu, PIN_PREEMPTION_TIMER, no_timer);
    vcpu->lab->timer_wanted = wanted;
    vcpu->lab->timer_left = vcpu->lab->timer_value;
    *value |= vmx_controls.pin & PIN_PREEMPTION_TIMER;
    return 0;
}

static int check_timer(struct vcpu *vcpu, uint64_t *value)
{
    vcpu->lab->timer_value = vcpu->lab->timer_left = (uint32_t)*value;
    return 0;
}

/* VMCS shadowing takes the link pointer; the shadow VMCS is the kernel's, so that it has the right form. */
static int check_secondary(struct vcpu *vcpu, uint64_t *value)
{
    vmwrite(VMCS_LINK_POINTER, *value & PROC2_VMCS_SHADOWING ? vcpu->lab->page[LAB_SHADOW_VMCS].value : ~0ull);
    return 0;
}

/* What an entry loads that the host shares has to be put back by the exit: pairs of an entry and an exit control. */
static const struct {
    uint32_t entry, exit;
    const char *why;
} put_back[] = {
    {1u << 13, 1u << 12, "the host would keep the guest's PERF_GLOBAL_CTRL: the exit has to load it"},
    {1u << 16, 1u << 23, "the host would keep the guest's BNDCFGS: the exit has to clear it"},
    {1u << 18, 1u << 25, "the host would keep the guest's RTIT_CTL: the exit has to clear it"},
    {1u << 20, 1u << 28, "the host would keep the guest's CET state: the exit has to load it"},
    {1u << 22, 1u << 29, "the host would keep the guest's PKRS: the exit has to load it"},
};

static int check_put_back(struct vcpu *vcpu, uint64_t entry, uint64_t exit, bool of_entry)
{
    for (unsigned i = 0; i < sizeof put_back / sizeof *put_back; i++)
        if ((entry & put_back[i].entry) && !(exit & put_back[i].exit))
            return lab_refuse(vcpu, of_entry ? put_back[i].entry : put_back[i].exit, put_back[i].why);
    return 0;
}

static int check_entry(struct vcpu *vcpu, uint64_t *value)
{
    return check_put_back(vcpu, *value, vmread(EXIT_CONTROLS), true);
}

/* The kernel's own pages want EFER.NXE, from the first instruction behind the exit on. */
static int check_exit(struct vcpu *vcpu, uint64_t *value)
{
    uint64_t trapped = 0;
    int error;

    if (!(*value & EXITC_LOAD_EFER)) {
        vmx_lab_read(vcpu, LAB_MSR_WRITE, MSR_EFER, &trapped);
        if (!(vmread(GUEST_IA32_EFER) & EFER_NXE) || !trapped)
            return lab_refuse(vcpu, EXITC_LOAD_EFER, "the host needs EFER.NXE: set it in the guest's, and make WRMSR of EFER exit");
    }
    if ((*value & EXITC_SAVE_PREEMPTION_TIMER) && !can_share_timer())
        return lab_refuse(vcpu, EXITC_SAVE_PREEMPTION_TIMER, no_timer);
    error = check_put_back(vcpu, vmread(ENTRY_CONTROLS), *value, false);
    if (error)
        return error;
    vcpu->lab->timer_saved = *value & EXITC_SAVE_PREEMPTION_TIMER;
    *value |= vmx_controls.exit & EXITC_SAVE_PREEMPTION_TIMER;
    return 0;
}

static int check_efer(struct vcpu *vcpu, uint64_t *value)
{
    if (!(*value & EFER_NXE) && !(vmread(EXIT_CONTROLS) & EXITC_LOAD_EFER))
        return lab_refuse(vcpu, EFER_NXE, "the host needs EFER.NXE as long as the exit control loads none");
    return 0;
}

/* #DB, #AC and #MC stay intercepted, see write_controls in vcpu.c; what the guest wants is remembered. */
static int check_exceptions(struct vcpu *vcpu, uint64_t *value)
{
    vcpu->lab->exceptions = (uint32_t)*value;
    *value |= 1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC;
    return 0;
}

/* A guest-physical address in guest memory becomes the frame's. The frame stays: a lab gives no memory back. */
static int translate(struct vcpu *vcpu, uint64_t *value)
{
    uint64_t gpa = align_down(*value, PAGE_BYTES);
    hpa_t frame;

    frame = vcpu->lab->page[LAB_NO_PAGE];
    kernel_lock_enter();
    if (gpa && vm_memory_back(vcpu->vm, GPA(gpa), &frame))
        return lab_refuse(vcpu, ~0ull, "no guest memory at this guest-physical address");
    *value = frame.value | (*value & (PAGE_BYTES - 1));
    return 0;
}

static int check_eptp(struct vcpu *vcpu, uint64_t *value)
{
    *value = vcpu->vm->memory.root.value | (*value & (PAGE_BYTES - 1));
    vcpu->backend[VCPU_EPTP] = *value;
    vcpu->npt_generation = UINT64_MAX;
    return 0;
}

static int check_count(struct vcpu *vcpu, uint64_t *value)
{
    return *value <= LAB_MSR_ENTRIES ? 0 : lab_refuse(vcpu, ~0ull, "more entries than the area has");
}

/* In the other states external interrupts don't exit, and the host would wait for the guest. */
static int check_activity(struct vcpu *vcpu, uint64_t *value)
{
    return *value <= 1 ? 0 : lab_refuse(vcpu, ~1ull, "only active and HLT: in the other states interrupts don't exit");
}

#define FREE 0, 0, NULL, NULL

static const struct lab_field_row rows[] = {
    {GUEST_INTERRUPT_STATUS, PML_INDEX, FREE},
    {PML_ADDRESS, PML_ADDRESS, 0, 0, NULL, translate},
    {VIRTUAL_APIC_ADDRESS, APIC_ACCESS_ADDRESS, 0, 0, NULL, translate},
    {VM_FUNCTION_CONTROLS, VM_FUNCTION_CONTROLS, 0, ~1ull, "only EPTP switching", NULL},
    {EPT_POINTER, EPT_POINTER, 0, 0, NULL, check_eptp},
    {EOI_EXIT_BITMAP_0, EOI_EXIT_BITMAP_3, FREE},
    {VMREAD_BITMAP, VE_INFORMATION_ADDRESS, 0, 0, NULL, translate},
    {XSS_EXITING_BITMAP, ENCLS_EXITING_BITMAP, FREE},
    {TSC_MULTIPLIER, TSC_MULTIPLIER, FREE},
    {GUEST_IA32_EFER, GUEST_IA32_EFER, 0, 0, NULL, check_efer},
    {GUEST_IA32_PERF_GLOBAL_CTRL, GUEST_IA32_PERF_GLOBAL_CTRL, FREE},
    {GUEST_IA32_BNDCFGS, GUEST_IA32_PKRS, FREE},
    {PIN_CONTROLS, PIN_CONTROLS, PIN_EXTERNAL_INTERRUPT | PIN_NMI, PIN_POSTED_INTERRUPTS,
     "the host needs its interrupts and NMIs", check_pin},
    {PROC_CONTROLS, PROC_CONTROLS, PROC_SECONDARY, 0, "EPT needs it", check_primary},
    {EXCEPTION_BITMAP, EXCEPTION_BITMAP, 0, 0, NULL, check_exceptions},
    {PF_ERROR_CODE_MASK, CR3_TARGET_COUNT, FREE},
    {EXIT_CONTROLS, EXIT_CONTROLS, EXITC_HOST_64, 0, "the host runs in 64-bit mode", check_exit},
    {EXIT_MSR_STORE_COUNT, EXIT_MSR_LOAD_COUNT, 0, 0, NULL, check_count},
    {ENTRY_CONTROLS, ENTRY_CONTROLS, 0, 0, NULL, check_entry},
    {ENTRY_MSR_LOAD_COUNT, ENTRY_MSR_LOAD_COUNT, 0, 0, NULL, check_count},
    {TPR_THRESHOLD, TPR_THRESHOLD, FREE},
    {PROC2_CONTROLS, PROC2_CONTROLS, PROC2_EPT, PROC2_SUB_PAGE_WRITE, "the host keeps its memory by EPT",
     check_secondary},
    {PLE_GAP, PLE_WINDOW, FREE},
    {GUEST_ACTIVITY, GUEST_ACTIVITY, 0, 0, NULL, check_activity},
    {PREEMPTION_TIMER_VALUE, PREEMPTION_TIMER_VALUE, 0, 0, NULL, check_timer},
    {CR0_MASK, CR0_MASK, CR0_NW | CR0_CD, 0, "exits don't load these bits of CR0", NULL},
    {CR4_MASK, CR4_MASK, FREE},
    {CR3_TARGET_0, CR3_TARGET_3, FREE},
    {GUEST_S_CET, GUEST_INTERRUPT_SSP_TABLE_ADDRESS, FREE},
};

static const struct lab_field_row *find_row(uint64_t field)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (field >= rows[i].first && field <= rows[i].last)
            return &rows[i];
    return NULL;
}

static int write_row(struct vcpu *vcpu, const struct lab_field_row *row, uint64_t field, uint64_t value)
{
    uint64_t bad = (row->must & ~value) | (row->must_not & value);
    int error = 0;

    if (bad)
        return lab_refuse(vcpu, bad, row->why);
    if (row->hook)
        error = row->hook(vcpu, &value);
    if (error)
        return error;
    return vmwrite_safe(field, value) ? 0 : -ABI_EINVAL;
}

bool vmx_lab_field_write(struct vcpu *vcpu, uint64_t field, uint64_t value, int *result)
{
    const struct lab_field_row *row = find_row(field);

    if (!row)
        return false;
    *result = write_row(vcpu, row, field, value);
    return field != GUEST_IA32_EFER || *result; /* an EFER that may be goes the ordinary way as well */
}
