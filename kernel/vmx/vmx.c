/* The VMX back end: whether it is there, how it is turned on, and its virt_ops. */
#include "kernel/vmx/lab.h"

#include "kernel/cpu/msr.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/vm/virt_ops.h"
#include "lib/x86.h"
#include "mm/account.h"
#include "mm/direct.h"

enum { FEATURE_CONTROL_LOCK = 1 << 0, FEATURE_CONTROL_VMX = 1 << 2 };

/* "Enabling and Entering VMX Operation": the firmware may have locked it off, or left it to us. */
static const char *check_feature_control(void)
{
    uint64_t value;

    if (!x86_rdmsr_safe(MSR_FEATURE_CONTROL, &value))
        return NULL; /* some emulators have VMX without this MSR */
    if ((value & FEATURE_CONTROL_LOCK) && !(value & FEATURE_CONTROL_VMX))
        return "VMX is offered but locked off by firmware (IA32_FEATURE_CONTROL)";
    return NULL;
}

static bool probe(const char **why)
{
    *why = NULL;
    if (!(x86_cpuid(1, 0).ecx >> 5 & 1))
        *why = "no VMX (CPUID.1:ECX.VMX is 0)";
    if (!*why)
        *why = check_feature_control();
    if (!*why && !(x86_rdmsr(IA32_VMX_PROCBASED_CTLS) >> 63))
        *why = "VMX without secondary controls, so without EPT: Nestor needs it";
    if (!*why && !vmx_controls.exit) /* once: what comes out holds for all CPUs, or these are left out */
        *why = vmx_control_negotiate();
    return !*why;
}

static const char *pcpu_enable(struct pcpu *pcpu)
{
    hpa_t region = mm_page_alloc(&mm_kernel_account, 0);
    uint64_t value, cr0_fixed = x86_rdmsr(IA32_VMX_CR0_FIXED0), cr4_fixed = x86_rdmsr(IA32_VMX_CR4_FIXED0);

    if (hpa_is_none(region))
        return "no memory for the VMXON region";
    if (x86_rdmsr_safe(MSR_FEATURE_CONTROL, &value) && !(value & FEATURE_CONTROL_LOCK))
        x86_wrmsr(MSR_FEATURE_CONTROL, value | FEATURE_CONTROL_VMX | FEATURE_CONTROL_LOCK);
    x86_write_cr0(x86_read_cr0() | cr0_fixed);
    x86_write_cr4(x86_read_cr4() | cr4_fixed | CR4_VMXE);
    *(uint32_t *)mm_direct(region) = vmx_controls.revision;
    if (!vmxon(region.value))
        return "VMXON failed";
    pcpu->backend[PCPU_VMXON_REGION] = region.value;
    invept(INVALIDATE_ALL_CONTEXTS, 0);
    return NULL;
}

static bool huge_1g(void) { return vmx_controls.ept_1g; }

static void add_cap(struct machine_info *info, uint32_t msr)
{
    uint64_t value;

    if (info->caps < MAX_CAPS && x86_rdmsr_safe(msr, &value))
        info->cap[info->caps++] = (struct machine_cap){msr, value};
}

static void capabilities(struct machine_info *info)
{
    add_cap(info, MSR_FEATURE_CONTROL);
    for (uint32_t msr = IA32_VMX_BASIC; msr <= IA32_VMX_LAST; msr++)
        add_cap(info, msr);
}

static _Noreturn void enter(struct vcpu *vcpu)
{
    vmx_resume(vcpu->page->gpr);
}

/* The exit entry puts HOST_RIP back. */
static _Noreturn void enter_bare(struct vcpu *vcpu)
{
    vmwrite(HOST_RIP, (uint64_t)vmx_bare_exit_entry);
    vmx_resume(vcpu->page->gpr);
}

const struct virt_ops vmx_ops = {
    .name = "VMX",
    .backend = BACKEND_VMX,
    .nested_format = &mm_format_ept,
    .probe = probe,
    .init = vmx_control_init,
    .pcpu_enable = pcpu_enable,
    .huge_1g = huge_1g,
    .capabilities = capabilities,
    .vcpu_init = vmx_vcpu_init,
    .vcpu_free = vmx_vcpu_free,
    .vcpu_load = vmx_vcpu_load,
    .vcpu_unload = vmx_vcpu_unload,
    .inject = vmx_inject,
    .slice = vmx_vcpu_slice,
    .flush = vmx_vcpu_flush,
    .enter = enter,
    .enter_bare = enter_bare,
    .run_behind = vmx_run_behind,
    .interrupts_on = vmx_interrupts_on,
    .skip = vmx_vcpu_skip,
    .exit_record = vmx_exit_record,
    .field_read = vmx_field_read,
    .field_write = vmx_field_write,
    .refused_read = vmx_refused_read,
    .lab_read = vmx_lab_read,
    .lab_write = vmx_lab_write,
    .lab_probe_write = vmx_lab_probe_write,
    .lab_reset = vmx_lab_reset,
    .inject_gp = vmx_inject_gp,
    .exit_name = vmx_exit_name,
    .exit_reason = vmx_exit_reason,
};
