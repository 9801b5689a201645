/* The exit dispatch table: one row per basic exit reason, in the manual's order and words. */
#include "kernel/vm/exit.h"
#include "kernel/vm/pass.h"
#include "kernel/vmx/lab.h"
#include "lib/x86.h"

enum { REASONS = 70 };
#define REASON_ENTRY_FAILURE (1u << 31)

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
    const uint64_t once = PRIMARY_NMI_WINDOW | PRIMARY_MONITOR_TRAP_FLAG;

    vcpu->backend[VCPU_PRIMARY] &= ~once;
    vmwrite(PRIMARY_CONTROLS, vmread(PRIMARY_CONTROLS) & ~once);
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
    vcpu->backend[VCPU_PRIMARY] &= ~(uint64_t)PRIMARY_MOV_DR;
    vmwrite(PRIMARY_CONTROLS, vmread(PRIMARY_CONTROLS) & ~(uint64_t)PRIMARY_MOV_DR);
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

static const struct exit_row rows[REASONS + 1] = {
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
    [REASONS] = {"unknown exit reason", NULL, EXIT_GROUP_ALL},
};

_Static_assert((int)REASONS < EXIT_COUNTERS, "each row has its counter");

/* Of a row, and of the exits' counter. */
static unsigned find_index(uint64_t reason)
{
    uint16_t basic = (uint16_t)reason;

    return basic < REASONS ? basic : REASONS;
}

uint64_t vmx_exit_reason(unsigned index) { return index; }

const char *vmx_exit_name(uint64_t reason)
{
    return rows[find_index(reason)].name;
}

/*
 * Behind the instruction that exited. Blocking by STI or MOV SS ends with that instruction, but is not taken out of the
 * VMCS here, to save a VMREAD: the CPU ends it one instruction later. For a guest that has nothing pending that makes no
 * difference but one: what becomes pending in that very moment may be delivered an instruction later than it might have
 * been, as if it had come an instruction later; a single step over MOV SS and CPUID stops one instruction late.
 * Where something is pending, vmx_vcpu_skip is the way, and tells the guest's state to the bit.
 */
static void skip_simply(struct vcpu *vcpu) { vmwrite(GUEST_RIP, vcpu->rip + vmread(EXIT_INSTRUCTION_LENGTH)); }

/* Goes on with another vCPU, that has nothing pending either. SWAPGS may have changed KERNEL_GS_BASE without an exit. */
static _Noreturn __attribute__((noinline)) void pass(struct vcpu *from)
{
    struct pcpu *pcpu = pcpu_this();
    struct vcpu *to = pass_enter(pcpu);

    skip_simply(from);
    if (x86_rdmsr(MSR_KERNEL_GS_BASE) != 0 ||
        !context_pass(pcpu, &from->guest_context, &to->guest_context))
        context_load(&to->guest_context);
    vmptrld(to->control.value);
    vmx_vcpu_slice(to, pcpu->tick_deadline);
    vmx_resume(to->page->gpr);
}

/* Out of line: most exits have none of this. */
static __attribute__((noinline)) void record_more(struct exit_record *record, unsigned groups)
{
    if (groups & EXIT_GROUP_INFO)
        record->instruction_info = (uint32_t)vmread(EXIT_INSTRUCTION_INFO);
    if (groups & EXIT_GROUP_ADDRESS) {
        record->linear = vmread(GUEST_LINEAR_ADDRESS);
        record->physical = vmread(GUEST_PHYSICAL_ADDRESS);
    }
    if (groups & EXIT_GROUP_EVENT) {
        record->interruption_info = (uint32_t)vmread(EXIT_INTERRUPTION_INFO);
        record->interruption_error = (uint32_t)vmread(EXIT_INTERRUPTION_ERROR_CODE);
    }
    if (groups & EXIT_GROUP_VECTORING) {
        record->vectoring_info = (uint32_t)vmread(IDT_VECTORING_INFO);
        record->vectoring_error = (uint32_t)vmread(IDT_VECTORING_ERROR_CODE);
    }
}

