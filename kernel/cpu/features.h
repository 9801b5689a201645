/* What the CPU offers that the kernel itself uses. */
#ifndef KERNEL_CPU_FEATURES_H
#define KERNEL_CPU_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

struct cpu_features {
    bool nx, smep, smap, umip, pge, page_1g, xsave, rdtscp;
    uint64_t microcode; /* MSR 8BH of the boot CPU: the revision in bits 63:32 (Intel) or 31:0 (AMD); 0 = it tells none */
};

extern struct cpu_features cpu_features;

/* Fills cpu_features; once, on the boot CPU, when traps can be taken. */
void features_detect(void);

#endif
