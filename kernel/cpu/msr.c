#include "kernel/cpu/msr.h"

#include "kernel/cpu/extable.h"

bool x86_rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t low = 0, high = 0;
    bool ok = false;

    __asm__ volatile("1: rdmsr\n"
                     "movb $1, %2\n"
                     "2:\n" EXTABLE("1b", "2b")
                     : "+a"(low), "+d"(high), "+m"(ok)
                     : "c"(msr));
    *value = ok ? (uint64_t)high << 32 | low : 0;
    return ok;
}

bool x86_wrmsr_safe(uint32_t msr, uint64_t value)
{
    bool ok = false;

    __asm__ volatile("1: wrmsr\n"
                     "movb $1, %0\n"
                     "2:\n" EXTABLE("1b", "2b")
                     : "+m"(ok)
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
    return ok;
}

bool x86_read_safe(uint64_t address, uint64_t *value)
{
    uint64_t v = 0;
    bool ok = false;

    __asm__ volatile("1: mov (%2), %0\n"
                     "movb $1, %1\n"
                     "2:\n" EXTABLE("1b", "2b")
                     : "+r"(v), "+m"(ok)
                     : "r"(address));
    *value = v;
    return ok;
}
