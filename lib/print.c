#include "lib/print.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/string.h"

enum { MAX_SINKS = 4, LINE_BYTES = 160, MAX_DIGITS = 20 };

static void (*sinks[MAX_SINKS])(const char *text, size_t bytes);
static size_t sink_count;

/* Where formatted text goes: into room. When that is full, it is handed to `full`; without one, only counted on. */
struct output {
    char *room;
    size_t bytes, used, total;
    void (*full)(const char *text, size_t bytes);
};

/* A conversion: % flags width .precision length letter. */
struct conversion {
    bool left, zero;
    int width;
    int precision; /* < 0: none given */
    size_t size;   /* bytes of an integer */
    char letter;
};

static void put(struct output *o, char c)
{
    if (o->used == o->bytes && o->full) {
        o->full(o->room, o->used);
        o->used = 0;
    }
    if (o->used < o->bytes)
        o->room[o->used++] = c;
    o->total++;
}

static void put_text(struct output *o, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        put(o, text[i]);
}

static void put_times(struct output *o, char c, int times)
{
    while (times-- > 0)
        put(o, c);
}

/* Puts prefix and body, padded to the width: zeros go between the two, spaces around both. */
static void put_padded(struct output *o, const struct conversion *c, const char *prefix, int zeros, const char *body,
                       size_t bytes)
{
    size_t prefix_bytes = strlen(prefix);
    int padding = c->width - (int)prefix_bytes - (zeros > 0 ? zeros : 0) - (int)bytes;

    if (!c->left)
        put_times(o, ' ', padding);
    put_text(o, prefix, prefix_bytes);
    put_times(o, '0', zeros);
    put_text(o, body, bytes);
    if (c->left)
        put_times(o, ' ', padding);
}

static void put_number(struct output *o, const struct conversion *c, uint64_t v, const char *prefix, unsigned base,
                       const char *digits)
{
    char text[MAX_DIGITS];
    int n = 0, minimum = c->precision;

    for (; v > 0; v /= base)
        text[MAX_DIGITS - ++n] = digits[v % base];
    if (c->precision < 0)
        minimum = c->zero && !c->left ? c->width - (int)strlen(prefix) : 1;
    if (minimum < 1 && c->precision < 0)
        minimum = 1;
    put_padded(o, c, prefix, minimum - n, text + MAX_DIGITS - n, (size_t)n);
}

static void put_string(struct output *o, const struct conversion *c, const char *s)
{
    size_t bytes = 0;

    if (!s)
        s = "(null)";
    while ((c->precision < 0 || bytes < (size_t)c->precision) && s[bytes])
        bytes++;
    put_padded(o, c, "", 0, s, bytes);
}

/* Reads digits, or * for the next argument. */
static const char *read_number(const char *at, va_list *arguments, int *out)
{
    if (*at == '*') {
        *out = va_arg(*arguments, int);
        return at + 1;
    }
    for (*out = 0; *at >= '0' && *at <= '9'; at++)
        *out = *out * 10 + (*at - '0');
    return at;
}

static const char *read_length(const char *at, size_t *size)
{
    static const struct {
        const char *text;
        size_t size;
    } lengths[] = {
        {"hh", sizeof(char)}, {"h", sizeof(short)},  {"ll", sizeof(long long)},
        {"l", sizeof(long)},  {"z", sizeof(size_t)},
    };

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t n = strlen(lengths[i].text);

        if (strncmp(at, lengths[i].text, n) == 0) {
            *size = lengths[i].size;
            return at + n;
        }
    }
    *size = sizeof(int);
    return at;
}

/* Reads a conversion from behind its %; returns where its letter is. */
static const char *read_conversion(const char *at, va_list *arguments, struct conversion *c)
{
    *c = (struct conversion){.precision = -1};
    for (; *at == '-' || *at == '0'; at++) {
        c->left |= *at == '-';
        c->zero |= *at == '0';
    }
    at = read_number(at, arguments, &c->width);
    if (c->width < 0) {
        c->left = true;
        c->width = -c->width;
    }
    if (*at == '.')
        at = read_number(at + 1, arguments, &c->precision);
    at = read_length(at, &c->size);
    c->letter = *at;
    return at;
}

/* The next argument as an integer of that many bytes. */
static uint64_t next_unsigned(va_list *arguments, size_t size)
{
    uint64_t v = size > sizeof(int) ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned);
    unsigned unused_bits = 64 - 8 * (unsigned)size;

    return v << unused_bits >> unused_bits;
}

static int64_t next_signed(va_list *arguments, size_t size)
{
    unsigned unused_bits = 64 - 8 * (unsigned)size;

    return (int64_t)(next_unsigned(arguments, size) << unused_bits) >> unused_bits;
}

/* Does one conversion; false: there is no such one. */
static bool convert(struct output *o, const struct conversion *c, va_list *arguments)
{
    static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    int64_t v;
    char character;

    switch (c->letter) {
    case 's':
        put_string(o, c, va_arg(*arguments, const char *));
        return true;
    case 'c':
        character = (char)va_arg(*arguments, int);
        put_padded(o, c, "", 0, &character, 1);
        return true;
    case 'd':
    case 'i':
        v = next_signed(arguments, c->size);
        put_number(o, c, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0 ? "-" : "", 10, lower);
        return true;
    case 'u':
        put_number(o, c, next_unsigned(arguments, c->size), "", 10, lower);
        return true;
    case 'x':
        put_number(o, c, next_unsigned(arguments, c->size), "", 16, lower);
        return true;
    case 'X':
        put_number(o, c, next_unsigned(arguments, c->size), "", 16, upper);
        return true;
    case 'p':
        put_number(o, c, next_unsigned(arguments, sizeof(void *)), "0x", 16, lower);
        return true;
    case '%':
        put(o, '%');
        return true;
    default:
        return false;
    }
}

static void format_to(struct output *o, const char *format, va_list *arguments)
{
    for (const char *at = format; *at; at++) {
        const char *start = at;
        struct conversion c;

        if (*at != '%') {
            put(o, *at);
            continue;
        }
        at = read_conversion(at + 1, arguments, &c);
        if (convert(o, &c, arguments))
            continue;
        put_text(o, start, (size_t)(at - start) + (*at != 0));
        if (!*at)
            return;
    }
}

void print_list(const char *format, va_list arguments)
{
    char line[LINE_BYTES];
    struct output o = {.room = line, .bytes = sizeof(line), .full = print_text};
    va_list copy;

    va_copy(copy, arguments);
    format_to(&o, format, &copy);
    va_end(copy);
    print_text(line, o.used);
}

void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_list(format, arguments);
    va_end(arguments);
}

int print_to(char *room, size_t bytes, const char *format, ...)
{
    struct output o = {.room = room, .bytes = bytes > 0 ? bytes - 1 : 0};
    va_list arguments;

    va_start(arguments, format);
    format_to(&o, format, &arguments);
    va_end(arguments);
    if (bytes > 0)
        room[o.used] = 0;
    return (int)o.total;
}

void print_text(const char *text, size_t bytes)
{
    for (size_t i = 0; i < sink_count; i++)
        sinks[i](text, bytes);
}

void print_add_sink(void (*write)(const char *text, size_t bytes))
{
    if (sink_count < MAX_SINKS)
        sinks[sink_count++] = write;
}
