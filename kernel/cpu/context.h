/*
 * The registers that entry and exit leave alone, because kernel code does not use them: FPU and SSE state, CR2, debug
 * registers, and the MSRs of SYSCALL. A context holds them for ring 3 or for a guest; they are switched when the pCPU goes
 * from one to the other, so an exit that the kernel answers costs nothing here.
 *
 * FPU and SSE state waits until ring 3 wants it: a monitor runs with its guest's in the registers and CR0.TS set, and most
 * exits are answered without a use of them. What a CPU that is too curious could tell a monitor so is its own guest's.
 */
#ifndef KERNEL_CPU_CONTEXT_H
#define KERNEL_CPU_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cpu/pcpu.h"
#include "lib/x86.h"

/* MSRs that a guest may set and VMX does not switch; index into context.msr. */
enum context_msr { CONTEXT_STAR, CONTEXT_LSTAR, CONTEXT_CSTAR, CONTEXT_SFMASK, CONTEXT_KERNEL_GS_BASE, CONTEXT_TSC_AUX,
                   CONTEXT_MSRS };

struct context {
    _Alignas(16) uint8_t fpu[512]; /* FXSAVE image */
    uint64_t cr2;
    bool eager;                   /* ring 3 can't run with this context in the registers: MSRs or debug registers differ */
    bool owns_msrs;               /* msr[] differs from the kernel's values: a guest wrote one of them, or used SWAPGS */
    uint64_t msr[CONTEXT_MSRS];
    bool owns_debug;              /* a guest has touched its debug registers: they are switched from then on */
    uint64_t dr[4], dr6;          /* DR7 is in the control block, and 0 outside the guest */
};

/* Registers as after reset: x87 and MXCSR defaults, zeros. */
void context_init(struct context *context);

/* Makes `context` the one in this pCPU's registers, and saves the one that was. CR0.TS is set then. */
void context_switch(struct context *context);

/* Before a guest is entered: its context is in the registers. */
static inline __attribute__((always_inline)) void context_load(struct context *context)
{
    if (pcpu_this()->context != context)
        context_switch(context);
}

/* Before ring 3 goes on: its context is in the registers, or all that is not is behind CR0.TS. */
static inline __attribute__((always_inline)) void context_load_lazily(struct context *context)
{
    const struct context *old = pcpu_this()->context;

    if (old && old->eager)
        context_switch(context);
}

/* Ring 3 wants to use the FPU (#NM). */
void context_open_fpu(struct context *context);

/* Another thread gets the pCPU: sets CR0.TS. */
void context_close_fpu(void);

/* CR2 of a guest whose pCPU goes on with something else, in which page faults may come, and back. */
static inline void context_save_cr2(struct context *context) { context->cr2 = x86_read_cr2(); }
static inline void context_load_cr2(const struct context *context) { x86_write_cr2(context->cr2); }

/* context_load(to) inline, when the guest's `from` is the one in the registers; or false, if there is more to it than FPU
 * state. */
static inline bool context_pass(struct pcpu *pcpu, struct context *from, struct context *to)
{
    if (from->owns_msrs | from->owns_debug | to->owns_msrs | to->owns_debug)
        return false;
    __asm__ volatile("clts; fxsave64 %0" : "=m"(from->fpu));
    __asm__ volatile("fxrstor64 %0" : : "m"(to->fpu));
    x86_write_cr0(x86_read_cr0() | CR0_TS);
    pcpu->context = to;
    return true;
}

/* Saves the context in this pCPU's registers to memory if it is `context`, so that it can be read, moved or freed. */
void context_unload(struct context *context);

/* The index of `msr` in context.msr, or -1. */
int context_msr_index(uint32_t msr);

/* Whether WRMSR would take the value; for an MSR that does not exist, whether it is 0. */
bool context_msr_is_legal(enum context_msr index, uint64_t value);

/* Whether FXRSTOR would take an MXCSR of that value: "Checking for the ... MXCSR_MASK" in Intel's chapter on SSE. */
bool context_mxcsr_is_legal(uint32_t mxcsr);

/* Reads and writes the value of one of these MSRs in a guest's context, loaded or not. */
uint64_t context_msr_read(struct context *context, enum context_msr index);
void context_msr_write(struct context *context, enum context_msr index, uint64_t value);

/* The guest may have changed these MSRs without an exit: reads them from the CPU. The context is loaded. */
void context_take_msrs(struct context *context);

/* From now on the guest of this context has DR0 to DR3 and DR6 of its own. The context is loaded. No-op where it has. */
void context_own_debug(struct context *context);

/* Sets bits of the guest's DR6 as a debug exception would. The context is loaded. */
void context_add_dr6(struct context *context, uint64_t bits);

/* On each pCPU: remembers the kernel's values of these MSRs; x87 and SSE on, XCR0 = x87 only, CR4.OSXSAVE off. */
void context_init_pcpu(void);

#endif
