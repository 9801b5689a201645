/* The lab: whose an exit is, and what it leaves to the host; the preemption timer, which guest and kernel share. */
#include "drivers/lapic.h"
#include "kernel/vm/vm.h"
#include "kernel/vmx/lab.h"
#include "lib/x86.h"

/* ---- The preemption timer, which guest and kernel share ----------------------------------------------------- */

/* The guest's runs while it is observed: nobody would take its expiry otherwise, and the guest would get no further. */
static bool timer_runs(const struct lab *lab) { return lab->timer_wanted && lab->observed; }

uint64_t vmx_lab_slice(struct vcpu *vcpu, uint64_t ticks)
{
    struct lab *lab = vcpu->lab;

    if (timer_runs(lab) && lab->timer_left < ticks)
        ticks = lab->timer_left;
    lab->timer_entry = ticks;
    return ticks;
}

/* The exit has saved what was left of it. */
static void count_timer(struct lab *lab)
{
    uint64_t left, passed;

    if (!timer_runs(lab))
        return;
    left = vmread(PREEMPTION_TIMER_VALUE);
    passed = left < lab->timer_entry ? lab->timer_entry - left : 0;
    lab->timer_left -= passed < lab->timer_left ? passed : lab->timer_left;
}

void vmx_lab_show_exit(struct vcpu *vcpu)
{
    struct lab *lab = vcpu->lab;

    if (lab->timer_saved)
        lab->timer_value = lab->timer_left;
    else
        lab->timer_left = lab->timer_value;
}

uint64_t vmx_lab_field_view(const struct vcpu *vcpu, uint64_t field, uint64_t value)
{
    const struct lab *lab = vcpu->lab;

    switch (field) {
    case PIN_CONTROLS:
        return (value & ~(uint64_t)PIN_PREEMPTION_TIMER) | (lab->timer_wanted ? PIN_PREEMPTION_TIMER : 0);
    case EXIT_CONTROLS:
        return (value & ~(uint64_t)EXITC_SAVE_PREEMPTION_TIMER) | (lab->timer_saved ? EXITC_SAVE_PREEMPTION_TIMER : 0);
    case PREEMPTION_TIMER_VALUE:
        return lab->timer_value;
    default:
        return value;
    }
}

/* ---- Exits ------------------------------------------------------------------------------------------------ */

/* It is in service already. */
void vmx_lab_send_again(void)
{
    uint32_t info = (uint32_t)vmread(EXIT_INTERRUPTION_INFO);

    if (!(info & INTERRUPTION_VALID))
        return;
    lapic_eoi();
    lapic_send_fixed(lapic_id(), (uint8_t)info);
}

void vmx_lab_leave_guest(struct vcpu *vcpu)
{
    struct lab *lab = vcpu->lab;
    uint64_t controls = vmread(EXIT_CONTROLS);

    if (lab->observed) { /* not at the hypercall that asks for it */
        lab->host_efer = x86_rdmsr(MSR_EFER);
        lab->host_pat = x86_rdmsr(MSR_PAT);
    }
    if (!(controls & EXITC_LOAD_EFER))
        x86_wrmsr(MSR_EFER, vmread(HOST_IA32_EFER));
    if (!(controls & EXITC_LOAD_PAT))
        x86_wrmsr(MSR_PAT, vmread(HOST_IA32_PAT));
    context_take_msrs(&vcpu->guest_context);
    count_timer(lab);
    vcpu->attention |= ATTENTION_SLICE; /* what the timer has left is for each entry to say */
    if ((controls & EXITC_ACKNOWLEDGE_INTERRUPT) && vmread(EXIT_REASON) == 1)
        vmx_lab_send_again();
}

/* Hypercalls to the monitor are how the guest ends an observation: they are no part of it. */
static bool is_command(const struct vcpu *vcpu)
{
    uint64_t number = vcpu->page->gpr[GPR_RAX];

    return number >= HC_MONITOR && number < HC_MONITOR_END && (vmread(GUEST_SS_ACCESS_RIGHTS) >> 5 & 3) == 0;
}

/* All but NMIs, and those that exit for the kernel's sake. A page fault may exit with its bit clear: "Exception Bitmap". */
static bool owns_exception(const struct vcpu *vcpu)
{
    const uint32_t kernels = 1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC;
    uint32_t info = (uint32_t)vmread(EXIT_INTERRUPTION_INFO);

    return (info >> INTERRUPTION_TYPE_SHIFT & 7) != TYPE_NMI && ((vcpu->lab->exceptions | ~kernels) >> (info & 0x1f) & 1);
}

bool vmx_lab_owns_exit(struct vcpu *vcpu, uint64_t reason)
{
    switch (reason) {
    case 0:
        return owns_exception(vcpu);
    case 1: /* the host's interrupts, SMIs, and what is for other processors */
    case 3 ... 6:
        return false;
    case 7:
        return vcpu->backend[VCPU_PRIMARY] & PROC_INTERRUPT_WINDOW;
    case 18:
        return !is_command(vcpu);
    case 52:
        return vcpu->lab->timer_wanted && vcpu->lab->timer_left == 0;
    case 48:
        return lab_has_nested(vcpu->vm, vmread(GUEST_PHYSICAL_ADDRESS));
    default:
        return true;
    }
}
