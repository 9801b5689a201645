/* Model-specific registers and memory that may not exist. */
#ifndef KERNEL_CPU_MSR_H
#define KERNEL_CPU_MSR_H

#include <stdbool.h>
#include <stdint.h>

/* RDMSR, WRMSR: false if the instruction raised #GP; *value is 0 then. */
bool x86_rdmsr_safe(uint32_t msr, uint64_t *value);
bool x86_wrmsr_safe(uint32_t msr, uint64_t value);

/* Reads 8 bytes of kernel memory; false if the address faults. */
bool x86_read_safe(uint64_t address, uint64_t *value);

#endif
