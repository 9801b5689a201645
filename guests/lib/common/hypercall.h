/* Hypercalls: config/abi.h, "Guests", has their numbers, arguments and errors. */
#ifndef GUESTS_LIB_COMMON_HYPERCALL_H
#define GUESTS_LIB_COMMON_HYPERCALL_H

#include "config/abi.h"

/* Finds out from CPUID whether the hypercall instruction is VMCALL or VMMCALL. Comes before every other call here. */
void hypercall_setup(void);

/* Whether it is VMMCALL. */
extern bool hypercall_is_svm;

/* One hypercall with up to three arguments; returns its result, a negative enum abi_error for an error. */
long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c);

/* An invalid opcode at *ip: if that is our hypercall instruction, but no longer this CPU's, because the VM was saved on one
 * and goes on on the other, makes *ip where to go on. False for any other. */
bool hypercall_retry(unsigned long *ip);

/* Ends the VM with `status` at once; nothing is flushed. */
_Noreturn void guest_exit(long status);

#endif
