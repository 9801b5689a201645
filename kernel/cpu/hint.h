/* What to do about a machine on which Nestor can't run. */
#ifndef KERNEL_CPU_HINT_H
#define KERNEL_CPU_HINT_H

/* One line by what CPUID tells of the hypervisor underneath, or of there being none. Static storage. */
const char *hint_for_platform(void);

#endif
