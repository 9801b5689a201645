#include "vmm/passport/cpu.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/root/console.h"

/* The words of a text in the order in which CPUID gives them. */
static void put_text(char *to, uint32_t a, uint32_t b, uint32_t c)
{
    memcpy(to, &a, 4);
    memcpy(to + 4, &b, 4);
    memcpy(to + 8, &c, 4);
    to[12] = 0;
}

/* "Processor Brand String". */
static void read_brand(passport_cpuid *cpuid, char brand[49])
{
    uint32_t words[12];
    char text[49];

    for (uint32_t i = 0; i < 3; i++) {
        struct cpuid_words w = cpuid(0x80000002 + i);

        memcpy(words + 4 * i, (uint32_t[]){w.eax, w.ebx, w.ecx, w.edx}, 16);
    }
    memcpy(text, words, 48);
    text[48] = 0;
    strcpy(brand, text + strspn(text, " "));
    for (size_t i = strlen(brand); i > 0 && brand[i - 1] == ' '; i--)
        brand[i - 1] = 0;
}

/* "Version Information": the extended numbers count for some families only. */
static void read_version(uint32_t eax, struct passport_cpu *cpu)
{
    enum { FAMILY_6 = 6, FAMILY_EXTENDED = 15 };
    unsigned family = eax >> 8 & 0xf;

    cpu->stepping = eax & 0xf;
    cpu->model = eax >> 4 & 0xf;
    if (family == FAMILY_6 || family == FAMILY_EXTENDED)
        cpu->model |= (eax >> 16 & 0xf) << 4;
    cpu->family = family + (family == FAMILY_EXTENDED ? eax >> 20 & 0xff : 0);
}

static const char *find_name(const char signature[13])
{
    static const struct {
        char signature[13];
        const char *name;
    } known[] = {
#define X(signature, name, hint) {signature, name},
        HYPERVISORS(X)
#undef X
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (memcmp(known[i].signature, signature, 12) == 0)
            return known[i].name;
    return NULL;
}

/* A CPU answers leaves that it does not have with those of another one, so further levels count only if their name is known. */
static void read_hypervisors(passport_cpuid *cpuid, struct passport_cpu *cpu)
{
    for (uint32_t level = 0; level < HYPERVISOR_LEVELS; level++) {
        uint32_t leaf = HYPERVISOR_LEAF + level * HYPERVISOR_STEP;
        struct cpuid_words w = cpuid(leaf);
        char signature[13];
        const char *name;

        put_text(signature, w.ebx, w.ecx, w.edx);
        name = find_name(signature);
        if (level > 0 && !name)
            continue;
        cpu->hypervisor[cpu->hypervisors].leaf = leaf;
        cpu->hypervisor[cpu->hypervisors].name = name;
        memcpy(cpu->hypervisor[cpu->hypervisors++].signature, signature, sizeof(signature));
    }
}

void passport_cpu_read(passport_cpuid *cpuid, struct passport_cpu *cpu)
{
    struct cpuid_words zero = cpuid(0), one = cpuid(1), widths = {.eax = 0};
    uint32_t extended = cpuid(0x80000000).eax;

    *cpu = (struct passport_cpu){.hypervisor_present = one.ecx & HYPERVISOR_PRESENT};
    put_text(cpu->vendor, zero.ebx, zero.edx, zero.ecx);
    read_version(one.eax, cpu);
    if (extended >= 0x80000004)
        read_brand(cpuid, cpu->brand);
    if (extended >= 0x80000008)
        widths = cpuid(0x80000008);
    cpu->physical = widths.eax & 0xff;
    cpu->linear = widths.eax >> 8 & 0xff;
    if (cpu->hypervisor_present)
        read_hypervisors(cpuid, cpu);
}

void passport_cpu_hypervisor(const struct passport_cpu *cpu, char *text, size_t room)
{
    size_t used = (size_t)snprintf(text, room, "%s", cpu->hypervisors ? "" : "none");

    for (unsigned i = 0; i < cpu->hypervisors && used < room; i++) {
        const char *signature = cpu->hypervisor[i].signature, *name = cpu->hypervisor[i].name;
        char quoted[64], where[16] = "";

        if (!name) {
            char printable[52];

            console_escape(printable, sizeof(printable), signature, strlen(signature), true);
            snprintf(quoted, sizeof(quoted), "unknown (\"%s\")", printable);
        }
        if (i > 0)
            snprintf(where, sizeof(where), " at %" PRIX32 "H", cpu->hypervisor[i].leaf);
        used += (size_t)snprintf(text + used, room - used, "%s%s%s", i ? ", " : "", name ? name : quoted, where);
    }
}
