/* Which CPU this is, and which hypervisor is under it, by CPUID. Pure C: the leaves come from a function. */
#ifndef VMM_PASSPORT_CPU_H
#define VMM_PASSPORT_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/hypervisors.h"

struct cpuid_words {
    uint32_t eax, ebx, ecx, edx;
};

/* CPUID of a leaf, subleaf 0. */
typedef struct cpuid_words passport_cpuid(uint32_t leaf);

/* Texts are as CPUID has them, 0-terminated; they may have any bytes in them. */
struct passport_cpu {
    char vendor[13];
    char brand[49]; /* without the blanks in front; "" = none */
    unsigned family, model, stepping;
    unsigned physical, linear; /* bits of an address */
    bool hypervisor_present;   /* CPUID says that there is one */
    unsigned hypervisors;      /* entries of hypervisor[] */
    struct {
        uint32_t leaf; /* of its signature */
        char signature[13];
        const char *name; /* NULL = unknown here */
    } hypervisor[HYPERVISOR_LEVELS];
};

/* Fills all of *cpu. */
void passport_cpu_read(passport_cpuid *cpuid, struct passport_cpu *cpu);

/* "KVM", "Hyper-V, KVM at 40000100H", "none", `unknown ("...")`; cut where it does not fit. Only printable characters. */
void passport_cpu_hypervisor(const struct passport_cpu *cpu, char *text, size_t room);

#endif
