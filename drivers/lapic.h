/*
 * Local APIC of the pCPU that runs this (Intel SDM, "Advanced Programmable Interrupt Controller (APIC)"), in xAPIC mode
 * by MMIO or, where the firmware has left it on, in x2APIC mode by MSRs.
 */
#ifndef DRIVERS_LAPIC_H
#define DRIVERS_LAPIC_H

#include <stdbool.h>
#include <stdint.h>

enum { LAPIC_TIMER_VECTOR = 0xf0, LAPIC_SPURIOUS_VECTOR = 0xff };
#define LAPIC_BYTES    0x1000ull

/* Physical address of the registers, out of IA32_APIC_BASE: what is to be mapped, uncached, before lapic_init. */
uint64_t lapic_physical(void);

/*
 * Enables the local APIC of the boot CPU, in x2APIC mode where it has one: all vectors accepted, spurious vector LAPIC_SPURIOUS_VECTOR, every local vector
 * masked but the timer's, which is stopped. mmio: where lapic_physical() is mapped uncached; unused in x2APIC mode.
 * All pCPUs have the registers at the same address.
 */
void lapic_init(volatile void *mmio);

/* The same on each further pCPU, in the mode that lapic_init has chosen. */
void lapic_init_pcpu(void);

/* APIC id of this pCPU. */
uint32_t lapic_id(void);

/* End of interrupt: for each interrupt but NMI, INIT, SIPI and the spurious one. */
void lapic_eoi(void);

/* LAPIC_TIMER_VECTOR once, after `count` LAPIC timer ticks (see clock.h); replaces what was armed. 0 stops it. */
void lapic_timer_one_shot(uint32_t count);

/* Disarms the timer; an interrupt that is pending already still comes. */
void lapic_timer_stop(void);

/* Ticks left until the timer fires; 0: it has fired or was not armed. */
uint32_t lapic_timer_left(void);

/* Whether an interprocessor interrupt can be sent to this id: in xAPIC mode it has 8 bits, and 255 means everybody. */
bool lapic_can_reach(uint32_t id);

/* Interprocessor interrupts to one APIC id, the own one included. They return when the message has left. */
void lapic_send_fixed(uint32_t id, uint8_t vector);
void lapic_send_init(uint32_t id);

/* page: number of the 4 KiB page below 1 MiB where the target begins in real mode. */
void lapic_send_startup(uint32_t id, uint8_t page);

#endif
