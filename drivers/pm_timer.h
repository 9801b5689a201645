/* ACPI power management timer (ACPI Specification, "Power Management Timer"): counts up at a fixed rate. */
#ifndef DRIVERS_PM_TIMER_H
#define DRIVERS_PM_TIMER_H

#include <stdint.h>

#define PM_TIMER_HZ   3579545ull
#define PM_TIMER_MASK 0xffffffu /* the bits that each of them has */

/* The counter at a port that acpi_pm_timer_port() gave. */
static inline uint32_t pm_timer_read(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

#endif
