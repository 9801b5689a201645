#include "kernel/boot/serial.h"

#include "drivers/uart.h"
#include "lib/string.h"

enum { MIN_BAUD = 50, LAST_PORT = 0xfff8 };

/* Reads a number of digits of that base, at least one, none above `max`; it may be followed by anything. */
static bool read_number(const char **text, uint32_t base, uint32_t max, uint32_t *out)
{
    const char *start = *text;
    uint32_t v = 0, digit;

    for (;; (*text)++) {
        char c = **text, small = (char)(c | 0x20);

        digit = c >= '0' && c <= '9'           ? (uint32_t)(c - '0')
                : small >= 'a' && small <= 'f' ? (uint32_t)(small - 'a') + 10
                                               : base;
        if (digit >= base)
            break;
        v = v * base + digit;
        if (v > max)
            return false;
    }
    *out = v;
    return *text > start;
}

/* Passes over `word` if the text begins with it. */
static bool read_word(const char **text, const char *word)
{
    size_t n = strlen(word);
    bool is = strncmp(*text, word, n) == 0;

    *text += is ? n : 0;
    return is;
}

static bool read_pci(const char **text, struct serial_choice *out)
{
    uint32_t bus, device, function;

    if (!read_number(text, 16, 0xff, &bus) || !read_word(text, ":") || !read_number(text, 16, 0x1f, &device) ||
        !read_word(text, ".") || !read_number(text, 16, 7, &function))
        return false;
    out->is_pci = true;
    out->pci = (struct pci_address){(uint8_t)bus, (uint8_t)device, (uint8_t)function};
    return true;
}

static bool read_place(const char **text, struct serial_choice *out)
{
    static const uint16_t coms[] = {UART_COM1, 0x2f8, 0x3e8, 0x2e8};
    uint32_t number;

    if (read_word(text, "pci:"))
        return read_pci(text, out);
    if (read_word(text, "com")) {
        if (!read_number(text, 10, 4, &number) || number == 0)
            return false;
        out->port = coms[number - 1];
        return true;
    }
    if (!read_word(text, "0x") || !read_number(text, 16, LAST_PORT, &number))
        return false;
    out->port = (uint16_t)number;
    return number != 0;
}

bool serial_choice_read(const char *text, struct serial_choice *out)
{
    *out = (struct serial_choice){.baud = UART_BAUD};
    out->is_off = strcmp(text, "off") == 0;
    if (out->is_off)
        return true;
    if (!read_place(&text, out))
        return false;
    if (read_word(&text, ",") && (!read_number(&text, 10, UART_BAUD, &out->baud) || out->baud < MIN_BAUD))
        return false;
    return *text == 0;
}
