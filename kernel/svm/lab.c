#include "kernel/svm/lab.h"

#include "kernel/lock.h"
#include "kernel/svm/lab_policy.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "lib/x86.h"

/* The kernel's own exceptions: see control.c. */
enum { EXCEPTIONS_KEPT = 1 << VECTOR_DB | 1 << SVM_VECTOR_AC | 1 << VECTOR_MC };

static uint8_t *map_of(const struct vcpu *vcpu, enum svm_vcpu map) { return mm_direct(HPA(vcpu->backend[map])); }

static void set_bit(uint8_t *map, uint64_t bit, bool on)
{
    if (on)
        map[bit / 8] |= (uint8_t)(1u << bit % 8);
    else
        map[bit / 8] &= (uint8_t) ~(1u << bit % 8);
}

static bool get_bit(const uint8_t *map, uint64_t bit) { return map[bit / 8] >> bit % 8 & 1; }

/* ---- MSRs that VMLOAD and VMSAVE switch -------------------------------------------------------------------- */

static const struct {
    uint32_t msr;
    uint16_t offset;
    bool address; /* must be canonical */
} switched[] = {
    {MSR_STAR, offsetof(struct vmcb, save.star), false},
    {MSR_LSTAR, offsetof(struct vmcb, save.lstar), true},
    {MSR_CSTAR, offsetof(struct vmcb, save.cstar), true},
    {MSR_SFMASK, offsetof(struct vmcb, save.sfmask), false},
    {MSR_FS_BASE, offsetof(struct vmcb, save.fs.base), true},
    {MSR_GS_BASE, offsetof(struct vmcb, save.gs.base), true},
    {MSR_KERNEL_GS_BASE, offsetof(struct vmcb, save.kernel_gs_base), true},
    {MSR_SYSENTER_CS, offsetof(struct vmcb, save.sysenter_cs), false},
    {MSR_SYSENTER_ESP, offsetof(struct vmcb, save.sysenter_esp), true},
    {MSR_SYSENTER_EIP, offsetof(struct vmcb, save.sysenter_eip), true},
};

enum { SWITCHED = sizeof switched / sizeof *switched };

/* Its index, or SWITCHED. */
static unsigned find_switched(uint64_t msr)
{
    unsigned i = 0;

    while (i < SWITCHED && switched[i].msr != msr)
        i++;
    return i;
}

static bool is_canonical(uint64_t value) { return (uint64_t)((int64_t)(value << 16) >> 16) == value; }

bool svm_lab_handle_msr(struct vcpu *vcpu, bool write, enum verdict *verdict)
{
    uint64_t *gpr = vcpu->page->gpr, value = (uint32_t)gpr[GPR_RAX] | gpr[GPR_RDX] << 32;
    unsigned i = find_switched((uint32_t)gpr[GPR_RCX]);
    char *field;

    if (i == SWITCHED)
        return false;
    field = (char *)svm_vmcb(vcpu) + switched[i].offset;
    *verdict = VERDICT_SKIP;
    if (!write) {
        memcpy(&value, field, sizeof value);
        gpr[GPR_RAX] = (uint32_t)value;
        gpr[GPR_RDX] = value >> 32;
    } else if (switched[i].address && !is_canonical(value)) {
        svm_inject_gp(vcpu);
        *verdict = VERDICT_RESUME;
    } else {
        memcpy(field, &value, sizeof value);
    }
    return true;
}

/* ---- Ports and MSRs by number ------------------------------------------------------------------------------ */

/* "I/O Permissions Map": three ports above FFFFH, for wide accesses that run over it. */
static int write_port(struct vcpu *vcpu, uint64_t port, uint64_t trap)
{
    if (port > LAB_PORT_MAX || trap > 1)
        return -ABI_EINVAL;
    if (!trap && !lab_port_is_harmless(port))
        return lab_refuse(vcpu, 1, "this port may belong to a device of the host: it has to exit");
    set_bit(map_of(vcpu, SVM_VCPU_IOPM), port, trap);
    svm_changed(vcpu, CLEAN_IOPM);
    return 0;
}

