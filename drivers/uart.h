/* Serial line: a 16550 or its ancestors, polled. Needs no memory and no interrupts, so it works from the start. */
#ifndef DRIVERS_UART_H
#define DRIVERS_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UART_COM1 = 0x3f8, UART_BAUD = 115200 };

/*
 * Sets the port up for 8 data bits, no parity, 1 stop bit, and its FIFOs on, when there is a UART that answers its
 * scratch register and its own loopback. Otherwise returns false, and the others do nothing.
 * baud: 1 to 115200, rounded to what the divisor can do. It replaces the UART of the call before; port 0: there is none.
 */
bool uart_init(uint16_t port, uint32_t baud);

/* Whether text goes somewhere: there is a UART that takes it, or the debug port. */
bool uart_exists(void);

/*
 * Sends text; a line feed goes out as carriage return, line feed. Waits while the transmitter is full, but not for
 * ever: a port that is stuck loses text, without further waiting, and once it moves again it says how much.
 */
void uart_write(const char *text, size_t bytes);

/* The next byte that has come in, or -1: none has, or there is no UART. */
int uart_read(void);

/* Waits until the last bit is on the wire, but not for ever. Before a machine ends: an emulator drops the rest. */
void uart_flush(void);

/* From now on text goes to port E9H instead, which emulators have for debuggers, and where a byte takes no time. After
 * uart_init. */
void uart_use_debug_port(void);

#endif
