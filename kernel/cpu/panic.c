#include "kernel/cpu/panic.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include "drivers/power.h"
#include "drivers/terminal.h"
#include "kernel/cpu/msr.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/trace.h"
#include "kernel/machine.h"
#include "kernel/vm/virt_ops.h"
#include "lib/print.h"
#include "lib/x86.h"

/* Made by tools/symbols: functions by rising address, as offsets from KERNEL_BASE. */
extern const uint32_t symbol_count, symbol_offsets[], symbol_names[];
extern const char symbol_text[];
extern const char kernel_text_start[], kernel_text_end[];

#define KERNEL_BASE 0xffffffff80000000ull

enum { BACK_TRACE_DEPTH = 16 };

/* A function whose last instruction calls one that does not return is the one before its return address: `returns` is 1 for
 * such an address, 0 for that of an instruction. */
static void print_address(uint64_t address, unsigned returns)
{
    const char *name = NULL;
    uint64_t offset = 0;

    if (address >= (uint64_t)kernel_text_start && address < (uint64_t)kernel_text_end)
        for (uint32_t i = 0; i < symbol_count && symbol_offsets[i] + returns <= address - KERNEL_BASE; i++) {
            name = symbol_text + symbol_names[i];
            offset = address - KERNEL_BASE - symbol_offsets[i];
        }
    print("  %016llx  %s+0x%llx\n", (unsigned long long)address, name ? name : "?", (unsigned long long)offset);
}

/* Follows the chain of frame pointers; what it reads may be wrong, so each read may fault. */
static void print_back_trace(uint64_t rip, unsigned returns, uint64_t rbp)
{
    uint64_t next;

    print("back trace:\n");
    for (int i = 0; i < BACK_TRACE_DEPTH && rip; i++) {
        print_address(rip, returns);
        returns = 1;
        if (rbp < PCPU_BASE || rbp % 8 || !x86_read_safe(rbp + 8, &rip) || !x86_read_safe(rbp, &next))
            return;
        if (next <= rbp)
            next = 0;
        rbp = next;
    }
}

static void print_registers(const struct regs *r)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        {"RAX", offsetof(struct regs, rax)}, {"RBX", offsetof(struct regs, rbx)}, {"RCX", offsetof(struct regs, rcx)},
        {"RDX", offsetof(struct regs, rdx)}, {"RSI", offsetof(struct regs, rsi)}, {"RDI", offsetof(struct regs, rdi)},
        {"RBP", offsetof(struct regs, rbp)}, {"RSP", offsetof(struct regs, rsp)}, {"R8 ", offsetof(struct regs, r8)},
        {"R9 ", offsetof(struct regs, r9)},  {"R10", offsetof(struct regs, r10)}, {"R11", offsetof(struct regs, r11)},
        {"R12", offsetof(struct regs, r12)}, {"R13", offsetof(struct regs, r13)}, {"R14", offsetof(struct regs, r14)},
        {"R15", offsetof(struct regs, r15)},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        print("%s %016llx%s", rows[i].name, *(const unsigned long long *)((const char *)r + rows[i].offset),
              i % 4 == 3 ? "\n" : "  ");
    print("RIP %016llx  RFLAGS %llx  CS %llx  SS %llx  CR2 %llx  CR3 %llx\n", (unsigned long long)r->rip,
          (unsigned long long)r->rflags, (unsigned long long)r->cs, (unsigned long long)r->ss,
          (unsigned long long)x86_read_cr2(), (unsigned long long)x86_read_cr3());
}

static void print_events(void)
{
    const struct pcpu *pcpu = pcpu_this();

    if ((uint64_t)pcpu < PCPU_BASE || (uint64_t)pcpu >= PCPU_BASE + MAX_PCPUS * PCPU_BYTES || pcpu->trace.next == 0)
        return;
    trace_print(pcpu);
}

const char *panic_vector_name(uint64_t vector)
{
    static const char *const names[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "?", "#TS", "#NP",
                                        "#SS", "#GP", "#PF", "?",   "#MF", "#AC", "#MC", "#XM", "#VE", "#CP"};

    return vector < sizeof names / sizeof *names ? names[vector] : "interrupt";
}

/* A panic within a panic says so, and ends the machine at once. One on another pCPU is silent: an NMI or a machine check may
 * come to all of them. */
static void begin(void)
{
    static _Atomic(struct pcpu *) panicking;
    struct pcpu *first = NULL;

    x86_cli();
    if (!atomic_compare_exchange_strong(&panicking, &first, pcpu_this())) {
        if (first != pcpu_this())
            x86_halt();
        print("\nNestor panic: another error while printing the first\n");
        machine_end(false);
    }
    terminal_scroll_all();
}

_Noreturn void panic(const char *format, ...)
{
    va_list arguments;

    begin();
    print("\nNestor panic: ");
    va_start(arguments, format);
    print_list(format, arguments);
    va_end(arguments);
    print("\n");
    print_back_trace((uint64_t)__builtin_return_address(0), 1, *(uint64_t *)__builtin_frame_address(0));
    print_events();
    machine_end(false);
}

_Noreturn void panic_trap(const struct regs *regs)
{
    begin();
    print("\nNestor panic: %s (vector %llu, error code %llx) in the kernel\n", panic_vector_name(regs->vector),
          (unsigned long long)regs->vector, (unsigned long long)regs->error);
    print_registers(regs);
    print_back_trace(regs->rip, 0, regs->rbp);
    print_events();
    machine_end(false);
}
