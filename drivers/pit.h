/* 8254 interval timer: channel 2, whose gate and output are bits of port 61H, as a stop watch. */
#ifndef DRIVERS_PIT_H
#define DRIVERS_PIT_H

#include <stdbool.h>
#include <stdint.h>

#define PIT_HZ 1193182ull

/* Starts channel 2 at 65536, counting down, speaker off. */
void pit_start(void);

/* Stops it. */
void pit_stop(void);

/* The counter as it is now, modulo 65536: it goes down at PIT_HZ, and from 1 to 65536. */
uint16_t pit_read(void);

#endif
