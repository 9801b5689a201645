/* The lab: whose an exit is, and what it leaves to the host; the virtual interrupt, which the kernel borrows. */
#include "kernel/svm/lab.h"
#include "kernel/vm/vm.h"
#include "lib/x86.h"

/* Use of lab.backend. */
enum { LAB_BORROWED, LAB_V_INTR, LAB_VINTR }; /* whether V_IRQ is; then v_intr and the intercept as the guest has them */

/* ---- The virtual interrupt --------------------------------------------------------------------------------- */

static void set_vintr(struct vmcb_control *control, bool on)
{
    if (on)
        control->intercept[INTERCEPT_MISC1] |= INTERCEPT_VINTR;
    else
        control->intercept[INTERCEPT_MISC1] &= ~(uint32_t)INTERCEPT_VINTR;
}

bool svm_lab_borrow(struct vcpu *vcpu, unsigned vector)
{
    struct vmcb_control *control = &svm_vmcb(vcpu)->control;
    uint64_t *backend = vcpu->lab->backend;

    if (control->v_intr & V_IRQ)
        return false;
    backend[LAB_BORROWED] = true;
    backend[LAB_V_INTR] = control->v_intr;
    backend[LAB_VINTR] = control->intercept[INTERCEPT_MISC1] & INTERCEPT_VINTR;
    control->v_intr &= ~V_INTR_VECTOR;
    control->v_intr |= V_IRQ | V_INTR_PRIO | V_IGN_TPR | (uint64_t)vector << V_INTR_VECTOR_SHIFT;
    set_vintr(control, !svm_machine.virtual_interrupts);
    svm_changed(vcpu, CLEAN_TPR | CLEAN_I);
    return true;
}

void svm_lab_give_back(struct vcpu *vcpu)
{
    struct vmcb_control *control = &svm_vmcb(vcpu)->control;
    uint64_t *backend = vcpu->lab->backend, guests = V_TPR | V_GIF; /* which it changes itself */

    if (!backend[LAB_BORROWED])
        return;
    if (svm_machine.virtual_interrupts && (control->v_intr & V_IRQ)) {
        unsigned vector = (control->v_intr & V_INTR_VECTOR) >> V_INTR_VECTOR_SHIFT;

        vcpu->pending[vector / 64] |= 1ull << vector % 64;
    }
    backend[LAB_BORROWED] = false;
    control->v_intr = (backend[LAB_V_INTR] & ~guests) | (control->v_intr & guests);
    set_vintr(control, backend[LAB_VINTR]);
    svm_changed(vcpu, CLEAN_TPR | CLEAN_I);
    vcpu->attention |= ATTENTION_EVENT;
}

/* ---- Exits ------------------------------------------------------------------------------------------------- */

/* Hypercalls to the monitor are how the guest ends an observation: they are no part of it. */
static bool is_command(const struct vcpu *vcpu)
{
    uint64_t number = vcpu->page->gpr[GPR_RAX];

    return number >= HC_MONITOR && number < HC_MONITOR_END && svm_vmcb(vcpu)->save.cpl == 0;
}

bool svm_lab_owns_exit(const struct vcpu *vcpu, uint64_t exitcode)
{
    switch (exitcode) {
    case VMEXIT_EXCEPTION ... VMEXIT_EXCEPTION + 31:
        return exitcode != VMEXIT_EXCEPTION + VECTOR_MC && vcpu->lab->exceptions >> (exitcode - VMEXIT_EXCEPTION) & 1;
    case VMEXIT_INTR ... VMEXIT_INIT:
        return false;
    case VMEXIT_VINTR:
        return !vcpu->lab->backend[LAB_BORROWED];
    case VMEXIT_VMMCALL:
        return !is_command(vcpu);
    case VMEXIT_NPF:
        return lab_has_nested(vcpu->vm, svm_vmcb(vcpu)->control.exitinfo2);
    default:
        return true;
    }
}

/* EFER.SVME is the host's condition for another entry, whatever a guest that may write EFER has done to it. */
void svm_lab_leave_guest(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    svm_lab_give_back(vcpu);
    context_take_msrs(&vcpu->guest_context);
    vcpu->lab->host_efer = x86_rdmsr(MSR_EFER);
    vcpu->lab->host_pat = x86_rdmsr(MSR_PAT);
    if (!(vmcb->save.efer & EFER_SVME)) {
        vmcb->save.efer |= EFER_SVME;
        svm_changed(vcpu, CLEAN_CRX);
    }
}
