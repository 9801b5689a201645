/* Text that grows piece by piece in a buffer; what has no room is left out. */
#ifndef GUESTS_LIB_FEATURE_TEXT_H
#define GUESTS_LIB_FEATURE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

#include "guests/lib/common/format.h"

struct text {
    char *to;
    size_t used, room;
};

static inline struct text text_begin(char *to, size_t room)
{
    to[0] = 0;
    return (struct text){to, 0, room};
}

/* Formats as format_text(). */
__attribute__((format(printf, 2, 0))) static inline void text_put_list(struct text *text, const char *format, va_list args)
{
    text->used += format_text(text->to + text->used, text->room - text->used, format, args);
}

__attribute__((format(printf, 2, 3))) static inline void text_put(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_put_list(text, format, args);
    va_end(args);
}

static inline void text_put_char(struct text *text, char c)
{
    if (text->used + 1 < text->room) {
        text->to[text->used++] = c;
        text->to[text->used] = 0;
    }
}

#endif
