/* printf's core for guests and handlers that want no C library. */
#ifndef GUESTS_LIB_COMMON_FORMAT_H
#define GUESTS_LIB_COMMON_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Writes at most room - 1 characters and a 0 to `to` (room > 0); returns how many characters, the 0 not counted.
 * Understands %c %s %d %u %x %%, each number with a width, a leading 0 for padding, and the lengths z, l, ll;
 * stops at anything else.
 */
size_t format_text(char *to, size_t room, const char *format, va_list args);

#endif
