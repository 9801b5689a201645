/*
 * Single instructions for tests, besides those of guests/lib/common/cpu.h. Each counts for the compiler as one that reads
 * and writes all memory, so what comes before it is done before it, exit or not.
 */
#ifndef GUESTS_LIB_LAB_INSN_H
#define GUESTS_LIB_LAB_INSN_H

#include <stdint.h>

#include "guests/lib/common/cpu.h"
#include "guests/lib/lab/tables.h"

/* An instruction without operands. */
#define INSN(name, text)                                                                                              \
    static inline void insn_##name(void) { __asm__ volatile(text : : : "memory", "cc"); }
INSN(hlt, "hlt")
INSN(pause, "pause")
INSN(nop, "nop")
INSN(invd, "invd")
INSN(wbinvd, "wbinvd")
INSN(clts, "clts")
INSN(ud2, "ud2")
INSN(int3, "int3")
INSN(icebp, ".byte 0xf1")
INSN(rsm, "rsm")
INSN(sti, "sti")
INSN(cli, "cli")
#undef INSN

/* I/O: insn_in8(port), insn_out8(port, value) by DX, and so on for 16 and 32 bits. */
#define INSN_IO(bits, suffix, reg)                                                                                    \
    static inline uint##bits##_t insn_in##bits(uint16_t port)                                                         \
    {                                                                                                                 \
        uint##bits##_t value;                                                                                         \
        __asm__ volatile("in" suffix " %%dx, %%" reg : "=a"(value) : "d"(port) : "memory");                           \
        return value;                                                                                                 \
    }                                                                                                                 \
    static inline void insn_out##bits(uint16_t port, uint##bits##_t value)                                            \
    {                                                                                                                 \
        __asm__ volatile("out" suffix " %%" reg ", %%dx" : : "a"(value), "d"(port) : "memory");                       \
    }
INSN_IO(8, "b", "al")
INSN_IO(16, "w", "ax")
INSN_IO(32, "l", "eax")
#undef INSN_IO

static inline uint64_t insn_rdmsr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
    return (uint64_t)high << 32 | low;
}

/* lab_keep_msr() first: what a test leaves in an MSR is the next one's. */
static inline void insn_wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t insn_rdtscp(uint32_t *aux)
{
    uint32_t low, high;

    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(*aux) : : "memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t insn_rdpmc(uint32_t counter)
{
    uint32_t low, high;

    __asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(counter) : "memory");
    return (uint64_t)high << 32 | low;
}

static inline void insn_invlpg(const void *address) { __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory"); }

static inline void insn_monitor(const void *address)
{
    __asm__ volatile("monitor" : : "a"(address), "c"(0), "d"(0) : "memory");
}

static inline void insn_mwait(void) { __asm__ volatile("mwait" : : "a"(0), "c"(0) : "memory"); }

/* insn_read_cr0() ... and insn_write_cr0(value) ...; DR likewise. */
#define INSN_REGISTER(name)                                                                                           \
    static inline uint64_t insn_read_##name(void)                                                                     \
    {                                                                                                                 \
        uint64_t value;                                                                                               \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(value) : : "memory");                                           \
        return value;                                                                                                 \
    }                                                                                                                 \
    static inline void insn_write_##name(uint64_t value)                                                              \
    {                                                                                                                 \
        __asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");                                               \
    }
INSN_REGISTER(cr0)
INSN_REGISTER(cr2)
INSN_REGISTER(cr3)
INSN_REGISTER(cr4)
INSN_REGISTER(cr8)
INSN_REGISTER(dr0)
INSN_REGISTER(dr1)
INSN_REGISTER(dr2)
INSN_REGISTER(dr3)
INSN_REGISTER(dr6)
INSN_REGISTER(dr7)
#undef INSN_REGISTER

static inline uint64_t insn_rflags(void)
{
    uint64_t value;

    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(value) : : "memory");
    return value;
}

#endif
