/* The VMCS of a vCPU: from reset state to the next entry. */
#include "kernel/cpu/pcpu.h"
#include "kernel/vm/vm.h"
#include "kernel/vmx/lab.h"
#include "lib/x86.h"
#include "mm/direct.h"

enum { EPTP_WRITE_BACK = 6, EPTP_WALK_4 = 3 << 3 };

#define PAT_RESET 0x0007040600070406ull

struct field_value {
    uint32_t field;
    uint64_t value;
};

/* "IA-32 Processor States Following Power-up, Reset, or INIT"; what is not here is 0. */
static const struct field_value reset_state[] = {
    {GUEST_CS_SELECTOR, 0xf000}, {GUEST_CS_BASE, 0xffff0000}, {GUEST_ES_LIMIT, 0xffff}, {GUEST_CS_LIMIT, 0xffff},
    {GUEST_SS_LIMIT, 0xffff}, {GUEST_DS_LIMIT, 0xffff}, {GUEST_FS_LIMIT, 0xffff}, {GUEST_GS_LIMIT, 0xffff},
    {GUEST_LDTR_LIMIT, 0xffff}, {GUEST_TR_LIMIT, 0xffff}, {GUEST_GDTR_LIMIT, 0xffff}, {GUEST_IDTR_LIMIT, 0xffff},
    {GUEST_ES_ACCESS_RIGHTS, 0x93}, {GUEST_CS_ACCESS_RIGHTS, 0x9b}, {GUEST_SS_ACCESS_RIGHTS, 0x93},
    {GUEST_DS_ACCESS_RIGHTS, 0x93}, {GUEST_FS_ACCESS_RIGHTS, 0x93}, {GUEST_GS_ACCESS_RIGHTS, 0x93},
    {GUEST_LDTR_ACCESS_RIGHTS, 0x82}, {GUEST_TR_ACCESS_RIGHTS, 0x8b}, {GUEST_RIP, 0xfff0},
    {GUEST_RFLAGS, RFLAGS_FIXED}, {GUEST_DR7, 0x400}, {GUEST_IA32_PAT, PAT_RESET}, {VMCS_LINK_POINTER, ~0ull},
};

void vmx_vcpu_write_controls(struct vcpu *vcpu)
{
    vmwrite(PIN_CONTROLS, vmx_controls.pin);
    vmwrite(PROC_CONTROLS, vcpu->backend[VCPU_PRIMARY]);
    vmwrite(PROC2_CONTROLS, vmx_controls.secondary);
    vmwrite(EXIT_CONTROLS, vmx_controls.exit);
    vmwrite(ENTRY_CONTROLS, vmx_controls.entry);
    vmwrite(EXCEPTION_BITMAP, 1u << VECTOR_DB | 1u << VECTOR_AC | 1u << VECTOR_MC);
    vmwrite(MSR_BITMAP, vmx_controls.msr_bitmap);
    vmwrite(EPT_POINTER, vcpu->backend[VCPU_EPTP]);
    if (vmx_controls.vpid)
        vmwrite(VIRTUAL_PROCESSOR_ID, vcpu->backend[VCPU_VPID]);
    vmwrite(CR0_MASK, vmx_controls.cr0_host);
    vmwrite(CR4_MASK, vmx_controls.cr4_host);
}

uint64_t vmx_eptp(const struct vcpu *vcpu) { return vcpu->vm->memory.root.value | EPTP_WRITE_BACK | EPTP_WALK_4; }

/* What is the same on all pCPUs; the rest is written when the vCPU is loaded. */
static void write_host_state(const struct vcpu *vcpu)
{
    vmwrite(HOST_CR0, x86_read_cr0() | CR0_TS); /* the FPU has the guest's state */
    vmwrite(HOST_CR3, vcpu->vm->task.space.root.value);
    vmwrite(HOST_CR4, x86_read_cr4());
    vmwrite(HOST_CS_SELECTOR, SEL_KERNEL_CS);
    vmwrite(HOST_SS_SELECTOR, SEL_KERNEL_DS);
    vmwrite(HOST_DS_SELECTOR, SEL_KERNEL_DS);
    vmwrite(HOST_ES_SELECTOR, SEL_KERNEL_DS);
    vmwrite(HOST_TR_SELECTOR, SEL_TSS);
    vmwrite(HOST_IA32_EFER, x86_rdmsr(MSR_EFER));
    vmwrite(HOST_IA32_PAT, x86_rdmsr(MSR_PAT));
    vmwrite(HOST_RIP, (uint64_t)vmx_exit_entry);
}

