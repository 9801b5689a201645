/* kernel/vmx/access.h as the kernel of `make bench` has it: it counts. */
#ifndef KERNEL_VMX_ACCESS_H
#define KERNEL_VMX_ACCESS_H

#include <stdint.h>

extern uint64_t bench_vmreads, bench_vmwrites; /* since boot, on all pCPUs */

static inline uint64_t vmread(uint64_t field)
{
    uint64_t value;

    bench_vmreads++;
    __asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
    return value;
}

static inline void vmwrite(uint64_t field, uint64_t value)
{
    bench_vmwrites++;
    __asm__ volatile("vmwrite %1, %0" : : "r"(field), "r"(value) : "cc");
}

#endif
