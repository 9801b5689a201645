/*
 * Code in other modes of the CPU than 64-bit mode. It is written as
 *
 *     MODE_CODE(halt, 16, "hlt")          16 or 32: the size of operands that it is assembled for
 *     ...
 *     OBSERVE(mode_run(MODE_REAL, &halt, &registers));
 *
 * and runs at gpa and linear address MODE_ADDRESS, with flat segments (32) or segments of base 0 (16), a stack of its own and
 * interrupts off; behind its end, 64-bit mode goes on. A fault in there is as one of the statement around it, for CATCH and OBSERVE.
 * It must not rely on where it is: jumps within it only.
 */
#ifndef GUESTS_LIB_LAB_MODE_H
#define GUESTS_LIB_LAB_MODE_H

#include <stdint.h>

/* mode.asm knows these and the next. The first two are sub-modes of IA-32e mode; in the others paging is off and LMA 0. */
enum mode {
    MODE_COMPATIBILITY_32,
    MODE_COMPATIBILITY_16,
    MODE_PROTECTED_32,
    MODE_PROTECTED_16,
    MODE_REAL,    /* CS = DS = ES = SS = 0 */
    MODE_V86,     /* likewise; IOPL 0 unless `flags` says so; ports are allowed as tables_allow_port() says */
    MODES,
};

enum {
    MODE_ADDRESS = 0x2000, /* the code, up to MODE_BYTES of it */
    MODE_BYTES = 0x1000,
    MODE_STACK = 0x3f00,   /* its stack grows down from here, to the end of the code */
    MODE_STACK_END = 0x4000, /* the test may have words above the stack, up to here, but in V86 only before a fault */
};

/* In: what the code finds. Out, if it got to its end: what it left. */
struct mode_registers {
    uint32_t eax, ebx, ecx, edx, esi, edi;
    uint32_t flags; /* V86 only: RFLAGS besides VM and bit 1; in alone */
};

struct mode_code {
    const char *begin, *end;
    unsigned bits;
};

#define MODE_CODE(name, size, text)                                                                                   \
    extern const char name##_code_begin[], name##_code_end[];                                                         \
    __asm__(".pushsection .rodata.mode_code\n" #name "_code_begin:\n.code" #size "\n" text "\n.code64\n" #name         \
            "_code_end:\n.popsection");                                                                                \
    static const struct mode_code name = {name##_code_begin, name##_code_end, size};

/* A pointer to memory that code of each mode can address; the compiler trusts none that is a small constant. */
static inline void *mode_memory(uintptr_t address)
{
    __asm__("" : "+r"(address));
    return (void *)address;
}

/* registers: null for none. */
void mode_run(enum mode mode, const struct mode_code *code, struct mode_registers *registers);

#endif
