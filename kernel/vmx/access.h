/* VMREAD and VMWRITE, the two instructions that a hypervisor under this one pays most for. `make bench` has another file in
 * the place of this one, which counts them. */
#ifndef KERNEL_VMX_ACCESS_H
#define KERNEL_VMX_ACCESS_H

#include <stdint.h>

/* VMREAD of a field of the current VMCS that exists. */
static inline uint64_t vmread(uint64_t field)
{
    uint64_t value;

    __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
    return value;
}

/* VMWRITE of a field of the current VMCS that exists and may be written. */
static inline void vmwrite(uint64_t field, uint64_t value)
{
    __asm__ volatile("vmwrite %1, %0" : : "r"(field), "r"(value) : "cc");
}

#endif
