/*
 * Stands in for lib/x86.h, so that a driver meets a model of its hardware: a test includes this, then the driver's
 * .c file, and defines those of the functions that the driver calls.
 */
#ifndef TESTS_DRIVERS_X86_H
#define TESTS_DRIVERS_X86_H

#define LIB_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSR_APIC_BASE 0x1bu

struct cpuid_result {
    uint32_t eax, ebx, ecx, edx;
};

struct cpuid_result x86_cpuid(uint32_t leaf, uint32_t subleaf);
void x86_outb(uint16_t port, uint8_t v);
void x86_outsb(uint16_t port, const void *bytes, size_t n);
void x86_outw(uint16_t port, uint16_t v);
void x86_outl(uint16_t port, uint32_t v);
uint8_t x86_inb(uint16_t port);
uint16_t x86_inw(uint16_t port);
uint32_t x86_inl(uint16_t port);
uint64_t x86_rdtsc(void);
uint64_t x86_rdmsr(uint32_t msr);
void x86_wrmsr(uint32_t msr, uint64_t v);
_Noreturn void x86_halt(void);
_Noreturn void x86_triple_fault(void);

#endif
