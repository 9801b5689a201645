/* Makes text from monitors and guests fit to stand in a line. Pure C. */
#include <stdio.h>
#include <string.h>

#include "vmm/root/console.h"

/* How many bytes at the beginning can stay as they are: nearly all, nearly always. */
static size_t plain_bytes(const char *from, size_t bytes, bool mask_hash)
{
    const char masked = mask_hash ? '#' : 0;
    size_t n = 0;

    while (n < bytes && from[n] >= ' ' && from[n] <= '~' && from[n] != masked)
        n++;
    return n;
}

/* How one byte that is not plain is written; -> how long that is. */
static size_t escape_byte(char out[5], unsigned char c)
{
    if (c == '\n' || c == '\t')
        return (size_t)snprintf(out, 5, "\\%c", c == '\n' ? 'n' : 't');
    return (size_t)snprintf(out, 5, "\\x%02X", c);
}

const char *console_escape(char *to, size_t room, const char *from, size_t bytes, bool mask_hash)
{
    const char *end = from + bytes;
    size_t used = 0, length;
    char out[5];

    for (;;) {
        size_t left = (size_t)(end - from), space = room - 1 - used, n = plain_bytes(from, left < space ? left : space, mask_hash);

        memcpy(to + used, from, n);
        used += n;
        from += n;
        if (from == end || n == space)
            break;
        length = escape_byte(out, (unsigned char)*from++);
        if (used + length >= room)
            break;
        memcpy(to + used, out, length);
        used += length;
    }
    to[used] = 0;
    return to;
}
