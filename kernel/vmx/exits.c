/* The exit dispatch table: one row per basic exit reason, in the manual's order and words. */
#include "kernel/vmx/exits.h"
#include "kernel/vmx/lab.h"
#include "kernel/vmx/vmx.h"

/* Groups by kind of exit. */
enum {
    INSTRUCTION = EXIT_GROUP_LENGTH,
    QUALIFIED = EXIT_GROUP_LENGTH | EXIT_GROUP_QUALIFICATION,
    OPERAND = EXIT_GROUP_LENGTH | EXIT_GROUP_QUALIFICATION | EXIT_GROUP_INFO,
    EVENT = EXIT_GROUP_QUALIFICATION | EXIT_GROUP_EVENT | EXIT_GROUP_VECTORING | EXIT_GROUP_LENGTH,
    MEMORY = EXIT_GROUP_QUALIFICATION | EXIT_GROUP_ADDRESS | EXIT_GROUP_VECTORING | EXIT_GROUP_LENGTH,
    FAILURE = EXIT_GROUP_QUALIFICATION,
};

/*
 * An NMI was for this pCPU, not for the guest. #DB and #AC go back to the guest: they exit only because a series of
 * either, without end inside the processor, would let no interrupt through.
 */
static enum verdict exception_or_nmi(struct vcpu *vcpu)
{
    uint32_t info = (uint32_t)vmread(EXIT_INTERRUPTION_INFO);

    if ((info >> INTERRUPTION_TYPE_SHIFT & 7) == TYPE_NMI)
        __asm__ volatile("int $2");
    else if ((uint8_t)info == VECTOR_MC)
        __asm__ volatile("int $18");
    else if ((uint8_t)info == VECTOR_DB)
        vmx_inject_debug(vcpu, info);
    else
        vmx_inject_exception(vcpu, info, (uint32_t)vmread(EXIT_INTERRUPTION_ERROR_CODE));
    return VERDICT_RESUME;
}

/* What waited for it is injected on the way back: ATTENTION_EVENT is set as long as something waits. */
static enum verdict interrupt_window(struct vcpu *vcpu)
{
    (void)vcpu;
    return VERDICT_RESUME;
}

/* Controls that only a lab sets, and that exit at each entry: when it observes no more, they have done what they were for. */
static enum verdict drop_control(struct vcpu *vcpu)
{
    const uint64_t once = PROC_NMI_WINDOW | PROC_MONITOR_TRAP_FLAG;

    vcpu->backend[VCPU_PRIMARY] &= ~once;
    vmwrite(PROC_CONTROLS, vmread(PROC_CONTROLS) & ~once);
    return VERDICT_RESUME;
}

static enum verdict halt(struct vcpu *vcpu) { return vcpu_handle_halt(vcpu, vmread(GUEST_RFLAGS) & RFLAGS_IF); }

/* The CPL is SS.DPL. */
static enum verdict vmcall(struct vcpu *vcpu)
{
    return vmread(GUEST_SS_ACCESS_RIGHTS) & 3 << 5 ? vcpu_refuse_hypercall(vcpu) : vcpu_handle_hypercall(vcpu);
}

/* The first access to a debug register: the guest gets them for good, and the instruction is tried again. */
static enum verdict mov_dr(struct vcpu *vcpu)
{
    context_own_debug(&vcpu->guest_context);
    vcpu->backend[VCPU_PRIMARY] &= ~(uint64_t)PROC_MOV_DR;
    vmwrite(PROC_CONTROLS, vmread(PROC_CONTROLS) & ~(uint64_t)PROC_MOV_DR);
    return VERDICT_RESUME;
}

static enum verdict task_switch(struct vcpu *vcpu)
{
    vmx_inject_keep(vcpu);
    return VERDICT_MONITOR;
}

static __attribute__((noinline)) enum verdict ept_violation_in_delivery(struct vcpu *vcpu)
{
    vmx_inject_keep(vcpu);
    return vcpu_handle_nested_fault(vcpu, GPA(vmread(GUEST_PHYSICAL_ADDRESS)));
}

static enum verdict ept_violation(struct vcpu *vcpu)
{
    if (vmread(IDT_VECTORING_INFO) & INTERRUPTION_VALID)
        return ept_violation_in_delivery(vcpu);
    return vcpu_handle_nested_fault(vcpu, GPA(vmread(GUEST_PHYSICAL_ADDRESS)));
}