static void write_host_pcpu(const struct pcpu *pcpu)
{
    struct gdt_pointer idt;

    __asm__ volatile("sidt %0" : "=m"(idt));
    vmwrite(HOST_RSP, pcpu->stack_top);
    vmwrite(HOST_TR_BASE, (uint64_t)&pcpu->tss);
    vmwrite(HOST_GDTR_BASE, (uint64_t)pcpu->gdt);
    vmwrite(HOST_IDTR_BASE, idt.base);
}

void vmx_vcpu_write_host(const struct vcpu *vcpu)
{
    write_host_state(vcpu);
    write_host_pcpu(pcpu_this());
}

bool vmx_vcpu_init(struct vcpu *vcpu)
{
    vcpu->control = mm_page_alloc(&vcpu->vm->account, 0);
    if (hpa_is_none(vcpu->control))
        return false;
    *(uint32_t *)mm_direct(vcpu->control) = vmx_controls.revision;
    vcpu->backend[VCPU_EPTP] = vmx_eptp(vcpu);
    vcpu->backend[VCPU_VPID] = vcpu->vm->id * MAX_VCPUS_PER_VM + vcpu->id + 1;
    vcpu->backend[VCPU_PRIMARY] = vmx_controls.primary;
    vmclear(vcpu->control.value);
    vcpu_load(vcpu);
    vmx_vcpu_write_controls(vcpu);
    write_host_state(vcpu);
    for (unsigned i = 0; i < sizeof reset_state / sizeof *reset_state; i++)
        vmwrite(reset_state[i].field, reset_state[i].value);
    vmx_field_write(vcpu, GUEST_CR0, CR0_ET | CR0_NW | CR0_CD);
    vmx_field_write(vcpu, GUEST_CR4, 0);
    if (vcpu->lab)
        vmx_lab_init(vcpu);
    return true;
}

void vmx_vcpu_free(struct vcpu *vcpu) { mm_page_free(&vcpu->vm->account, vcpu->control, 0); }

void vmx_vcpu_load(struct vcpu *vcpu)
{
    struct pcpu *pcpu = pcpu_this();

    vmptrld(vcpu->control.value);
    if (vcpu->backend[VCPU_HOST] == (uint64_t)pcpu)
        return;
    vcpu->backend[VCPU_HOST] = (uint64_t)pcpu;
    write_host_pcpu(pcpu);
}

void vmx_vcpu_unload(struct vcpu *vcpu)
{
    vmclear(vcpu->control.value);
}

void vmx_vcpu_slice(struct vcpu *vcpu, uint64_t deadline)
{
    uint64_t now = x86_rdtsc(), ticks = deadline > now ? (deadline - now) >> vmx_controls.preemption_shift : 0;

    ticks = ticks < UINT32_MAX ? ticks : UINT32_MAX;
    if (vcpu->lab)
        ticks = vmx_lab_slice(vcpu, ticks);
    if (vmx_controls.preemption_timer)
        vmwrite(PREEMPTION_TIMER_VALUE, ticks);
}

void vmx_vcpu_flush(struct vcpu *vcpu)
{
    invept(vmx_controls.invept_single && !vcpu->lab ? INVALIDATE_SINGLE_CONTEXT : INVALIDATE_ALL_CONTEXTS,
           vcpu->backend[VCPU_EPTP]); /* a lab may have two EPT pointers */
    if (vmx_controls.vpid)
        invvpid(vmx_controls.invvpid_single ? INVALIDATE_SINGLE_CONTEXT : INVALIDATE_ALL_CONTEXTS,
                (uint16_t)vcpu->backend[VCPU_VPID]);
}

/* The instruction is over, so is the blocking that STI or MOV SS caused for it. */
void vmx_vcpu_skip(struct vcpu *vcpu)
{
    uint64_t interruptibility = vmread(GUEST_INTERRUPTIBILITY);

    vcpu->rip += vmread(EXIT_INSTRUCTION_LENGTH);
    vmwrite(GUEST_RIP, vcpu->rip);
    if (interruptibility & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS))
        vmwrite(GUEST_INTERRUPTIBILITY, interruptibility & ~(uint64_t)(BLOCKING_BY_STI | BLOCKING_BY_MOV_SS));
}

/*
 * Behind the instruction: as skip_simply, of exits.c, and for the same reason. The preemption timer goes on where it stopped
 * at the exit. What ring 3 took of the turn is not in it, but the LAPIC timer is set for the turn's end, too: if it comes in
 * the guest it is an exit, and if it was lost on a guest it is there when the guest is next in ring 3.
 */
_Noreturn void vmx_run_behind(struct vcpu *vcpu)
{
    vmwrite(GUEST_RIP, vcpu->rip + vcpu->instruction_length);
    vmx_resume(vcpu->page->gpr);
}