/* PAT is not among those that VMRUN switches everywhere: see control.c. */
static bool msr_is_guests(uint64_t msr)
{
    return msr == MSR_EFER || msr == MSR_TSC_AUX || find_switched(msr) < SWITCHED;
}

static int write_msr(struct vcpu *vcpu, uint64_t msr, bool write, uint64_t trap)
{
    unsigned bit;

    if (trap > 1 || !svm_msrpm_bit(msr, &bit))
        return -ABI_EINVAL;
    if (!trap && write && !msr_is_guests(msr))
        return lab_refuse(vcpu, 1, "this MSR is the host's: writing it has to exit");
    set_bit(map_of(vcpu, SVM_VCPU_MSRPM), bit + write, trap);
    svm_changed(vcpu, CLEAN_IOPM);
    return 0;
}

/* ---- The probe ---------------------------------------------------------------------------------------------- */

static int translate(struct vcpu *vcpu, uint64_t gpa, hpa_t *frame)
{
    if (!vcpu->vm->full_lab)
        return lab_refuse(vcpu, 0, "only for a VM with `lab = full`");
    kernel_lock_enter();
    return vm_memory_back(vcpu->vm, GPA(gpa), frame);
}

/* An entry with the VMCB in the page that the first pair names. What VMLOAD loads stays the host's. */
int svm_lab_probe_write(struct vcpu *vcpu, const struct state_pair *pair, const uint64_t *value, unsigned n)
{
    hpa_t frame;
    int error = translate(vcpu, LAB_NUMBER(pair->what), &frame);

    (void)value, (void)n;
    if (!error)
        __asm__ volatile("push %%rbp; clgi; vmrun; stgi; pop %%rbp"
                         :
                         : "a"(frame.value)
                         : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
                           "memory");
    return error ? error : 1;
}

static int read_address(struct vcpu *vcpu, uint64_t number, uint64_t *value)
{
    hpa_t frame = HPA(0);
    int error = number & LAB_PROBE_ADDRESS ? translate(vcpu, number & ~LAB_PROBE_ADDRESS, &frame) : -ABI_EINVAL;

    *value = frame.value;
    return error;
}

int svm_lab_write(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t value)
{
    switch (kind) {
    case LAB_PORT:
        return write_port(vcpu, number, value);
    case LAB_MSR_READ:
    case LAB_MSR_WRITE:
        return write_msr(vcpu, number, kind == LAB_MSR_WRITE, value);
    default:
        return -ABI_EINVAL;
    }
}

int svm_lab_read(struct vcpu *vcpu, enum lab_kind kind, uint64_t number, uint64_t *value)
{
    unsigned bit;

    switch (kind) {
    case LAB_PORT:
        if (number > LAB_PORT_MAX)
            return -ABI_EINVAL;
        *value = get_bit(map_of(vcpu, SVM_VCPU_IOPM), number);
        return 0;
    case LAB_MSR_READ:
    case LAB_MSR_WRITE:
        if (!svm_msrpm_bit(number, &bit))
            return -ABI_EINVAL;
        *value = get_bit(map_of(vcpu, SVM_VCPU_MSRPM), bit + (kind == LAB_MSR_WRITE));
        return 0;
    case LAB_PROBE:
        return read_address(vcpu, number, value);
    default:
        return -ABI_EINVAL;
    }
}

/* ---- Fields ------------------------------------------------------------------------------------------------ */

#define WHAT(member) VMCB_FIELD(offsetof(struct vmcb, member), sizeof(((struct vmcb *)0)->member))
#define WHAT_EXCEPTIONS WHAT(control.intercept[INTERCEPT_EXCEPTION])
#define WHAT_CLEAN WHAT(control.clean)

/*
 * Clean bits that the guest sets let the CPU go on with older values of its own fields. Not so before the first entry after
 * all bits were cleared, because then the CPU may know this page as another VMCB, or fields that go together only as they
 * are; and never for what keeps the guest within its memory.
 */
static void write_clean(struct vcpu *vcpu, uint32_t value)
{
    const uint32_t open = CLEAN_I | CLEAN_TPR | CLEAN_CRX | CLEAN_DRX | CLEAN_DT | CLEAN_SEG | CLEAN_CR2 | CLEAN_LBR;
    struct vmcb_control *control = &svm_vmcb(vcpu)->control;
    uint32_t settable = control->clean & CLEAN_IOPM ? open & svm_machine.clean : 0;

    control->clean = value & (control->clean | settable);
}