const struct exit_row vmx_exit_table[VMX_EXIT_REASONS + 1] = {
    [0] = {"exception or NMI", exception_or_nmi, EVENT},
    [1] = {"external interrupt", vcpu_handle_interrupt, 0},
    [2] = {"triple fault", NULL, 0},
    [3] = {"INIT signal", NULL, 0},
    [4] = {"start-up IPI", NULL, EXIT_GROUP_QUALIFICATION},
    [5] = {"I/O SMI", NULL, EXIT_GROUP_ALL},
    [6] = {"other SMI", NULL, EXIT_GROUP_ALL},
    [7] = {"interrupt window", interrupt_window, 0},
    [8] = {"NMI window", drop_control, 0},
    [9] = {"task switch", task_switch, EVENT},
    [10] = {"CPUID", vcpu_handle_cpuid, INSTRUCTION},
    [11] = {"GETSEC", NULL, INSTRUCTION},
    [12] = {"HLT", halt, INSTRUCTION},
    [13] = {"INVD", NULL, INSTRUCTION},
    [14] = {"INVLPG", NULL, QUALIFIED},
    [15] = {"RDPMC", NULL, INSTRUCTION},
    [16] = {"RDTSC", NULL, INSTRUCTION},
    [17] = {"RSM", NULL, INSTRUCTION},
    [18] = {"VMCALL", vmcall, INSTRUCTION},
    [19] = {"VMCLEAR", NULL, OPERAND},
    [20] = {"VMLAUNCH", NULL, INSTRUCTION},
    [21] = {"VMPTRLD", NULL, OPERAND},
    [22] = {"VMPTRST", NULL, OPERAND},
    [23] = {"VMREAD", NULL, OPERAND},
    [24] = {"VMRESUME", NULL, INSTRUCTION},
    [25] = {"VMWRITE", NULL, OPERAND},
    [26] = {"VMXOFF", NULL, INSTRUCTION},
    [27] = {"VMXON", NULL, OPERAND},
    [28] = {"control-register access", NULL, QUALIFIED},
    [29] = {"MOV DR", mov_dr, QUALIFIED},
    [30] = {"I/O instruction", NULL, QUALIFIED},
    [31] = {"RDMSR", vcpu_handle_msr_read, INSTRUCTION},
    [32] = {"WRMSR", vcpu_handle_msr_write, INSTRUCTION},
    [33] = {"VM-entry failure: invalid guest state", NULL, FAILURE},
    [34] = {"VM-entry failure: MSR loading", NULL, FAILURE},
    [35] = {"reserved", NULL, EXIT_GROUP_ALL},
    [36] = {"MWAIT", NULL, QUALIFIED},
    [37] = {"monitor trap flag", drop_control, 0},
    [38] = {"reserved", NULL, EXIT_GROUP_ALL},
    [39] = {"MONITOR", NULL, INSTRUCTION},
    [40] = {"PAUSE", NULL, INSTRUCTION},
    [41] = {"VM-entry failure: machine check", NULL, FAILURE},
    [42] = {"reserved", NULL, EXIT_GROUP_ALL},
    [43] = {"TPR below threshold", NULL, 0},
    [44] = {"APIC access", NULL, EVENT},
    [45] = {"virtualized EOI", NULL, EXIT_GROUP_QUALIFICATION},
    [46] = {"access to GDTR or IDTR", NULL, OPERAND},
    [47] = {"access to LDTR or TR", NULL, OPERAND},
    [48] = {"EPT violation", ept_violation, MEMORY},
    [49] = {"EPT misconfiguration", NULL, MEMORY},
    [50] = {"INVEPT", NULL, OPERAND},
    [51] = {"RDTSCP", NULL, INSTRUCTION},
    [52] = {"preemption timer expired", vcpu_handle_tick, 0},
    [53] = {"INVVPID", NULL, OPERAND},
    [54] = {"WBINVD or WBNOINVD", NULL, INSTRUCTION},
    [55] = {"XSETBV", NULL, INSTRUCTION},
    [56] = {"APIC write", NULL, EXIT_GROUP_QUALIFICATION},
    [57] = {"RDRAND", NULL, OPERAND},
    [58] = {"INVPCID", NULL, OPERAND},
    [59] = {"VMFUNC", NULL, INSTRUCTION},
    [60] = {"ENCLS", NULL, INSTRUCTION},
    [61] = {"RDSEED", NULL, OPERAND},
    [62] = {"page-modification log full", NULL, EXIT_GROUP_QUALIFICATION},
    [63] = {"XSAVES", NULL, OPERAND},
    [64] = {"XRSTORS", NULL, OPERAND},
    [65] = {"reserved", NULL, EXIT_GROUP_ALL},
    [66] = {"SPP-related event", NULL, MEMORY},
    [67] = {"UMWAIT", NULL, INSTRUCTION},
    [68] = {"TPAUSE", NULL, INSTRUCTION},
    [69] = {"reserved", NULL, EXIT_GROUP_ALL},
    [VMX_EXIT_REASONS] = {"unknown exit reason", NULL, EXIT_GROUP_ALL},
};

_Static_assert((int)VMX_EXIT_REASONS < EXIT_COUNTERS, "each row has its counter");

uint64_t vmx_exit_reason(unsigned index) { return index; }

const char *vmx_exit_name(uint64_t reason) { return vmx_exit_table[vmx_exit_index(reason)].name; }
