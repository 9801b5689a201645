#include "guests/lib/common/format.h"

#include <stdbool.h>
#include <stdint.h>

struct output {
    char *to;
    size_t used, room;
};

struct field {
    bool zero_padded;
    unsigned width;
    unsigned longs; /* how many l's; z counts as one */
};

static void put(struct output *out, char c)
{
    if (out->used + 1 < out->room)
        out->to[out->used++] = c;
}

static void put_string(struct output *out, const char *s)
{
    char *to = out->to;
    size_t used = out->used, room = out->room;

    while (*s && used + 1 < room)
        to[used++] = *s++;
    out->used = used;
}

/* Divides by at most 2^16 in 16-bit steps: a 64-bit division would need libgcc in a 32-bit guest. */
static unsigned divide(uint64_t *value, unsigned by)
{
    uint64_t quotient = 0;
    uint32_t rest = 0;

    for (int shift = 48; shift >= 0; shift -= 16) {
        uint32_t part = rest << 16 | (uint32_t)(*value >> shift & 0xffff);

        quotient |= (uint64_t)(part / by) << shift;
        rest = part % by;
    }
    *value = quotient;
    return rest;
}

static void put_number(struct output *out, const struct field *field, uint64_t value, unsigned base, bool negative)
{
    char digits[20];
    unsigned n = 0;

    do
        digits[n++] = "0123456789abcdef"[divide(&value, base)];
    while (value);
    if (negative && field->zero_padded)
        put(out, '-');
    for (unsigned i = n + negative; i < field->width; i++)
        put(out, field->zero_padded ? '0' : ' ');
    if (negative && !field->zero_padded)
        put(out, '-');
    while (n > 0)
        put(out, digits[--n]);
}

static const char *parse_field(struct field *field, const char *f)
{
    *field = (struct field){.zero_padded = *f == '0'};
    for (; *f >= '0' && *f <= '9'; f++)
        field->width = field->width * 10 + (unsigned)(*f - '0');
    for (; *f == 'l' || *f == 'z'; f++)
        field->longs++;
    return f;
}

size_t format_text(char *to, size_t room, const char *format, va_list args)
{
    struct output out = {to, 0, room};

    for (const char *f = format; *f; f++) {
        struct field field;

        if (*f != '%') {
            put(&out, *f);
            continue;
        }
        f = parse_field(&field, f + 1);
        if (*f == '%') {
            put(&out, '%');
        } else if (*f == 'c') {
            put(&out, (char)va_arg(args, int));
        } else if (*f == 's') {
            put_string(&out, va_arg(args, const char *));
        } else if (*f == 'd') {
            int64_t v = field.longs > 1 ? va_arg(args, long long)
                        : field.longs   ? va_arg(args, long)
                                        : va_arg(args, int);

            put_number(&out, &field, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0);
        } else if (*f == 'u' || *f == 'x') {
            uint64_t v = field.longs > 1 ? va_arg(args, unsigned long long)
                         : field.longs   ? va_arg(args, unsigned long)
                                         : va_arg(args, unsigned);

            put_number(&out, &field, v, *f == 'x' ? 16 : 10, false);
        } else {
            break;
        }
    }
    out.to[out.used] = 0;
    return out.used;
}
