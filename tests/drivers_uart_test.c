/* sources: lib/print.c tests/lib_support.c */
#include <string.h>

#include "tests/drivers_x86.h"
#include "tests/lib_support.h"

#include "drivers/uart.c"

/* A model of a serial port, by the data sheet, with the ways in which it may be odd. */
enum kind { PORT_16550, PORT_8250, PORT_ABSENT_ONES, PORT_ABSENT_ZEROS, PORT_SCRATCH_ONLY, PORT_DEAD };

static struct {
    enum kind kind;
    uint8_t registers[8];
    uint16_t divisor;
    unsigned unsent, idle_reads;
    bool looped;
    uint8_t looped_byte;
    char sent[4096];
    size_t sent_bytes;
    unsigned long accesses;
} model;

static void model_reset(enum kind kind)
{
    memset(&model, 0, sizeof(model));
    model.kind = kind;
}

static unsigned model_room(void) { return model.kind == PORT_8250 ? 1 : FIFO_BYTES; }

static bool model_is_dlab(void) { return model.registers[LCR] & LCR_DLAB; }

static void model_transmit(uint8_t v)
{
    if (model.registers[MCR] & MCR_LOOP) {
        model.looped = model.kind != PORT_SCRATCH_ONLY;
        model.looped_byte = v;
        return;
    }
    CHECK(model.unsent < model_room());
    CHECK(model.sent_bytes < sizeof(model.sent));
    model.unsent++;
    model.idle_reads = 0;
    model.sent[model.sent_bytes++] = (char)v;
}

void x86_outb(uint16_t port, uint8_t v)
{
    unsigned r = port - UART_COM1;

    CHECK(r < 8);
    model.accesses++;
    if (r == THR && model_is_dlab())
        model.divisor = (uint16_t)((model.divisor & 0xff00) | v);
    else if (r == IER && model_is_dlab())
        model.divisor = (uint16_t)((model.divisor & 0xff) | v << 8);
    else if (r == THR)
        model_transmit(v);
    else
        model.registers[r] = v;
}

void x86_outsb(uint16_t port, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x86_outb(port, ((const uint8_t *)bytes)[i]);
}

/* The transmitter gets empty while it is being asked: some reads for the FIFO, some more for the shift register. */
static uint8_t model_line_status(void)
{
    bool dead = model.kind == PORT_DEAD && !(model.registers[MCR] & MCR_LOOP);

    model.idle_reads += !dead;
    if (model.idle_reads > 5)
        model.unsent = 0;
    return (uint8_t)((model.looped ? LSR_DATA_READY : 0) | (model.unsent == 0 && !dead ? LSR_THR_EMPTY : 0) |
                     (model.idle_reads > 9 ? LSR_TRANSMITTER_EMPTY : 0));
}

uint8_t x86_inb(uint16_t port)
{
    unsigned r = port - UART_COM1;

    CHECK(r < 8);
    model.accesses++;
    if (model.kind == PORT_ABSENT_ONES || model.kind == PORT_ABSENT_ZEROS)
        return model.kind == PORT_ABSENT_ONES ? 0xff : 0;
    switch (r) {
    case THR:
        model.looped = false;
        return model.looped_byte;
    case IIR:
        return model.kind == PORT_8250 ? 0x01 : 0xc1;
    case LSR:
        return model_line_status();
    default:
        return model.registers[r];
    }
}

enum { TICKS_PER_ACCESS = 1 << 24 }; /* far more than hardware's, or a minute would be long here, too */

uint64_t x86_rdtsc(void) { return (uint64_t)model.accesses * TICKS_PER_ACCESS; }

