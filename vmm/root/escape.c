/* Makes text from monitors and guests fit to stand in a line. Pure C. */
#include <stdio.h>
#include <string.h>

#include "vmm/root/console.h"

static bool is_plain(unsigned char c, bool mask_hash) { return c >= ' ' && c <= '~' && (c != '#' || !mask_hash); }

/* How one byte that is not plain is written; -> how long that is. */
static size_t escape_byte(char out[5], unsigned char c)
{
    if (c == '\n' || c == '\t')
        return (size_t)snprintf(out, 5, "\\%c", c == '\n' ? 'n' : 't');
    return (size_t)snprintf(out, 5, "\\x%02X", c);
}

const char *console_escape(char *to, size_t room, const char *from, size_t bytes, bool mask_hash)
{
    size_t used = 0;

    for (size_t i = 0; i < bytes && used + 1 < room; i++) {
        char out[5];
        size_t length;

        if (is_plain((unsigned char)from[i], mask_hash)) {
            to[used++] = from[i];
            continue;
        }
        length = escape_byte(out, (unsigned char)from[i]);
        if (used + length >= room)
            break;
        memcpy(to + used, out, length);
        used += length;
    }
    to[used] = 0;
    return to;
}
