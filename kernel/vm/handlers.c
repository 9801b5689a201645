/* What both back ends' exits have in common: the handlers behind their tables. */
#include "kernel/cpu/trace.h"
#include "kernel/lock.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/virt_ops.h"
#include "kernel/vm/vm.h"
#include "lib/x86.h"

enum verdict vcpu_handle_halt(struct vcpu *vcpu, bool interrupts_enabled)
{
    (void)vcpu;
    return interrupts_enabled ? VERDICT_BLOCK : VERDICT_MONITOR;
}

/* The interrupt is still pending in the LAPIC: it comes in through the kernel's own interrupt table. */
enum verdict vcpu_handle_interrupt(struct vcpu *vcpu)
{
    (void)vcpu;
    x86_interrupt_window();
    return VERDICT_RESUME;
}

enum verdict vcpu_handle_tick(struct vcpu *vcpu)
{
    (void)vcpu;
    kernel_lock_enter();
    timer_tick();
    return VERDICT_RESUME;
}

/* With the kernel lock. `page` has been taken for it. */
static __attribute__((noinline)) enum verdict nested_fault_slowly(struct vcpu *vcpu, gpa_t gpa, hpa_t page)
{
    hpa_t frame;
    int error = vm_memory_back_anyhow(vcpu->vm, gpa, page, &frame);

    if (error == -ABI_ENOMEM)
        vm_end(vcpu->vm, VM_END_NO_MEMORY, 0, gpa.value);
    else
        kernel_lock_release(pcpu_this());
    if (!error)
        return VERDICT_AGAIN;
    trace(TRACE_FAULT, vcpu->thread.who, gpa.value, (uint64_t)error);
    return error == -ABI_ENOMEM ? VERDICT_KILL : VERDICT_MONITOR;
}

enum verdict vcpu_handle_nested_fault(struct vcpu *vcpu, gpa_t gpa)
{
    hpa_t page;

    kernel_lock_take(pcpu_this());
    if (!vm_memory_back_quickly(vcpu->vm, gpa, &page))
        return nested_fault_slowly(vcpu, gpa, page);
    kernel_lock_release(pcpu_this());
    return VERDICT_AGAIN;
}

enum verdict vcpu_handle_msr_read(struct vcpu *vcpu)
{
    int index = context_msr_index((uint32_t)vcpu->page->gpr[GPR_RCX]);
    uint64_t value;

    if (index < 0)
        return VERDICT_MONITOR;
    value = context_msr_read(&vcpu->guest_context, (enum context_msr)index);
    vcpu->page->gpr[GPR_RAX] = (uint32_t)value;
    vcpu->page->gpr[GPR_RDX] = value >> 32;
    return VERDICT_SKIP;
}

enum verdict vcpu_handle_msr_write(struct vcpu *vcpu)
{
    int index = context_msr_index((uint32_t)vcpu->page->gpr[GPR_RCX]);
    uint64_t value = (uint32_t)vcpu->page->gpr[GPR_RAX] | vcpu->page->gpr[GPR_RDX] << 32;

    if (index < 0)
        return VERDICT_MONITOR;
    if (!context_msr_is_legal((enum context_msr)index, value)) {
        virt->inject_gp(vcpu);
        return VERDICT_RESUME;
    }
    context_msr_write(&vcpu->guest_context, (enum context_msr)index, value);
    return VERDICT_SKIP;
}
