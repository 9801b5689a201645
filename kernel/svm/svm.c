/* The SVM back end: "Secure Virtual Machine" in AMD's volume 2, behind the table that the rest of the kernel knows. */
#include "kernel/svm/lab.h"

#include "kernel/cpu/msr.h"
#include "kernel/vm/virt_ops.h"
#include "lib/x86.h"

/* ---- What there is ---- */

static bool cpuid_has_svm(void)
{
    return x86_cpuid(0x80000000, 0).eax >= CPUID_SVM && (x86_cpuid(0x80000001, 0).ecx & 1u << 2);
}

/* "Enabling SVM". SVMDIS without the lock is ours to clear, see svm_pcpu_enable. */
static bool svm_probe(const char **why)
{
    uint64_t vm_cr;

    if (!cpuid_has_svm()) {
        *why = "no SVM";
        return false;
    }
    x86_rdmsr_safe(MSR_VM_CR, &vm_cr);
    if ((vm_cr & VM_CR_SVMDIS) && (vm_cr & VM_CR_LOCK)) {
        *why = "SVM is offered but locked off by firmware (VM_CR.SVMDIS)";
        return false;
    }
    if (!(x86_cpuid(CPUID_SVM, 0).edx & SVM_NESTED_PAGING)) {
        *why = "SVM without nested paging: Nestor needs it";
        return false;
    }
    return true;
}

static bool svm_huge_1g(void) { return x86_cpuid(0x80000001, 0).edx & 1u << 26; }

static void add_cap(struct machine_info *info, uint64_t index, uint64_t value)
{
    if (info->caps < MAX_CAPS)
        info->cap[info->caps++] = (struct machine_cap){index, value};
}

static void svm_capabilities(struct machine_info *info)
{
    struct cpuid_result svm = x86_cpuid(CPUID_SVM, 0);
    uint64_t vm_cr;

    if (x86_rdmsr_safe(MSR_VM_CR, &vm_cr))
        add_cap(info, MSR_VM_CR, vm_cr);
    add_cap(info, CAP_CPUID | 0ull << 32 | CPUID_SVM, svm.eax);
    add_cap(info, CAP_CPUID | 1ull << 32 | CPUID_SVM, svm.ebx);
    add_cap(info, CAP_CPUID | 2ull << 32 | 0x80000001, x86_cpuid(0x80000001, 0).ecx);
    add_cap(info, CAP_CPUID | 2ull << 32 | CPUID_SVM, svm.ecx);
    add_cap(info, CAP_CPUID | 3ull << 32 | CPUID_SVM, svm.edx);
}

/* ---- Turning it on ---- */

static const char *svm_init(void)
{
    svm_fields_init();
    return svm_control_init();
}

/* VMSAVE's part of the host's state stays as it is after pcpu_init, so it is saved once. */
static const char *svm_pcpu_enable(struct pcpu *pcpu)
{
    hpa_t host_vmcb = mm_page_alloc(&mm_kernel_account, 0), save_area = mm_page_alloc(&mm_kernel_account, 0);
    uint64_t vm_cr;

    if (hpa_is_none(host_vmcb) || hpa_is_none(save_area))
        return "no memory for the host's state of SVM";
    if (x86_rdmsr_safe(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS) &&
        !x86_wrmsr_safe(MSR_VM_CR, vm_cr & ~VM_CR_SVMDIS))
        return "SVM is disabled, and can't be enabled (VM_CR.SVMDIS)";
    if (!x86_wrmsr_safe(MSR_EFER, x86_rdmsr(MSR_EFER) | EFER_SVME))
        return "EFER.SVME can't be set";
    x86_wrmsr(MSR_VM_HSAVE_PA, save_area.value);
    __asm__ volatile("vmsave" : : "a"(host_vmcb.value) : "memory");
    pcpu->backend[SVM_PCPU_HOST_VMCB] = host_vmcb.value;
    return NULL;
}

/* ---- What SVM has no use for ---- */

/* Nothing of a VMCB is kept in the CPU that the clean bits and the ASID don't take care of. */
static void svm_vcpu_unload(struct vcpu *vcpu) { (void)vcpu; }

/* The tick comes from the LAPIC. */
static void svm_slice(struct vcpu *vcpu, uint64_t deadline)
{
    (void)vcpu;
    (void)deadline;
}

/* ---- The table ---- */

static const char *svm_exit_name(uint64_t reason) { return svm_exit_row(reason)->row.name; }

const struct virt_ops svm_ops = {
    .name = "SVM",
    .backend = BACKEND_SVM,
    .nested_format = &mm_format_npt,
    .probe = svm_probe,
    .init = svm_init,
    .pcpu_enable = svm_pcpu_enable,
    .huge_1g = svm_huge_1g,
    .capabilities = svm_capabilities,
    .vcpu_init = svm_vcpu_init,
    .vcpu_free = svm_vcpu_free,
    .vcpu_load = svm_asid_load,
    .vcpu_unload = svm_vcpu_unload,
    .inject = svm_inject,
    .slice = svm_slice,
    .flush = svm_asid_flush,
    .enter = svm_enter,
    .enter_bare = svm_enter_bare,
    .run_behind = svm_run_behind,
    .interrupts_on = svm_interrupts_on,
    .skip = svm_skip,
    .exit_record = svm_exit_record,
    .field_read = svm_field_read,
    .field_write = svm_field_write,
    .refused_read = svm_refused_read,
    .lab_read = svm_lab_read,
    .lab_write = svm_lab_write,
    .lab_probe_write = svm_lab_probe_write,
    .lab_reset = svm_lab_reset,
    .inject_gp = svm_inject_gp,
    .exit_name = svm_exit_name,
    .exit_reason = svm_exit_reason,
};
