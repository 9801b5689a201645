/* Events for the guest: "Event Injection", "IDT-Vectoring Information", "Interrupt-window exiting". */
#include "kernel/vmx/vmx.h"
#include "lib/x86.h"

static void set_window(struct vcpu *vcpu, bool wanted)
{
    if (vcpu->backend[VCPU_WINDOW] == wanted)
        return;
    vcpu->backend[VCPU_WINDOW] = wanted;
    vmwrite(PROC_CONTROLS, vcpu->backend[VCPU_PRIMARY] | (wanted ? PROC_INTERRUPT_WINDOW : 0));
}

bool vmx_interrupts_on(struct vcpu *vcpu)
{
    (void)vcpu;
    return vmread(GUEST_RFLAGS) & RFLAGS_IF;
}

static bool can_take_interrupt(void)
{
    return (vmread(GUEST_RFLAGS) & RFLAGS_IF) && !(vmread(GUEST_INTERRUPTIBILITY) & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS)) &&
           !(vmread(ENTRY_INTERRUPTION_INFO) & INTERRUPTION_VALID);
}

/* Injects again what an exit cut short. */
static void inject_again(struct vcpu *vcpu)
{
    vmwrite(ENTRY_INTERRUPTION_INFO, (uint32_t)vcpu->reinject);
    vmwrite(ENTRY_EXCEPTION_ERROR_CODE, vcpu->reinject >> 32);
    vmwrite(ENTRY_INSTRUCTION_LENGTH, vmread(EXIT_INSTRUCTION_LENGTH)); /* used for software events only */
    vcpu->reinject = 0;
}

void vmx_inject(struct vcpu *vcpu)
{
    int vector;

    vcpu->attention &= ~(unsigned)ATTENTION_EVENT; /* before the look: others pend first and set it then */
    vector = vcpu_interrupt_pending(vcpu);
    if (vcpu->reinject)
        inject_again(vcpu);
    if (vector >= 0 && can_take_interrupt()) {
        vmwrite(ENTRY_INTERRUPTION_INFO, INTERRUPTION_VALID | TYPE_EXTERNAL << INTERRUPTION_TYPE_SHIFT | (uint32_t)vector);
        vcpu_interrupt_taken(vcpu, (unsigned)vector);
        vector = vcpu_interrupt_pending(vcpu);
    }
    set_window(vcpu, vector >= 0);
    if (vector >= 0) /* each entry tries again: skipping an instruction may have opened the window */
        vcpu->attention |= ATTENTION_EVENT;
}

void vmx_inject_gp(struct vcpu *vcpu)
{
    uint32_t error_code = vmread(GUEST_CR0) & CR0_PE ? INTERRUPTION_ERROR_CODE : 0; /* real mode has none */

    (void)vcpu;
    vmwrite(ENTRY_INTERRUPTION_INFO,
            INTERRUPTION_VALID | error_code | TYPE_HARDWARE_EXCEPTION << INTERRUPTION_TYPE_SHIFT | VECTOR_GP);
    vmwrite(ENTRY_EXCEPTION_ERROR_CODE, 0);
}

void vmx_inject_keep(struct vcpu *vcpu)
{
    uint32_t info = (uint32_t)vmread(IDT_VECTORING_INFO);

    if (!(info & INTERRUPTION_VALID))
        return;
    vmx_inject_exception(vcpu, info, (uint32_t)vmread(IDT_VECTORING_ERROR_CODE));
}

void vmx_inject_exception(struct vcpu *vcpu, uint32_t info, uint32_t error)
{
    vcpu->reinject = (info & ~INTERRUPTION_UNDEFINED) | (uint64_t)error << 32;
    vcpu->attention |= ATTENTION_EVENT;
}

/* "Debug Exceptions" under "Event Delivery and VM Exits": DR6 was not updated, and DR7.GD was not cleared. */
void vmx_inject_debug(struct vcpu *vcpu, uint32_t info)
{
    context_add_dr6(&vcpu->guest_context, vmread(EXIT_QUALIFICATION) & DR6_CAUSES);
    vmwrite(GUEST_DR7, vmread(GUEST_DR7) & ~DR7_GD);
    vmx_inject_exception(vcpu, info, 0);
}
