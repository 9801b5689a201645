/* sources: vmm/device/uart.c vmm/lib/line.c tests/lib_support.c */
/* The UART that guests print to, and the lines that are made of it. */
#include <stdio.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/device/uart.h"

enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCRATCH };

/* What has been emitted: each line and '|', each piece and '~'. */
static char emitted[1000];
static size_t used;

static void emit(const char *text, size_t bytes, bool whole)
{
    memcpy(emitted + used, text, bytes);
    used += bytes;
    emitted[used++] = whole ? '|' : '~';
    emitted[used] = 0;
}

static struct line line;
static struct uart uart;

static void fresh(void)
{
    line = (struct line){.emit = emit};
    uart = (struct uart){.output = &line};
    used = 0;
    emitted[0] = 0;
}

static void print(const char *text)
{
    for (; *text; text++)
        uart_write(&uart, DATA, (uint8_t)*text);
}

static void test_lines(void)
{
    fresh();
    print("4\n\nab\r\nc\rd\n\r\nrest");
    CHECK(strcmp(emitted, "4||ab|c\rd||") == 0);
    line_flush(&line);
    line_flush(&line);
    CHECK(strcmp(emitted, "4||ab|c\rd||rest~") == 0);
    print("more\n");
    CHECK(strcmp(emitted, "4||ab|c\rd||rest~more|") == 0);
    test_passed("lines end with LF or CR LF; the last piece is flushed once");
}

static void test_long_line(void)
{
    char expected[600];

    fresh();
    for (unsigned i = 0; i < 2 * LINE_BYTES; i++)
        uart_write(&uart, DATA, 'x');
    print("\n");
    memset(expected, 'x', sizeof(expected));
    expected[LINE_BYTES] = '~';
    expected[2 * LINE_BYTES + 1] = '|';
    expected[2 * LINE_BYTES + 2] = 0;
    CHECK(strcmp(emitted, expected) == 0);
    test_passed("a long line comes in pieces, and one of exactly that length whole");
}

static void test_registers(void)
{
    fresh();
    CHECK(uart_read(&uart, LSR) == 0x60 && uart_read(&uart, IIR_FCR) == 0x01 && uart_read(&uart, MSR) == 0xb0);
    uart_write(&uart, IIR_FCR, 0x07);
    CHECK(uart_read(&uart, IIR_FCR) == 0xc1);
    uart_write(&uart, SCRATCH, 0xa5);
    uart_write(&uart, MCR, 0xff);
    uart_write(&uart, IER, 0xff);
    uart_write(&uart, LSR, 0);
    uart_write(&uart, MSR, 0);
    CHECK(uart_read(&uart, SCRATCH) == 0xa5 && uart_read(&uart, MCR) == 0x1f && uart_read(&uart, IER) == 0x0f);
    CHECK(uart_read(&uart, LSR) == 0x60 && uart_read(&uart, MSR) == 0xb0 && uart_read(&uart, DATA) == 0);
    test_passed("registers read as on a 16550 that has sent everything");
}

static void test_divisor(void)
{
    fresh();
    uart_write(&uart, LCR, 0x83);
    uart_write(&uart, DATA, 0x01);
    uart_write(&uart, IER, 0x23);
    CHECK(uart_read(&uart, DATA) == 0x01 && uart_read(&uart, IER) == 0x23 && uart_read(&uart, LCR) == 0x83);
    uart_write(&uart, LCR, 0x03);
    CHECK(uart_read(&uart, IER) == 0 && uart_read(&uart, DATA) == 0 && uart.divisor == 0x2301);
    print("a\n");
    CHECK(strcmp(emitted, "a|") == 0);
    test_passed("with DLAB the first two registers are the divisor, and nothing is printed");
}

static void test_loopback(void)
{
    fresh();
    uart_write(&uart, MCR, 0x10);
    print("to itself\n");
    uart_write(&uart, MCR, 0);
    print("out\n");
    CHECK(strcmp(emitted, "out|") == 0);
    test_passed("in loopback nothing goes out");
}

int main(void)
{
    test_lines();
    test_long_line();
    test_registers();
    test_divisor();
    test_loopback();
    return test_done();
}
