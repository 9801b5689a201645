/* What the CPU offers that the kernel itself uses. */
#ifndef KERNEL_CPU_FEATURES_H
#define KERNEL_CPU_FEATURES_H

#include <stdbool.h>

struct cpu_features {
    bool nx, smep, smap, umip, pge, page_1g, xsave, rdtscp;
};

extern struct cpu_features cpu_features;

/* Fills cpu_features by CPUID; once, on the boot CPU. */
void features_detect(void);

#endif
