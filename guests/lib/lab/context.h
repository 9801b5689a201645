/*
 * Places that can be come back to, as with setjmp(), but that an exit can lead to as well. What the compiler must know of
 * that is nothing: the function that marks a place calls what may come back as the last thing that it does, in a frame of its own
 * (CONTEXT_FRAME), so nothing that it has in memory counts any more by then.
 */
#ifndef GUESTS_LIB_LAB_CONTEXT_H
#define GUESTS_LIB_LAB_CONTEXT_H

#include <stdint.h>

/* context.asm knows this. */
struct context {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};

/* Returns 0; again whenever context_resume() says so, with its value. */
long context_mark(struct context *context);

/* context_mark(), then a hypercall; returns what that returns, each time that it does. */
long context_hypercall(struct context *context, unsigned long number, unsigned long a, unsigned long b, unsigned long c);

/* From CPL 0 and any stack; interrupts are off then. */
_Noreturn void context_resume(const struct context *context, long value);

/* For a function that marks a place: never a part of another. */
#define CONTEXT_FRAME __attribute__((noipa))

/* The last statement of such a function: what comes before is no tail call, in which the frame would be gone. */
#define CONTEXT_END() __asm__ volatile("" : : : "memory")

#endif
