/* More than one vCPU: `vcpus = N` in the config. */
#ifndef GUESTS_LIB_X64_VCPUS_H
#define GUESTS_LIB_X64_VCPUS_H

#include <stdint.h>

/* Where another vCPU begins; stays where it is until that vCPU has begun. Below 4 GiB, as all of a guest's data. */
struct vcpu_launch {
    uint64_t stack_top; /* 16-aligned; the stack grows down from it */
    void (*function)(void *argument);
    void *argument;
};

/*
 * Starts vCPU `vcpu` (1, 2, ...) in 64-bit mode, ring 0, interrupts off, with the first vCPU's page tables and IDT. When
 * the function returns, the vCPU halts for good. Returns 0 or a negative enum abi_error: -ABI_ENOENT, there are not so
 * many; -ABI_EBUSY, it was started before.
 */
long vcpu_start(unsigned vcpu, struct vcpu_launch *launch);

/* Raises interrupt `vector` (32..255) on a vCPU, this one included. 0 or a negative enum abi_error. */
long vcpu_interrupt(unsigned vcpu, unsigned vector);

#endif
