/* Events for the guest: "Event Injection", "EXITINTINFO Pseudo-Code", "Injecting Virtual (INTR) Interrupts". */
#include "kernel/svm/svm.h"
#include "lib/x86.h"

/* Asks for an exit as soon as the guest can take an interrupt, by a virtual interrupt that is intercepted, or no longer
 * does. */
static void set_window(struct vcpu *vcpu, bool wanted)
{
    struct vmcb_control *control = &svm_vmcb(vcpu)->control;
    uint64_t v_intr = wanted ? control->v_intr | V_IRQ : control->v_intr & ~(uint64_t)V_IRQ;

    if (v_intr == control->v_intr)
        return;
    control->v_intr = v_intr;
    svm_changed(vcpu, CLEAN_TPR);
}

bool svm_interrupts_on(struct vcpu *vcpu) { return svm_vmcb(vcpu)->save.rflags & RFLAGS_IF; }

static bool can_take_interrupt(const struct vmcb *vmcb)
{
    return !(vmcb->control.eventinj & EVENT_VALID) && (vmcb->save.rflags & RFLAGS_IF) &&
           !(vmcb->control.interrupt_shadow & INTERRUPT_SHADOW);
}

/* The next RIP belongs to a software event that the monitor injected: exits clear it. */
static void inject_again(struct vcpu *vcpu, struct vmcb_control *control)
{
    control->eventinj = vcpu->reinject;
    control->next_rip = vcpu->backend[SVM_VCPU_EVENT_RIP];
    vcpu->reinject = 0;
}

void svm_inject(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);
    int vector = vcpu_interrupt_pending(vcpu);

    if (vcpu->reinject && !(vmcb->control.eventinj & EVENT_VALID))
        inject_again(vcpu, &vmcb->control);
    if (vector >= 0 && can_take_interrupt(vmcb)) {
        vmcb->control.eventinj = EVENT_VALID | EVENT_INTR | (unsigned)vector;
        vcpu_interrupt_taken(vcpu, (unsigned)vector);
        vector = vcpu_interrupt_pending(vcpu);
    }
    set_window(vcpu, vector >= 0);
    if (vector < 0) /* as long as one is left, each entry tries again: its window may have opened at any exit */
        vcpu->attention &= ~(unsigned)ATTENTION_EVENT;
    if (vmcb->control.eventinj & EVENT_VALID) {
        vcpu->backend[SVM_VCPU_EVENT] = vmcb->control.eventinj;
        vcpu->backend[SVM_VCPU_EVENT_EXITS] = vcpu->exits;
        vcpu->backend[SVM_VCPU_EVENT_RIP] = vmcb->control.next_rip;
    }
}

void svm_inject_exception(struct vcpu *vcpu, unsigned vector)
{
    vcpu->reinject = EVENT_VALID | EVENT_EXCEPTION | vector;
    vcpu->attention |= ATTENTION_EVENT;
}

void svm_inject_exception_error(struct vcpu *vcpu, unsigned vector, uint32_t error)
{
    svm_inject_exception(vcpu, vector);
    vcpu->reinject |= EVENT_ERROR_VALID | (uint64_t)error << EVENT_ERROR_SHIFT;
}

void svm_inject_gp(struct vcpu *vcpu) { svm_inject_exception_error(vcpu, VECTOR_GP, 0); }

/* INTn, INT3 and INTO. */
static bool is_software(uint64_t event)
{
    uint64_t vector = event & 0xff;

    return (event & EVENT_TYPE) == EVENT_SOFTWARE ||
           ((event & EVENT_TYPE) == EVENT_EXCEPTION && (vector == VECTOR_BP || vector == SVM_VECTOR_OF));
}

/* The error code of an event that has none is whatever was there before. */
static bool is_same(uint64_t a, uint64_t b) { return (uint32_t)a == (uint32_t)b; }

void svm_inject_again(struct vcpu *vcpu)
{
    uint64_t event = svm_vmcb(vcpu)->control.exitintinfo;
    bool injected = is_same(vcpu->backend[SVM_VCPU_EVENT], event) && vcpu->backend[SVM_VCPU_EVENT_EXITS] == vcpu->exits;

    /* One of the guest's own comes again by itself: RIP is still at the instruction. */
    if (is_software(event) && !injected)
        return;
    vcpu->reinject = event;
    vcpu->attention |= ATTENTION_EVENT;
}
