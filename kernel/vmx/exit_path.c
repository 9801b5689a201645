/* From an exit to the guest, to another guest, or to the monitor: the way that exits.c's handlers are on. */
#include "kernel/vm/pass.h"
#include "kernel/vmx/exits.h"
#include "kernel/vmx/lab.h"
#include "lib/x86.h"

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

/* The groups that record_more is not for. */
enum { SHORT = EXIT_GROUP_LENGTH | EXIT_GROUP_QUALIFICATION };

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
    if (groups & ~(unsigned)SHORT)
        record_more(record, groups);
}

void vmx_exit_record(struct vcpu *vcpu, struct exit_record *record, unsigned groups) { read_record(vcpu, record, groups); }

/* Out of line, as is all that the fast path does not need: it has no registers to save for that. */
static _Noreturn __attribute__((noinline)) void finish(struct vcpu *vcpu, enum verdict verdict)
{
    const struct exit_row *row = &vmx_exit_table[vmx_exit_index(vcpu->exit_reason)];

    if (verdict == VERDICT_PASS)
        pass(vcpu);
    vcpu_exit_finish(vcpu, row, verdict);
}

enum verdict vmx_exit(struct vcpu *vcpu)
{
    uint64_t reason = vmread(EXIT_REASON);

    vcpu->exit_reason = reason;
    vcpu->rip = vmread(GUEST_RIP);
    return vcpu_exit_handle(vcpu, vmx_exit_index(reason), &vmx_exit_table[vmx_exit_index(reason)]);
}

/* Those that no handler has looked at, and of which little is to be told, go quickly. */
static _Noreturn __attribute__((noinline)) void to_monitor(struct vcpu *vcpu)
{
    const struct exit_row *row = &vmx_exit_table[vmx_exit_index(vcpu->exit_reason)];

    if (row->handler || row->groups & ~(unsigned)SHORT)
        finish(vcpu, VERDICT_MONITOR);
    read_record(vcpu, vcpu_exit_record(vcpu, row), row->groups & SHORT);
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
    row = &vmx_exit_table[vmx_exit_index(vcpu->exit_reason)];
    if (vcpu->lab->observed && vmx_lab_owns_exit(vcpu, vcpu->exit_reason))
        row = &lab_exit_row;
    verdict = vcpu_exit_handle(vcpu, vmx_exit_index(vcpu->exit_reason), row);
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