static void test_set_up(void)
{
    static const struct {
        uint32_t baud;
        uint16_t divisor;
    } rates[] = {
        {115200, 1}, {9600, 12}, {300, 384}, {1, 65535}, {0, 1}, {4000000, 1},
    };

    for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        model_reset(PORT_16550);
        CHECK(uart_init(UART_COM1, rates[i].baud));
        CHECK(model.divisor == rates[i].divisor);
        CHECK(model.registers[LCR] == 0x03 && model.registers[IER] == 0);
        CHECK(!(model.registers[MCR] & MCR_LOOP) && model.sent_bytes == 0);
    }
    test_passed("a port is set up: 8N1, divisor, no interrupts, no loopback");
}

static void test_absent(void)
{
    static const enum kind kinds[] = {PORT_ABSENT_ONES, PORT_ABSENT_ZEROS, PORT_SCRATCH_ONLY};

    for (unsigned i = 0; i < 3; i++) {
        unsigned long accesses;

        model_reset(kinds[i]);
        CHECK(!uart_init(UART_COM1, UART_BAUD));
        CHECK(kinds[i] == PORT_SCRATCH_ONLY || model.accesses < 10);
        accesses = model.accesses;
        uart_write("text", 4);
        uart_flush();
        CHECK(uart_read() == -1 && model.accesses == accesses);
    }
    test_passed("a port that is not there, or no UART, is found out and left alone");
}

static void test_write(void)
{
    static const enum kind kinds[] = {PORT_16550, PORT_8250};

    for (unsigned i = 0; i < 2; i++) {
        char text[1000], expected[2000];
        size_t n = 0;

        model_reset(kinds[i]);
        CHECK(uart_init(UART_COM1, UART_BAUD));
        for (size_t j = 0; j < sizeof(text); j++) {
            text[j] = (char)(test_below(10) ? test_below(256) : '\n');
            if (text[j] == '\n')
                expected[n++] = '\r';
            expected[n++] = text[j];
        }
        uart_write(text, 1);
        uart_write(text + 1, 0);
        uart_write(text + 1, sizeof(text) - 1);
        CHECK(model.sent_bytes == n && memcmp(model.sent, expected, n) == 0);
        uart_flush();
        CHECK(model.unsent == 0 && model.idle_reads > 9);
    }
    test_passed("text goes out whole, with CR LF, never more at once than there is room for");
}

static void test_fifo(void)
{
    unsigned long accesses;

    model_reset(PORT_16550);
    CHECK(uart_init(UART_COM1, UART_BAUD));
    uart_flush();
    accesses = model.accesses;
    uart_write("0123456789abcdef", 16);
    CHECK(model.accesses == accesses + 17);
    test_passed("16 bytes go into an empty FIFO after one look at the line status");
}

static void test_read(void)
{
    model_reset(PORT_16550);
    CHECK(uart_init(UART_COM1, UART_BAUD) && uart_read() == -1);
    model.looped = true;
    model.looped_byte = 0xff;
    CHECK(uart_read() == 0xff && uart_read() == -1);
    test_passed("what comes in is read once");
}

static void test_stuck(void)
{
    static const char expected[] = "\r\n[Nestor: the serial line stood still; 25 bytes are lost]\r\nagain\r\n";
    unsigned long accesses;

    model_reset(PORT_DEAD);
    CHECK(uart_init(UART_COM1, UART_BAUD) && uart_exists());
    uart_write("some text that is lost\n", 23);
    CHECK(!uart_exists() && model.accesses < 2 * (WAIT_TICKS / TICKS_PER_ACCESS));
    accesses = model.accesses;
    uart_write("x", 1);
    uart_flush();
    CHECK(model.accesses <= accesses + 2 && model.sent_bytes == 0);
    test_passed("a port that stops taking text is waited for once, and not again");
    model.kind = PORT_16550;
    model.idle_reads = 9;
    uart_write("again\n", 6);
    CHECK(uart_exists() && model.sent_bytes == sizeof(expected) - 1 &&
          memcmp(model.sent, expected, sizeof(expected) - 1) == 0);
    test_passed("once it takes text again, it has what comes from then on, and how much was lost");
}

int main(void)
{
    test_set_up();
    test_absent();
    test_write();
    test_fifo();
    test_read();
    test_stuck();
    return test_done();
}
