/* Events for the guest: "Event Injection", "EXITINTINFO Pseudo-Code", "Injecting Virtual (INTR) Interrupts". */
#include "kernel/svm/lab.h"
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

/* By EVENTINJ, as soon as the guest can take it. */
static void inject_interrupt(struct vcpu *vcpu, struct vmcb *vmcb)
{
    int vector = vcpu_interrupt_pending(vcpu);

    if (vector >= 0 && can_take_interrupt(vmcb)) {
        vmcb->control.eventinj = EVENT_VALID | EVENT_INTR | (unsigned)vector;
        vcpu_interrupt_taken(vcpu, (unsigned)vector);
        vector = vcpu_interrupt_pending(vcpu);
    }
    set_window(vcpu, vector >= 0);
    if (vector >= 0) /* each entry tries again: skipping an instruction may have opened the window */
        vcpu->attention |= ATTENTION_EVENT;
}

void svm_inject_withdraw(struct vcpu *vcpu)
{
    struct vmcb_control *control = &svm_vmcb(vcpu)->control;
    uint64_t vector = (control->v_intr & V_INTR_VECTOR) >> V_INTR_VECTOR_SHIFT;

    if (!(control->v_intr & V_IRQ))
        return;
    control->v_intr &= ~(uint64_t)V_IRQ;
    svm_changed(vcpu, CLEAN_TPR);
    vcpu->pending[vector / 64] |= 1ull << vector % 64;
    vcpu->attention |= ATTENTION_EVENT;
}

/*
 * By V_IRQ: the CPU gives it to the guest once that can take it. QEMU's emulation (7.2) needs this, because it may give
 * an external interrupt of EVENTINJ to the guest once more, when next the emulator interrupts itself. Only one can be
 * given so; others wait for the next exit. So do those that meet the shadow of STI: the emulation forgets it when it enters,
 * and an interrupt between STI and HLT would leave the guest waiting for another.
 */
static void give_virtual_interrupt(struct vcpu *vcpu, struct vmcb_control *control)
{
    int vector;

    svm_inject_withdraw(vcpu);
    vector = vcpu_interrupt_pending(vcpu);
    if (vector < 0)
        return;
    if (control->interrupt_shadow & INTERRUPT_SHADOW) {
        vcpu->attention |= ATTENTION_EVENT;
        return;
    }
    vcpu_interrupt_taken(vcpu, (unsigned)vector);
    control->v_intr = (control->v_intr & ~V_INTR_VECTOR) | (uint64_t)vector << V_INTR_VECTOR_SHIFT | V_IRQ;
    svm_changed(vcpu, CLEAN_TPR);
    if (vcpu_interrupt_pending(vcpu) >= 0)
        vcpu->attention |= ATTENTION_EVENT;
}

/* By EVENTINJ, as soon as the guest can take it; until then, and where EVENTINJ won't do, by what the guest lends. */
static void give_lab_interrupt(struct vcpu *vcpu, struct vmcb *vmcb)
{
    int vector = vcpu_interrupt_pending(vcpu);
    bool shadow = vmcb->control.interrupt_shadow & INTERRUPT_SHADOW;

    if (vector < 0)
        return;
    vcpu->attention |= ATTENTION_EVENT; /* each entry tries again */
    if (!svm_machine.virtual_interrupts && can_take_interrupt(vmcb)) {
        vmcb->control.eventinj = EVENT_VALID | EVENT_INTR | (unsigned)vector;
        vcpu_interrupt_taken(vcpu, (unsigned)vector);
    } else if (svm_machine.virtual_interrupts && !shadow && svm_lab_borrow(vcpu, (unsigned)vector)) {
        vcpu_interrupt_taken(vcpu, (unsigned)vector);
    } else if (!svm_machine.virtual_interrupts) {
        svm_lab_borrow(vcpu, (unsigned)vector);
    }
}

/* ATTENTION_EVENT is cleared before the look at what is pending: another pCPU may pend something meanwhile. */
void svm_inject(struct vcpu *vcpu)
{
    struct vmcb *vmcb = svm_vmcb(vcpu);

    vcpu->attention &= ~(unsigned)ATTENTION_EVENT;
    if (vcpu->reinject && !(vmcb->control.eventinj & EVENT_VALID))
        inject_again(vcpu, &vmcb->control);
    if (vcpu->lab)
        give_lab_interrupt(vcpu, vmcb);
    else if (svm_machine.virtual_interrupts)
        give_virtual_interrupt(vcpu, &vmcb->control);
    else
        inject_interrupt(vcpu, vmcb);
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

/* As QEMU's emulation has it of a virtual interrupt. Its V_IRQ stays set, so it comes again by itself, too. */
static bool is_virtual(uint64_t event) { return (event & EVENT_TYPE) == EVENT_EXCEPTION && (event & 0xff) >= 32; }

/* The error code of an event that has none is whatever was there before. */
static bool is_same(uint64_t a, uint64_t b) { return (uint32_t)a == (uint32_t)b; }

void svm_inject_again(struct vcpu *vcpu)
{
    uint64_t event = svm_vmcb(vcpu)->control.exitintinfo;
    bool injected = is_same(vcpu->backend[SVM_VCPU_EVENT], event) && vcpu->backend[SVM_VCPU_EVENT_EXITS] + 1 == vcpu->exits;

    /* One of the guest's own comes again by itself: RIP is still at the instruction. */
    if ((is_software(event) && !injected) || is_virtual(event))
        return;
    vcpu->reinject = event;
    vcpu->attention |= ATTENTION_EVENT;
}
