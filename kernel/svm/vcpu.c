/* A vCPU of SVM: its VMCB, the way into the guest and back, and what an exit tells. */
#include "kernel/svm/lab.h"

#include "kernel/vm/exit.h"
#include "kernel/vm/pass.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

bool svm_vcpu_init(struct vcpu *vcpu)
{
    vcpu->control = mm_page_alloc(&vcpu->vm->account, 0);
    if (hpa_is_none(vcpu->control))
        return false;
    vcpu->backend[SVM_VCPU_VMCB] = (uint64_t)mm_direct(vcpu->control);
    svm_control_reset(vcpu);
    if (vcpu->lab && !svm_lab_init(vcpu)) {
        mm_page_free(&vcpu->vm->account, vcpu->control, 0);
        return false;
    }
    return true;
}

void svm_vcpu_free(struct vcpu *vcpu)
{
    svm_lab_free(vcpu);
    mm_page_free(&vcpu->vm->account, vcpu->control, 0);
}

static inline __attribute__((always_inline)) _Noreturn void enter(struct vcpu *vcpu)
{
    uint64_t *gpr = vcpu->page->gpr;

    svm_vmcb(vcpu)->save.rax = gpr[GPR_RAX];
    svm_entry(vcpu->control, gpr);
}

_Noreturn void svm_enter(struct vcpu *vcpu) { enter(vcpu); }

_Noreturn void svm_enter_bare(struct vcpu *vcpu)
{
    uint64_t *gpr = vcpu->page->gpr;

    svm_vmcb(vcpu)->save.rax = gpr[GPR_RAX];
    svm_entry_bare(vcpu->control, gpr);
}

/* Without next-RIP save, prefixes are not counted: a guest that writes them before such an instruction goes wrong. */
static inline __attribute__((always_inline)) uint32_t instruction_length(const struct vmcb *vmcb, unsigned length)
{
    if (length < svm_machine.length_special)
        return length;
    if (length == SVM_LENGTH_IO)
        return (uint32_t)(vmcb->control.exitinfo2 - vmcb->save.rip);
    if (svm_machine.features & SVM_NRIP_SAVE)
        return (uint32_t)(vmcb->control.next_rip - vmcb->save.rip);
    return 0;
}

/* Brings the VMCB back to what entries find if nobody changes it. After an entry that was refused it stays as it is:
 * the CPU may not have looked at all of it. */
static void refresh(struct vcpu *vcpu)
{
    svm_vmcb(vcpu)->control.clean = svm_machine.clean;
    svm_asid_flushed(vcpu);
    vcpu->backend[SVM_VCPU_INSTRUCTIONS] = SVM_CODES_LOW;
    if (svm_machine.virtual_interrupts)
        svm_inject_withdraw(vcpu);
}

/* Puts the guest's state of VMLOAD away for the host's, and lets in what ended the run: an NMI here, an interrupt in the
 * window of its handler. */
static inline __attribute__((always_inline)) void leave_guest(const struct vcpu *vcpu)
{
    __asm__ volatile("vmsave" : : "a"(vcpu->control.value) : "memory");
    __asm__ volatile("vmload\n"
                     "cli\n"
                     "stgi\n"
                     :
                     : "a"(pcpu_this()->backend[SVM_PCPU_HOST_VMCB])
                     : "memory");
}

enum { SIMPLE = EXIT_GROUP_QUALIFICATION | EXIT_GROUP_LENGTH };

static void record_bytes(const struct vmcb_control *control, struct exit_record *record)
{
    record->n_bytes = svm_machine.features & SVM_DECODE_ASSISTS ? control->n_bytes & 0xf : 0;
    memcpy(record->bytes, control->bytes, sizeof control->bytes);
}

/* Out of line: exits by an instruction have none of this. */
static __attribute__((noinline)) void record_more(const struct vmcb_control *control, struct exit_record *record,
                                                  unsigned groups)
{
    if (groups & EXIT_GROUP_ADDRESS)
        record->physical = control->exitinfo2;
    if (groups & EXIT_GROUP_VECTORING) {
        record->vectoring_info = (uint32_t)control->exitintinfo;
        record->vectoring_error = (uint32_t)(control->exitintinfo >> EVENT_ERROR_SHIFT);
    }
    if (groups & EXIT_GROUP_BYTES)
        record_bytes(control, record);
}

