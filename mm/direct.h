/* The direct map: all RAM is mapped at one virtual offset, writable and never executable. */
#ifndef MM_DIRECT_H
#define MM_DIRECT_H

#include "lib/addr.h"

/* RAM at or above this address is not used: the direct map has half of the kernel's half of the address space. */
#define MM_DIRECT_LIMIT (1ull << 46)

/* Virtual address of host-physical address 0. A host test sets it so that its arena stands for RAM. */
extern uint64_t mm_direct_base;

/* Where the kernel sees the byte at `a`, which is RAM. */
static inline void *mm_direct(hpa_t a) { return (void *)(mm_direct_base + a.value); }

/* The inverse; `p` came from mm_direct or points into what did. */
static inline hpa_t mm_direct_hpa(const void *p) { return HPA((uint64_t)p - mm_direct_base); }

#endif
