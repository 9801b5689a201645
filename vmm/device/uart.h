/*
 * The transmit side of a 16550 UART, as much as a guest needs that polls the line status and prints. Its receiver is
 * always empty and it raises no interrupts.
 */
#ifndef VMM_DEVICE_UART_H
#define VMM_DEVICE_UART_H

#include <stdint.h>

#include "vmm/lib/line.h"

enum { UART_PORTS = 8, UART_COM1 = 0x3f8 };

struct uart {
    struct line *output; /* gets what the guest transmits */
    uint16_t divisor;
    uint8_t ier, fcr, lcr, mcr, scratch;
};

/* Register accesses; reg is below UART_PORTS. */
uint8_t uart_read(struct uart *uart, unsigned reg);
void uart_write(struct uart *uart, unsigned reg, uint8_t value);

#endif