bool svm_lab_field_write(struct vcpu *vcpu, uint64_t what, uint64_t value, int *result)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    struct svm_lab_answer answer;

    svm_lab_give_back(vcpu);
    if (!svm_lab_policy(&vmcb->control, svm_machine.features, what, value, &answer))
        return false;
    *result = answer.why ? lab_refuse(vcpu, answer.refused, answer.why) : 0;
    if (*result)
        return true;
    if (what == WHAT_CLEAN) {
        write_clean(vcpu, (uint32_t)value);
        return true;
    }
    if (what == WHAT_EXCEPTIONS) {
        vcpu->lab->exceptions = (uint32_t)value;
        value |= EXCEPTIONS_KEPT;
    }
    memcpy((char *)vmcb + (what & 0xffff), &value, what >> 16);
    svm_changed(vcpu, answer.clean);
    return true;
}

bool svm_lab_field_read(struct vcpu *vcpu, uint64_t what, uint64_t *value)
{
    svm_lab_give_back(vcpu);
    *value = vcpu->lab->exceptions;
    return what == WHAT_EXCEPTIONS;
}

/* ---- The start --------------------------------------------------------------------------------------------- */

/* A lab has its debug registers from the start, so that DR intercepts are the guest's choice. */
bool svm_lab_init(struct vcpu *vcpu)
{
    hpa_t iopm = mm_page_alloc(&vcpu->vm->account, SVM_IOPM_ORDER);
    hpa_t msrpm = mm_page_alloc(&vcpu->vm->account, SVM_MSRPM_ORDER);

    vcpu->backend[SVM_VCPU_IOPM] = hpa_is_none(iopm) ? 0 : iopm.value;
    vcpu->backend[SVM_VCPU_MSRPM] = hpa_is_none(msrpm) ? 0 : msrpm.value;
    if (!vcpu->backend[SVM_VCPU_IOPM] || !vcpu->backend[SVM_VCPU_MSRPM]) {
        svm_lab_free(vcpu);
        return false;
    }
    svm_vmcb(vcpu)->control.iopm_base_pa = iopm.value;
    svm_vmcb(vcpu)->control.msrpm_base_pa = msrpm.value;
    vcpu->guest_context.eager = vcpu->guest_context.owns_debug = vcpu->guest_context.owns_msrs = true;
    svm_lab_reset(vcpu);
    return true;
}

void svm_lab_free(struct vcpu *vcpu)
{
    if (vcpu->backend[SVM_VCPU_IOPM])
        mm_page_free(&vcpu->vm->account, HPA(vcpu->backend[SVM_VCPU_IOPM]), SVM_IOPM_ORDER);
    if (vcpu->backend[SVM_VCPU_MSRPM])
        mm_page_free(&vcpu->vm->account, HPA(vcpu->backend[SVM_VCPU_MSRPM]), SVM_MSRPM_ORDER);
}

void svm_lab_reset(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    struct vmcb_control *control = &vmcb->control;

    svm_lab_give_back(vcpu);
    memset(map_of(vcpu, SVM_VCPU_IOPM), 0xff, PAGE_BYTES << SVM_IOPM_ORDER);
    memcpy(map_of(vcpu, SVM_VCPU_MSRPM), mm_direct(svm_machine.msrpm), PAGE_BYTES << SVM_MSRPM_ORDER);
    memcpy(control->intercept, svm_machine.intercept, sizeof control->intercept);
    control->intercept[INTERCEPT_DR] = 0;
    control->intercept[INTERCEPT_MISC1] &= ~(uint32_t)INTERCEPT_VINTR;
    vcpu->lab->exceptions = 0;
    control->v_intr = V_INTR_MASKING | V_IGN_TPR | V_INTR_PRIO;
    control->pause_filter_threshold = control->pause_filter_count = 0;
    control->tsc_offset = vcpu->tsc_offset = 0;
    control->lbr_control = 0;
    control->eventinj = 0;
    svm_changed(vcpu, CLEAN_ALL);
}
