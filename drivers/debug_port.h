/* The debug port of emulators, E9H: each byte that is written to it comes out of the emulator as it is, and at once. */
#ifndef DRIVERS_DEBUG_PORT_H
#define DRIVERS_DEBUG_PORT_H

#include <stdbool.h>
#include <stddef.h>

enum { DEBUG_PORT = 0xe9 };

/* Whether there is one: the port then reads as its own number. */
bool debug_port_exists(void);

void debug_port_write(const char *bytes, size_t n);

#endif
