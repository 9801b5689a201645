#include "drivers/uart.h"

#include "drivers/debug_port.h"
#include "lib/print.h"
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
 * TSC ticks until a port counts as stuck: most of a minute at some GHz, because an emulator's line stands still while
 * nobody reads what it has said, as in `make run | less`; and as much as a byte may take to come back in a loop.
 */
static const uint64_t WAIT_TICKS = 1ull << 37, LOOP_TICKS = 1ull << 31;

static uint16_t base; /* 0: no UART */
static unsigned fifo; /* bytes that fit once the transmitter says it is empty */
static unsigned room; /* of these, not used yet */
static uint64_t lost; /* bytes, since the port got stuck; 0: it is not */

static bool wait_for(uint8_t status, uint64_t ticks)
{
    uint64_t start = x86_rdtsc();

    do
        if ((x86_inb(base + LSR) & status) == status)
            return true;
    while (x86_rdtsc() - start < ticks);
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
        if (!wait_for(LSR_DATA_READY, LOOP_TICKS) || x86_inb(port + THR) != patterns[i])
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
    lost = 0;
    return true;
}

/* Behind that port is nothing, which reads as FFH: as a line status, that is ready. */
void uart_use_debug_port(void) { base = DEBUG_PORT; }

bool uart_exists(void) { return base && !lost; }

static bool has_room(void)
{
    if (room == 0 && wait_for(LSR_THR_EMPTY, lost ? 0 : WAIT_TICKS))
        room = fifo;
    return room > 0;
}

static void send(const char *text, size_t bytes)
{
    while (bytes > 0 && !lost && has_room()) {
        size_t n = bytes < room ? bytes : room;

        x86_outsb(base + THR, text, n);
        room -= (unsigned)n;
        text += n;
        bytes -= n;
    }
    lost += bytes;
}

static void send_text(const char *text, size_t bytes)
{
    while (bytes > 0) {
        size_t n = 0;

        while (n < bytes && text[n] != '\n')
            n++;
        send(text, n);
        if (n < bytes)
            send("\r\n", 2);
        n += n < bytes;
        text += n;
        bytes -= n;
    }
}

void uart_write(const char *text, size_t bytes)
{
    char note[64];
    uint64_t gap = lost;

    if (!base)
        return;
    if (gap && has_room()) {
        lost = 0;
        send_text(note, (size_t)print_to(note, sizeof note,
                                         "\n[Nestor: the serial line stood still; %lu bytes are lost]\n", gap));
    }
    send_text(text, bytes);
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
        wait_for(LSR_TRANSMITTER_EMPTY, lost ? 0 : WAIT_TICKS);
}