static inline __attribute__((always_inline)) void read_record(const struct vcpu *vcpu, struct exit_record *record,
                                                              unsigned groups)
{
    const struct vmcb_control *control = &svm_vmcb(vcpu)->control;

    record->qualification = control->exitinfo1;
    record->qualification2 = control->exitinfo2;
    record->instruction_length = vcpu->instruction_length;
    record->next_rip = svm_machine.features & SVM_NRIP_SAVE ? control->next_rip : 0;
    if (groups & ~(unsigned)SIMPLE)
        record_more(control, record, groups);
}

void svm_exit_record(struct vcpu *vcpu, struct exit_record *record, unsigned groups) { read_record(vcpu, record, groups); }

/* The exit that monitors get most goes quickly. It tells where the next instruction is. */
static _Noreturn __attribute__((noinline)) void exit_by_io(struct vcpu *vcpu)
{
    const struct exit_row *row = &svm_exit_table[VMEXIT_IOIO].row;

    leave_guest(vcpu);
    vcpu_exit_note(vcpu, VMEXIT_IOIO, TRACE_MONITOR);
    vcpu->instruction_length = (uint32_t)(svm_vmcb(vcpu)->control.exitinfo2 - vcpu->rip);
    read_record(vcpu, vcpu_exit_record(vcpu, row), SIMPLE);
    vcpu_exit_to_monitor(vcpu, true);
}

static _Noreturn void handle_and_finish(struct vcpu *vcpu, const struct svm_exit_row *row)
{
    vcpu->instruction_length = instruction_length(svm_vmcb(vcpu), row->length);
    vcpu_exit_finish(vcpu, &row->row, vcpu_exit_handle(vcpu, (size_t)(row - svm_exit_table), &row->row));
}

/* All of a lab's exits: SVM_VCPU_INSTRUCTIONS stays 0. Of a virtual interrupt that its guest intercepts, nobody but the
 * monitor can tell what is to come. */
static _Noreturn __attribute__((noinline)) void exit_of_lab(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    uint64_t exitcode = vcpu->exit_reason;
    const struct svm_exit_row *row = svm_exit_row(exitcode);
    bool monitors = svm_lab_owns_exit(vcpu, exitcode) && (vcpu->lab->observed || exitcode == VMEXIT_VINTR);
    enum verdict verdict;

    leave_guest(vcpu);
    vcpu->instruction_length = instruction_length(vmcb, row->length);
    if (!svm_is_invalid(exitcode)) {
        vmcb->control.clean = svm_machine.clean;
        svm_asid_flushed(vcpu);
        if (vmcb->control.exitintinfo & EVENT_VALID)
            svm_inject_again(vcpu);
    }
    svm_lab_leave_guest(vcpu);
    verdict = vcpu_exit_handle(vcpu, (size_t)(row - svm_exit_table), monitors ? &lab_exit_row : &row->row);
    vcpu_exit_finish(vcpu, verdict == VERDICT_MONITOR ? &lab_exit_row : &row->row, verdict);
}

static _Noreturn void exit_by_event(struct vcpu *vcpu)
{
    const struct vmcb *vmcb = svm_vmcb(vcpu);
    uint64_t exitcode = vcpu->exit_reason;

    if (vcpu->lab)
        exit_of_lab(vcpu);
    leave_guest(vcpu);
    if (!svm_is_invalid(exitcode)) {
        refresh(vcpu);
        if (vmcb->control.exitintinfo & EVENT_VALID)
            svm_inject_again(vcpu);
    }
    handle_and_finish(vcpu, svm_exit_row(exitcode));
}

static _Noreturn __attribute__((noinline)) void exit_slowly(struct vcpu *vcpu)
{
    uint64_t exitcode = vcpu->exit_reason;

    if (exitcode >= vcpu->backend[SVM_VCPU_INSTRUCTIONS] || svm_exit_table[exitcode].length == 0)
        exit_by_event(vcpu);
    leave_guest(vcpu);
    handle_and_finish(vcpu, &svm_exit_table[exitcode]);
}

/* A nested page fault needs the host's state as little as an instruction with a direct handler does, if it did not cut the
 * delivery of an event short. */
