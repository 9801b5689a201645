#include "kernel/cpu/trap.h"

#include "drivers/lapic.h"
#include "drivers/pic.h"
#include "kernel/cpu/extable.h"
#include "kernel/cpu/panic.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/timer.h"
#include "kernel/lock.h"
#include "kernel/vm/task.h"
#include "kernel/vm/thread.h"
#include "lib/x86.h"

/* "Gate Descriptors in IA-32e Mode" (Intel): an interrupt gate. */
struct idt_gate {
    uint16_t offset_low, selector;
    uint8_t ist, attributes;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

enum { VECTORS = 256, STUB_BYTES = 16, GATE_INTERRUPT = 0x8e };

extern const char trap_stubs[];
void trap_handle(struct regs *regs);

static struct idt_gate idt[VECTORS];

static void make_gates(void)
{
    for (unsigned v = 0; v < VECTORS; v++) {
        uint64_t stub = (uint64_t)trap_stubs + v * STUB_BYTES;

        idt[v] = (struct idt_gate){(uint16_t)stub, SEL_KERNEL_CS, 0, GATE_INTERRUPT, (uint16_t)(stub >> 16),
                                   (uint32_t)(stub >> 32), 0};
    }
}

void trap_init(void)
{
    struct gdt_pointer pointer = {sizeof idt - 1, (uint64_t)idt};

    if (!idt[0].selector)
        make_gates();
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void trap_use_ist(void)
{
    idt[VECTOR_DF].ist = 1;
    idt[VECTOR_NMI].ist = 2;
    idt[VECTOR_MC].ist = 3;
}

/* A page fault at a user address: the task's lazily backed memory, touched by it or by the kernel for it; or one about
 * rights, which ends it. */
static bool back_user_page(uint64_t address, uint64_t error)
{
    struct thread *thread = pcpu_this()->current;

    if (!thread || address >= TASK_END || (error & PF_PRESENT))
        return false;
    switch (task_fault(thread->task, address)) {
    case TASK_FAULT_BACKED:
        return true;
    case TASK_FAULT_NO_MEMORY:
        task_end(thread->task, VM_END_NO_MEMORY, 0, address);
        return false;
    default:
        return false;
    }
}

static void handle_interrupt(uint64_t vector)
{
    if (vector == LAPIC_SPURIOUS_VECTOR || vector - PIC_VECTOR < PIC_VECTORS)
        return;
    lapic_eoi();
    if (vector == LAPIC_TIMER_VECTOR)
        timer_interrupt();
}

/* In kernel code: an access to user memory that can be backed, an instruction that may fault, or our own error. */
static void handle_kernel_exception(struct regs *regs)
{
    if (regs->vector == VECTOR_PF && pcpu_count > 0 && x86_read_cr2() < TASK_END) {
        bool had_lock = pcpu_this()->has_lock, backed;

        kernel_lock_enter();
        backed = back_user_page(x86_read_cr2(), regs->error);
        if (!had_lock)
            kernel_lock_leave();
        if (backed)
            return;
    }
    if (!extable_fix(regs))
        panic_trap(regs);
}

static void handle_kernel_interrupt(uint64_t vector)
{
    bool had_lock = pcpu_this()->has_lock;

    kernel_lock_enter();
    handle_interrupt(vector);
    if (!had_lock)
        kernel_lock_leave();
}

static void handle_user_exception(const struct regs *regs)
{
    struct thread *thread = pcpu_this()->current;
    uint64_t address = regs->vector == VECTOR_PF ? x86_read_cr2() : regs->rip;

    if (regs->vector == VECTOR_NM)
        context_open_fpu(&thread->user_context);
    else if (regs->vector != VECTOR_PF || !back_user_page(address, regs->error))
        task_end(thread->task, VM_END_MONITOR_FAULT, (int64_t)regs->vector, address);
}

/*
 * Called by the stubs. NMI and machine check are nobody's error that could be handled, so they end the machine wherever
 * they come. Returns only to kernel code.
 */
void trap_handle(struct regs *regs)
{
    bool exception = regs->vector < PIC_VECTOR;

    if (regs->vector == VECTOR_NMI || regs->vector == VECTOR_DF || regs->vector == VECTOR_MC)
        panic_trap(regs);
    if (!regs_from_user(regs)) {
        if (exception)
            handle_kernel_exception(regs);
        else
            handle_kernel_interrupt(regs->vector);
        return;
    }
    kernel_lock_enter();
    pcpu_this()->current->regs = *regs;
    if (exception)
        handle_user_exception(regs);
    else
        handle_interrupt(regs->vector);
    thread_return();
}
