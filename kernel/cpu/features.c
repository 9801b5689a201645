#include "kernel/cpu/features.h"

#include "kernel/cpu/msr.h"
#include "lib/x86.h"

struct cpu_features cpu_features;

/* "Determining the Signature": CPUID puts it into the register, which was cleared before; AMD's refuses to be cleared. */
static uint64_t microcode(void)
{
    enum { MSR_BIOS_SIGN_ID = 0x8b };
    uint64_t value;

    x86_wrmsr_safe(MSR_BIOS_SIGN_ID, 0);
    x86_cpuid(1, 0);
    x86_rdmsr_safe(MSR_BIOS_SIGN_ID, &value);
    return value;
}

void features_detect(void)
{
    uint32_t max = x86_cpuid(0, 0).eax;
    struct cpuid_result basic = x86_cpuid(1, 0);
    struct cpuid_result extended = x86_cpuid(0x80000001, 0); /* there on each CPU with long mode */
    struct cpuid_result seven = max >= 7 ? x86_cpuid(7, 0) : (struct cpuid_result){0};

    cpu_features = (struct cpu_features){
        .nx = extended.edx >> 20 & 1,
        .page_1g = extended.edx >> 26 & 1,
        .rdtscp = extended.edx >> 27 & 1,
        .pge = basic.edx >> 13 & 1,
        .xsave = basic.ecx >> 26 & 1,
        .smep = seven.ebx >> 7 & 1,
        .smap = seven.ebx >> 20 & 1,
        .umip = seven.ecx >> 2 & 1,
        .microcode = microcode(),
    };
}
