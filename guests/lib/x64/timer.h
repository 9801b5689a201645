/* Time of a guest: its TSC, and one timer that raises an interrupt. */
#ifndef GUESTS_LIB_X64_TIMER_H
#define GUESTS_LIB_X64_TIMER_H

#include <stdint.h>

/* TSC ticks in a millisecond, as the hypervisor tells. */
uint64_t guest_tsc_per_ms(void);

/*
 * Asks for interrupt `vector` (32..255) once the TSC reaches `deadline`, instead of what was armed before; 0 disarms.
 * Sleep by cpu_wait_interrupt() until the handler of the vector has run. Returns 0 or a negative enum abi_error.
 */
long timer_arm(uint64_t deadline, unsigned vector);

#endif
