/* The hypervisor under this machine, by CPUID; config/hypervisors.h has what they call themselves. */
#ifndef LIB_HYPERVISOR_H
#define LIB_HYPERVISOR_H

#include "config/hypervisors.h"
#include "lib/string.h"
#include "lib/x86.h"

/* Whether one shows itself. If none does, its leaves may hold anything. */
static inline bool hypervisor_is_present(void) { return x86_cpuid(1, 0).ecx & HYPERVISOR_PRESENT; }

/* Whether the signature of a leaf like HYPERVISOR_LEAF is that of 12 characters. Only where one is present. */
static inline bool hypervisor_leaf_is(struct cpuid_result leaf, const char *signature)
{
    return memcmp(&leaf.ebx, signature, 12) == 0;
}

/* Whether one is present and calls itself so in its first leaf. */
static inline bool hypervisor_is(const char *signature)
{
    return hypervisor_is_present() && hypervisor_leaf_is(x86_cpuid(HYPERVISOR_LEAF, 0), signature);
}

#endif
