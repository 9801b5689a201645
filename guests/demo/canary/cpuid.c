/* What CPUID says is the same on each CPU that the canary comes to: its own APIC ID too, which is its vCPU's number, 0. */
#include "guests/demo/canary/canary.h"
#include "guests/lib/common/cpu.h"

static const struct {
    uint32_t leaf, subleaf;
} asked[] = {{0, 0}, {1, 0}, {4, 0}, {7, 0}, {0xb, 0}, {0xb, 1}, {0x1f, 0}, {0x80000001, 0}, {0x80000008, 0}, {0x8000001e, 0}};

enum { ASKED = sizeof asked / sizeof asked[0] };

static struct cpuid_result first[ASKED];

static void setup_cpuid(void)
{
    for (unsigned i = 0; i < ASKED; i++)
        first[i] = cpu_id(asked[i].leaf, asked[i].subleaf);
}

static void check_cpuid(void)
{
    for (unsigned i = 0; i < ASKED && canary_knows_cpu(); i++) {
        struct cpuid_result now = cpu_id(asked[i].leaf, asked[i].subleaf);

        canary_expect_at("EAX of leaf", asked[i].leaf, first[i].eax, now.eax);
        canary_expect_at("EBX of leaf", asked[i].leaf, first[i].ebx, now.ebx);
        canary_expect_at("ECX of leaf", asked[i].leaf, first[i].ecx, now.ecx);
        canary_expect_at("EDX of leaf", asked[i].leaf, first[i].edx, now.edx);
    }
    canary_expect("initial APIC ID", 0, cpu_id(1, 0).ebx >> 24);
    if (cpu_id(0, 0).eax >= 0xb)
        canary_expect("x2APIC ID", 0, cpu_id(0xb, 0).edx);
}

struct kind kind_cpuid = {"CPUID", setup_cpuid, 0, check_cpuid, 0};
