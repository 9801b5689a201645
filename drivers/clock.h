/* How fast the time stamp counter and the LAPIC timer run, and the arithmetic between their ticks and seconds. */
#ifndef DRIVERS_CLOCK_H
#define DRIVERS_CLOCK_H

#include <stdint.h>

struct clock_rates {
    uint64_t tsc_hz, lapic_hz; /* ticks a second; 0: could not be found out */
};

/*
 * Measures both against the PIT, in 2 to 120 ms. Without a PIT that counts: by CPUID (Intel SDM, "Time Stamp Counter
 * and Nominal Core Crystal Clock Information Leaf", "Processor Frequency Information Leaf"; under a hypervisor the leaf
 * 40000010H), else against the ACPI PM timer. The clock_*_ticks functions use the rates from then on. After lapic_init
 * and, for the PM timer, acpi_init; the LAPIC timer is stopped.
 */
struct clock_rates clock_calibrate(void);

/*
 * value * to_hz / from_hz, rounded down, with all bits in between; UINT64_MAX when it does not fit or from_hz is 0.
 */
uint64_t clock_convert(uint64_t value, uint64_t from_hz, uint64_t to_hz);

/* Microseconds -> TSC ticks, rounded down, UINT64_MAX when it does not fit. */
uint64_t clock_ticks_from_us(uint64_t us);

/*
 * TSC ticks -> a count for lapic_timer_one_shot, rounded up: at least 1, and at most 2^32 - 1: a deadline further away
 * needs another shot when this one fires.
 */
uint32_t clock_lapic_from_ticks(uint64_t ticks);

#endif
