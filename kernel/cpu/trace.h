/* What each pCPU did lately: always on, for the panic screen; kept for long when the root task asks for it. */
#ifndef KERNEL_CPU_TRACE_H
#define KERNEL_CPU_TRACE_H

#include <stdbool.h>

#include "kernel/cpu/pcpu.h"
#include "lib/x86.h"

/* The ring that a pCPU starts with: one page. False when memory is out. */
bool trace_init_pcpu(struct pcpu *pcpu);

/*
 * Makes every pCPU's ring as large as TRACE_RECORDS. Under the kernel lock, and before there is a VM: exits are the only
 * records that are made without the lock. 0 or -ABI_ENOMEM; what got its memory keeps it.
 */
int trace_start(void);

/* Appends a record to this pCPU's ring: what happened, to which vCPU, and when, if that is not just now. */
static inline __attribute__((always_inline)) void trace_at(uint64_t tsc, enum trace_kind kind, uint32_t who, uint64_t a,
                                                           uint64_t b)
{
    trace_ring_put(&pcpu_this()->trace, tsc, kind, who, a, b);
}

static inline __attribute__((always_inline)) void trace(enum trace_kind kind, uint32_t who, uint64_t a, uint64_t b)
{
    trace_at(x86_rdtsc(), kind, who, a, b);
}

/* Prints this pCPU's newest records, for a panic. */
void trace_print(const struct pcpu *pcpu);

#endif