static inline __attribute__((always_inline)) void read_record(struct vcpu *vcpu, struct exit_record *record, unsigned groups)
{
    uint64_t length = __builtin_expect(groups & EXIT_GROUP_LENGTH, EXIT_GROUP_LENGTH) ? vmread(EXIT_INSTRUCTION_LENGTH) : 0;

    vcpu->instruction_length = (uint32_t)length;
    record->instruction_length = (uint32_t)length;
    record->next_rip = vcpu->rip + length;
    if (__builtin_expect(groups & EXIT_GROUP_QUALIFICATION, EXIT_GROUP_QUALIFICATION))
        record->qualification = vmread(EXIT_QUALIFICATION);
    if (groups & ~(unsigned)(EXIT_GROUP_LENGTH | EXIT_GROUP_QUALIFICATION))
        record_more(record, groups);
}

void vmx_exit_record(struct vcpu *vcpu, struct exit_record *record, unsigned groups) { read_record(vcpu, record, groups); }

/* Out of line, as is all that the fast path does not need: it has no registers to save for that. */
static _Noreturn __attribute__((noinline)) void finish(struct vcpu *vcpu, enum verdict verdict)
{
    const struct exit_row *row = &rows[find_index(vcpu->exit_reason)];

    if (verdict == VERDICT_PASS)
        pass(vcpu);
    vcpu_exit_finish(vcpu, row, verdict);
}

enum verdict vmx_exit(struct vcpu *vcpu)
{
    uint64_t reason = vmread(EXIT_REASON);

    vcpu->exit_reason = reason;
    vcpu->rip = vmread(GUEST_RIP);
    return vcpu_exit_handle(vcpu, find_index(reason), &rows[find_index(reason)]);
}

/* Those that no handler has looked at, and of which little is to be told, go quickly. */
static _Noreturn __attribute__((noinline)) void to_monitor(struct vcpu *vcpu)
{
    const struct exit_row *row = &rows[find_index(vcpu->exit_reason)];

    if (row->handler || row->groups & ~(unsigned)QUALIFIED)
        finish(vcpu, VERDICT_MONITOR);
    read_record(vcpu, vcpu_exit_record(vcpu, row), row->groups & QUALIFIED);
    vcpu_exit_to_monitor(vcpu, true);
}

void vmx_exit_end(struct vcpu *vcpu, enum verdict verdict)
{
    if (vcpu_exit_is_done(vcpu, verdict))
        skip_simply(vcpu);
    else if (verdict == VERDICT_MONITOR)
        to_monitor(vcpu);
    else if (verdict != VERDICT_AGAIN || vcpu->attention != 0)
        finish(vcpu, verdict);
}

/* Never on the short way: what the guest does between two exits of a lab has to be taken in, and put back. */
_Noreturn void vmx_lab_exit(struct vcpu *vcpu)
{
    const struct exit_row *row;
    enum verdict verdict;

    vmx_lab_leave_guest(vcpu);
    vcpu->exit_reason = vmread(EXIT_REASON);
    vcpu->rip = vmread(GUEST_RIP);
    row = &rows[find_index(vcpu->exit_reason)];
    if (vcpu->lab->observed && vmx_lab_owns_exit(vcpu, vcpu->exit_reason))
        row = &lab_exit_row;
    verdict = vcpu_exit_handle(vcpu, find_index(vcpu->exit_reason), row);
    if (verdict == VERDICT_MONITOR)
        vmx_lab_show_exit(vcpu);
    vcpu_exit_finish(vcpu, verdict == VERDICT_MONITOR ? &lab_exit_row : row, verdict);
}

/*
 * VMRESUME or VMLAUNCH fell through: VMfail. Called from entry.asm on the pCPU's stack. That is how it is found out that
 * a VMCS wants to be launched, once after each VMCLEAR.
 */
_Noreturn void vmx_entry_failed(void);

_Noreturn void vmx_entry_failed(void)
{
    enum { RESUME_OF_CLEAR_VMCS = 5 }; /* "VM-Instruction Error Numbers" */
    struct vcpu *vcpu = pcpu_this()->vcpu_loaded;
    uint64_t error = vmread(INSTRUCTION_ERROR);

    if (error == RESUME_OF_CLEAR_VMCS)
        vmx_launch(vcpu->page->gpr);
    vcpu_entry_failed(vcpu, error);
}
