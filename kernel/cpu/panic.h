/* The end of the machine because of the kernel's own error: never because of a guest's or a monitor's. */
#ifndef KERNEL_CPU_PANIC_H
#define KERNEL_CPU_PANIC_H

#include "kernel/cpu/regs.h"

/* Prints the text, a symbolised back trace and the last events in the trace, and ends the machine with a failure status. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same for a trap in the kernel, with its registers. */
_Noreturn void panic_trap(const struct regs *regs);

/* Name of an exception vector, "#PF"; "interrupt" for the others. */
const char *panic_vector_name(uint64_t vector);

#endif
