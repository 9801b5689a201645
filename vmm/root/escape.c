/* Makes text from monitors and guests fit to stand in a line. Pure C. */
#include <stdio.h>
#include <string.h>

#include "vmm/root/console.h"

/* How one byte is written; -> how long that is. Nearly all are written as they are, and printf would be slow for them. */
static size_t escape_byte(char out[5], unsigned char c, bool mask_hash)
{
    if (c == '\n' || c == '\t')
        return (size_t)snprintf(out, 5, "\\%c", c == '\n' ? 'n' : 't');
    if (c < ' ' || c > '~' || (c == '#' && mask_hash))
        return (size_t)snprintf(out, 5, "\\x%02X", c);
    out[0] = (char)c;
    return 1;
}

const char *console_escape(char *to, size_t room, const char *from, size_t bytes, bool mask_hash)
{
    size_t used = 0;

    for (size_t i = 0; i < bytes; i++) {
        char out[5];
        size_t length = escape_byte(out, (unsigned char)from[i], mask_hash);

        if (used + length >= room)
            break;
        memcpy(to + used, out, length);
        used += length;
    }
    to[used] = 0;
    return to;
}
