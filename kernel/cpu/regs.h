/* The registers of ring 3 or of interrupted kernel code, in the order in which the entry stubs push them. */
#ifndef KERNEL_CPU_REGS_H
#define KERNEL_CPU_REGS_H

#include <stdbool.h>
#include <stdint.h>

struct regs {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector; /* of the trap, or REGS_SYSCALL */
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/*
 * In `vector`: entered by SYSCALL, so it may be left by SYSRET. Of the general registers, only those hold something that
 * a called function preserves, and RAX, the result.
 */
enum { REGS_SYSCALL = 256 };

static inline bool regs_from_user(const struct regs *r) { return (r->cs & 3) == 3; }

#endif
