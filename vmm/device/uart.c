/* The transmit side of a 16550 UART. */
#include "vmm/device/uart.h"

enum { UART_DATA, UART_IER, UART_IIR_FCR, UART_LCR, UART_MCR, UART_LSR, UART_MSR, UART_SCRATCH };

enum {
    IER_ALL = 0x0f,
    IIR_NONE = 0x01, /* no interrupt is pending */
    IIR_FIFOS = 0xc0,
    FCR_ENABLE = 0x01,
    LCR_DLAB = 0x80,
    MCR_ALL = 0x1f,
    MCR_LOOPBACK = 0x10,  /* transmits to its own receiver, not to the line */
    LSR_SENT = 0x60,      /* transmitter holding register and shift register empty */
    MSR_CONNECTED = 0xb0, /* DCD, DSR, CTS */
};

uint8_t uart_read(struct uart *uart, unsigned reg)
{
    const bool dlab = (uart->lcr & LCR_DLAB) != 0;
    const uint8_t values[UART_PORTS] = {
        [UART_DATA] = dlab ? (uint8_t)uart->divisor : 0,
        [UART_IER] = dlab ? (uint8_t)(uart->divisor >> 8) : uart->ier,
        [UART_IIR_FCR] = IIR_NONE | (uart->fcr & FCR_ENABLE ? IIR_FIFOS : 0),
        [UART_LCR] = uart->lcr,
        [UART_MCR] = uart->mcr,
        [UART_LSR] = LSR_SENT,
        [UART_MSR] = MSR_CONNECTED,
        [UART_SCRATCH] = uart->scratch,
    };

    return values[reg];
}

static void uart_write_divisor(struct uart *uart, unsigned reg, uint8_t value)
{
    if (reg == UART_DATA)
        uart->divisor = (uint16_t)((uart->divisor & 0xff00) | value);
    else
        uart->divisor = (uint16_t)((uart->divisor & 0x00ff) | value << 8);
}

void uart_write(struct uart *uart, unsigned reg, uint8_t value)
{
    if (reg <= UART_IER && uart->lcr & LCR_DLAB) {
        uart_write_divisor(uart, reg, value);
        return;
    }
    switch (reg) {
    case UART_DATA:
        if (!(uart->mcr & MCR_LOOPBACK))
            line_put(uart->output, (char)value);
        break;
    case UART_IER:
        uart->ier = value & IER_ALL;
        break;
    case UART_IIR_FCR:
        uart->fcr = value;
        break;
    case UART_LCR:
        uart->lcr = value;
        break;
    case UART_MCR:
        uart->mcr = value & MCR_ALL;
        break;
    case UART_SCRATCH:
        uart->scratch = value;
        break;
    default: /* LSR and MSR are read-only */
        break;
    }
}
