/* Deadlines of a pCPU: timers, the end of the timeslice, and the one hardware timer that serves both. */
#ifndef KERNEL_CPU_TIMER_H
#define KERNEL_CPU_TIMER_H

#include <stdbool.h>

#include "lib/heap.h"

struct pcpu;

/* A thing to do at a time. Embedded in its owner; armed on one pCPU at a time. */
struct timer {
    struct heap_node node;        /* key: TSC deadline */
    struct pcpu *pcpu;            /* in whose heap it is, while it is armed */
    void (*expire)(struct timer *); /* called with interrupts off, on the pCPU where it was armed; it is disarmed then */
};

/* Measures the clocks' rates; once, on the boot CPU. False if no clock could be measured. */
bool timer_calibrate(void);

/* TSC ticks per second. */
uint64_t timer_tsc_hz(void);

/* Arms a timer on this pCPU for TSC `deadline` (in the past: at once, at the next look). One that was armed is moved.
 * Timers of all pCPUs are under the kernel lock. */
void timer_arm(struct timer *timer, uint64_t deadline);

/* Disarms a timer, wherever it was armed. */
void timer_disarm(struct timer *timer);

/* Whether the timer is armed; its deadline is node.key then. */
bool timer_is_armed(const struct timer *timer);

/* Runs what has expired, notes in pcpu.resched if the timeslice is over, sets the hardware timer for what is next. */
void timer_tick(void);

/* The LAPIC timer has fired: timer_tick, and it has to be set again. */
void timer_interrupt(void);

/* Sets the hardware timer anew after a switch to another thread. */
void timer_set_hardware(void);

#endif