static __attribute__((noinline)) enum verdict exit_indirectly(struct vcpu *vcpu)
{
    if (vcpu->exit_reason == VMEXIT_IOIO && vcpu->backend[SVM_VCPU_INSTRUCTIONS] != 0)
        exit_by_io(vcpu);
    if (vcpu->exit_reason != VMEXIT_NPF || vcpu->backend[SVM_VCPU_INSTRUCTIONS] == 0 ||
        svm_vmcb(vcpu)->control.exitintinfo & EVENT_VALID)
        exit_slowly(vcpu);
    vcpu_exit_note(vcpu, SVM_ROW_NPF, TRACE_EXIT);
    return svm_exit_table[SVM_ROW_NPF].row.handler(vcpu);
}

/* Behind an instruction whose length is fixed. */
static inline uint64_t next_rip(const struct vcpu *vcpu, const struct vmcb *vmcb, const struct svm_exit_row *row)
{
    return svm_machine.features & SVM_NRIP_SAVE ? vmcb->control.next_rip : vcpu->rip + row->length;
}

/* Goes on with another vCPU, that has nothing pending either. GIF stays 0, and the host's state of VMLOAD is only needed
 * for context_load. */
static _Noreturn __attribute__((noinline)) void pass_directly(struct vcpu *from, const struct svm_exit_row *row)
{
    struct pcpu *pcpu = pcpu_this();
    struct vcpu *to = pass_enter(pcpu);
    struct vmcb *vmcb = svm_vmcb(from);
    uint64_t *gpr = to->page->gpr;

    __asm__ volatile("vmsave" : : "a"(from->control.value) : "memory");
    vmcb->save.rip = next_rip(from, vmcb, row);
    vmcb->control.interrupt_shadow = 0;
    if (!context_pass(pcpu, &from->guest_context, &to->guest_context)) {
        __asm__ volatile("vmload" : : "a"(pcpu->backend[SVM_PCPU_HOST_VMCB]) : "memory");
        context_load(&to->guest_context);
    }
    if (!svm_asid_is_loaded(pcpu, to))
        svm_asid_load(to);
    svm_vmcb(to)->save.rax = gpr[GPR_RAX];
    svm_load(to->control, gpr);
}

static _Noreturn __attribute__((noinline)) void finish_directly(struct vcpu *vcpu, enum verdict verdict)
{
    const struct svm_exit_row *row = svm_exit_row(vcpu->exit_reason);

    if (verdict == VERDICT_PASS)
        pass_directly(vcpu, row);
    leave_guest(vcpu);
    vcpu->instruction_length = instruction_length(svm_vmcb(vcpu), row->length);
    vcpu_exit_finish(vcpu, &row->row, verdict);
}

/* The slow way is out of line, so that the fast one saves no registers. */
enum verdict svm_exit(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    uint64_t exitcode = vmcb->control.exitcode;

    vcpu->page->gpr[GPR_RAX] = vmcb->save.rax;
    vcpu->rip = vmcb->save.rip;
    vcpu->exit_reason = exitcode;
    if (exitcode >= vcpu->backend[SVM_VCPU_INSTRUCTIONS] || !svm_exit_table[exitcode].direct)
        return exit_indirectly(vcpu);
    vcpu_exit_note(vcpu, exitcode, TRACE_EXIT);
    return svm_exit_table[exitcode].row.handler(vcpu);
}

uint64_t svm_exit_end(struct vcpu *vcpu, enum verdict verdict)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    if (vcpu_exit_is_done(vcpu, verdict)) {
        vmcb->save.rip = next_rip(vcpu, vmcb, &svm_exit_table[vcpu->exit_reason]);
        vmcb->save.rax = vcpu->page->gpr[GPR_RAX];
        vmcb->control.interrupt_shadow = 0;
    } else if (verdict != VERDICT_AGAIN || vcpu->attention != 0) {
        finish_directly(vcpu, verdict);
    }
    return vcpu->control.value;
}

void svm_skip(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vmcb->save.rip += vcpu->instruction_length;
    vmcb->control.interrupt_shadow = 0;
}

_Noreturn void svm_run_behind(struct vcpu *vcpu)
{
    svm_skip(vcpu);
    enter(vcpu);
}
