/* The instructions that C has no words for, for guests of 32 and 64 bit. */
#ifndef GUESTS_LIB_COMMON_CPU_H
#define GUESTS_LIB_COMMON_CPU_H

#include <stdint.h>

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpu_id(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_result r;

    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t cpu_read_tsc(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline unsigned long cpu_read_cr2(void)
{
    unsigned long value;

    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

static inline void cpu_interrupts_on(void) { __asm__ volatile("sti" : : : "memory"); }

static inline void cpu_interrupts_off(void) { __asm__ volatile("cli" : : : "memory"); }

/*
 * Waits for one interrupt; to be called with interrupts off, and returns with interrupts off. STI holds interrupts
 * back until the next instruction is through, so one that is pending already ends the HLT and can't come before it:
 *     while (!happened) cpu_wait_interrupt();    misses nothing, if the handler sets `happened`.
 */
static inline void cpu_wait_interrupt(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }

/* The end, if all else fails: no interrupt ends this HLT. */
_Noreturn static inline void cpu_stop(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

#endif
