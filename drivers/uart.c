#include "drivers/uart.h"

#include "drivers/debug_port.h"
#include "lib/x86.h"

/* Registers of a 16550, from the port up (data sheet PC16550D, "Registers"). */
enum {
    THR = 0, /* Transmitter Holding; Receiver Buffer, when read; with DLAB the divisor's low byte */
    IER = 1, /* Interrupt Enable; with DLAB the divisor's high byte */
    FCR = 2, /* FIFO Control, when written */
    IIR = 2, /* Interrupt Identification, when read */
    LCR = 3, /* Line Control */
    MCR = 4, /* Modem Control */
    LSR = 5, /* Line Status */
    SCR = 7, /* Scratch */
};

enum {
    FCR_ENABLE_AND_CLEAR = 0x07,
    IIR_FIFOS = 0xc0,
    LCR_8N1 = 0x03,
    LCR_DLAB = 0x80,
    MCR_DTR_RTS_OUT2 = 0x0b,
    MCR_LOOP = 0x10,
    LSR_DATA_READY = 0x01,
    LSR_THR_EMPTY = 0x20,
    LSR_TRANSMITTER_EMPTY = 0x40,
    FIFO_BYTES = 16,
    UART_CLOCK = 115200, /* baud at divisor 1 */
};

/*
 * How often the line status is read before a port counts as dead. A read takes 0.5 us and more on hardware; an emulator
 * of 1 ns an instruction needs some 30,000 reads for a byte at 115,200 baud.
 */
enum { WAIT_READS = 2000000 };

static uint16_t base; /* 0: no UART, or it is dead */
static unsigned fifo; /* bytes that fit once the transmitter says it is empty */
static unsigned room; /* of these, not used yet */

static bool wait_for(uint8_t status)
{
    for (unsigned i = 0; i < WAIT_READS; i++)
        if ((x86_inb(base + LSR) & status) == status)
            return true;
    return false;
}

/* Whether something at the port keeps what is written, and hears itself when its line is looped back. */
static bool is_there(uint16_t port)
{
    static const uint8_t patterns[] = {0x55, 0xae};

    for (unsigned i = 0; i < sizeof(patterns); i++) {
        x86_outb(port + SCR, patterns[i]);
        if (x86_inb(port + SCR) != patterns[i])
            return false;
    }
    x86_outb(port + MCR, MCR_LOOP);
    for (unsigned i = 0; i < sizeof(patterns); i++) {
        x86_outb(port + THR, patterns[i]);
        if (!wait_for(LSR_DATA_READY) || x86_inb(port + THR) != patterns[i])
            return false;
    }
    return true;
}

static void set_up(uint16_t port, uint16_t divisor)
{
    x86_outb(port + IER, 0);
    x86_outb(port + LCR, LCR_DLAB);
    x86_outb(port + THR, divisor & 0xff);
    x86_outb(port + IER, divisor >> 8);
    x86_outb(port + LCR, LCR_8N1);
    x86_outb(port + FCR, FCR_ENABLE_AND_CLEAR);
}

bool uart_init(uint16_t port, uint32_t baud)
{
    uint32_t divisor = baud == 0 || baud > UART_CLOCK ? 1 : UART_CLOCK / baud;

    base = port;
    if (!port)
        return false;
    set_up(port, divisor > UINT16_MAX ? UINT16_MAX : (uint16_t)divisor);
    if (!is_there(port)) {
        base = 0;
        return false;
    }
    x86_outb(port + MCR, MCR_DTR_RTS_OUT2);
    fifo = (x86_inb(port + IIR) & IIR_FIFOS) == IIR_FIFOS ? FIFO_BYTES : 1;
    room = 0;
    return true;
}

/* Behind that port is nothing, which reads as FFH: as a line status, that is ready. */
void uart_use_debug_port(void) { base = DEBUG_PORT; }

bool uart_exists(void) { return base; }

static void send(char c)
{
    if (room == 0) {
        if (!wait_for(LSR_THR_EMPTY)) {
            base = 0;
            return;
        }
        room = fifo;
    }
    x86_outb(base + THR, (uint8_t)c);
    room--;
}

void uart_write(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes && base; i++) {
        if (text[i] == '\n')
            send('\r');
        if (base)
            send(text[i]);
    }
}

int uart_read(void)
{
    if (!base || base == DEBUG_PORT) /* nothing comes from there, but it looks as if */
        return -1;
    return x86_inb(base + LSR) & LSR_DATA_READY ? x86_inb(base + THR) : -1;
}

void uart_flush(void)
{
    if (base)
        wait_for(LSR_TRANSMITTER_EMPTY);
}
