/*
 * SWAPGS puts a GS base of our choice into KERNEL_GS_BASE, without an exit. A hypervisor's own SWAPGS must not find it
 * there: not when this guest's monitor makes its next system call, and not in another VM.
 */
#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"

#define MSR_GS_BASE 0xc0000101u

enum { DEFAULT_ROUNDS = 100 };

static void write_gs_base(uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(MSR_GS_BASE), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static uint64_t read_gs_base(void)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_GS_BASE));
    return (uint64_t)high << 32 | low;
}

void swapgs_mode(uint64_t count)
{
    uint64_t rounds = count ? count : DEFAULT_ROUNDS, kept = 0;

    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t base = hostile_random() >> 17;

        write_gs_base(base);
        __asm__ volatile("swapgs");
        hypercall(HC_MEMORY, 0, 0, 0); /* to the monitor */
        hypercall(HC_YIELD, 0, 0, 0);  /* to other VMs */
        hypercall(HC_MEMORY, 0, 0, 0);
        __asm__ volatile("swapgs");
        kept += read_gs_base() == base;
    }
    test_result(kept == rounds, "a base went to KERNEL_GS_BASE by SWAPGS and came back: %lu of %lu", kept, rounds);
}
