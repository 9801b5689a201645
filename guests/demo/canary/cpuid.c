/* The APIC ID is the vCPU's number, 0, on each CPU that the canary comes to. The rest of CPUID may change when a saved
 * canary goes on on another machine. */
#include "guests/demo/canary/canary.h"
#include "guests/lib/common/cpu.h"

static void check_cpuid(void)
{
    canary_expect("EBX of leaf 1, bits 31:24", 0, cpu_id(1, 0).ebx >> 24);
    canary_expect("EDX of leaf 0BH", 0, cpu_id(0xb, 0).edx);
    canary_expect("EDX of leaf 1FH", 0, cpu_id(0x1f, 0).edx);
    canary_expect("EAX of leaf 8000001EH", 0, cpu_id(0x8000001e, 0).eax);
}

struct kind kind_cpuid = {"APIC ID", 0, 0, check_cpuid, 0};
