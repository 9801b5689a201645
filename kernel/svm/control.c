/* Controls: what is intercepted (wanted, possible, result), the permission maps, and the state of a VMCB at reset. */
#include "kernel/svm/svm.h"

#include "kernel/vm/vm.h"
#include "lib/hypervisor.h"
#include "lib/string.h"
#include "lib/x86.h"

struct svm_machine svm_machine;

/*
 * #AC and #DB are given back to the guest, but an endless series of either, inside the processor, would let no
 * interrupt through. DR0 to DR3 are not switched. PAUSE is not slowed down: a timeslice ends all the same.
 */
static const uint32_t wanted[INTERCEPT_WORDS] = {
    [INTERCEPT_DR] = 0xffffffff,
    [INTERCEPT_EXCEPTION] = 1u << VECTOR_DB | 1u << SVM_VECTOR_AC | 1u << VECTOR_MC,
    [INTERCEPT_MISC1] = INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_INIT | INTERCEPT_VINTR |
                        INTERCEPT_RDPMC | INTERCEPT_CPUID | INTERCEPT_RSM | INTERCEPT_INVD | INTERCEPT_HLT |
                        INTERCEPT_INVLPGA | INTERCEPT_IOIO | INTERCEPT_MSR | INTERCEPT_FERR_FREEZE | INTERCEPT_SHUTDOWN,
    [INTERCEPT_MISC2] = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD | INTERCEPT_VMSAVE | INTERCEPT_STGI |
                        INTERCEPT_CLGI | INTERCEPT_SKINIT | INTERCEPT_WBINVD | INTERCEPT_MONITOR | INTERCEPT_MWAIT |
                        INTERCEPT_MWAIT_ARMED | INTERCEPT_XSETBV | INTERCEPT_RDPRU,
};

/*
 * What VMLOAD and VMSAVE switch. PAT is not among them, though VMRUN switches it: QEMU's emulation and KVM under Nestor
 * don't, so it is handled as an exit.
 */
static const uint32_t passed_msrs[] = {
    MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_STAR,    MSR_LSTAR,
    MSR_CSTAR,       MSR_SFMASK,       MSR_FS_BASE,      MSR_GS_BASE, MSR_KERNEL_GS_BASE,
};

/* The intercepts that came after the first SVM and have a CPUID bit. The others every CPU with SVM has. */
static void remove_impossible(uint32_t *intercept)
{
    bool extended = x86_cpuid(0x80000000, 0).eax >= 0x80000008;

    if (!(x86_cpuid(1, 0).ecx & 1u << 26)) /* XSAVE */
        intercept[INTERCEPT_MISC2] &= ~(uint32_t)INTERCEPT_XSETBV;
    if (!extended || !(x86_cpuid(0x80000008, 0).ebx & 1u << 4)) /* RDPRU */
        intercept[INTERCEPT_MISC2] &= ~(uint32_t)INTERCEPT_RDPRU;
}

static void pass_msr(uint8_t *msrpm, uint32_t msr)
{
    unsigned bit;

    if (svm_msrpm_bit(msr, &bit))
        msrpm[bit / 8] &= (uint8_t) ~(3u << bit % 8);
}

static bool make_maps(void)
{
    svm_machine.iopm = mm_page_alloc(&mm_kernel_account, SVM_IOPM_ORDER);
    svm_machine.msrpm = mm_page_alloc(&mm_kernel_account, SVM_MSRPM_ORDER);
    if (hpa_is_none(svm_machine.iopm) || hpa_is_none(svm_machine.msrpm))
        return false;
    memset(mm_direct(svm_machine.iopm), 0xff, PAGE_BYTES << SVM_IOPM_ORDER);
    memset(mm_direct(svm_machine.msrpm), 0xff, PAGE_BYTES << SVM_MSRPM_ORDER);
    for (unsigned i = 0; i < sizeof passed_msrs / sizeof *passed_msrs; i++)
        pass_msr(mm_direct(svm_machine.msrpm), passed_msrs[i]);
    return true;
}

const char *svm_control_init(void)
{
    struct cpuid_result svm = x86_cpuid(CPUID_SVM, 0);

    if (svm.ebx < 2)
        return "SVM without an ASID for guests (CPUID 8000000AH EBX)";
    svm_machine.features = svm.edx;
    svm_machine.asids = svm.ebx;
    svm_machine.virtual_interrupts = hypervisor_is(HYPERVISOR_TCG);
    svm_machine.length_special = svm.edx & SVM_NRIP_SAVE ? 1 : SVM_LENGTH_IO;
    svm_machine.clean = svm.edx & SVM_VMCB_CLEAN ? CLEAN_ALL : 0;
    memcpy(svm_machine.intercept, wanted, sizeof wanted);
    remove_impossible(svm_machine.intercept);
    if (svm_machine.virtual_interrupts)
        svm_machine.intercept[INTERCEPT_MISC1] &= ~(uint32_t)INTERCEPT_VINTR;
    return make_maps() ? NULL : "no memory for the permission maps of SVM";
}

static void reset_controls(const struct vcpu *vcpu, struct vmcb_control *control)
{
    memcpy(control->intercept, svm_machine.intercept, sizeof control->intercept);
    control->iopm_base_pa = svm_machine.iopm.value;
    control->msrpm_base_pa = svm_machine.msrpm.value;
    control->v_intr = V_INTR_MASKING | V_IGN_TPR | V_INTR_PRIO;
    control->nested_control = NESTED_NP_ENABLE;
    control->nested_cr3 = vcpu->vm->memory.root.value;
}

/* "Initial Processor State", but for EFER.SVME, which VMRUN demands. */
static void reset_state(struct vmcb_save *save)
{
    const struct vmcb_segment data = {.attributes = 0x93, .limit = 0xffff};

    save->es = save->ss = save->ds = save->fs = save->gs = data;
    save->cs = (struct vmcb_segment){0xf000, 0x9b, 0xffff, 0xffff0000};
    save->gdtr.limit = save->idtr.limit = 0xffff;
    save->ldtr = (struct vmcb_segment){0, 0x82, 0xffff, 0};
    save->tr = (struct vmcb_segment){0, 0x83, 0xffff, 0};
    save->efer = EFER_SVME;
    save->cr0 = CR0_CD | CR0_NW | CR0_ET;
    save->dr6 = 0xffff0ff0;
    save->dr7 = 0x400;
    save->rflags = RFLAGS_FIXED;
    save->rip = 0xfff0;
    save->g_pat = 0x0007040600070406;
}

void svm_control_reset(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    reset_controls(vcpu, &vmcb->control);
    reset_state(&vmcb->save);
}
