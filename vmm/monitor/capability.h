/* The capability registers of the CPU that Nestor runs on. */
#ifndef VMM_MONITOR_CAPABILITY_H
#define VMM_MONITOR_CAPABILITY_H

#include <stdint.h>

/* By index as in struct machine_cap, for CPUID with the subleaf in bits 47:40: an MSR as the kernel tells it, 0 where there is
 * none; any register of CPUID, which ring 3 may ask. */
uint64_t capability_read(uint64_t index);

#endif
