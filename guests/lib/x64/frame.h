/* What interrupts.asm leaves on the stack for a handler. */
#ifndef GUESTS_LIB_X64_FRAME_H
#define GUESTS_LIB_X64_FRAME_H

struct interrupt_frame {
    unsigned long r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    unsigned long vector;
    unsigned long error; /* 0 for vectors that have none */
    unsigned long ip, cs, flags, sp, ss;
};

#endif
