/* Makes text from monitors and guests fit to stand in a line. Pure C. */
#include <stdio.h>
#include <string.h>

#include "vmm/root/console.h"

/* How one byte is written; the result is terminated. */
static void escape_byte(char out[5], unsigned char c, bool mask_hash)
{
    if (c == '\n' || c == '\t')
        snprintf(out, 5, "\\%c", c == '\n' ? 'n' : 't');
    else if (c < ' ' || c > '~' || (c == '#' && mask_hash))
        snprintf(out, 5, "\\x%02X", c);
    else
        snprintf(out, 5, "%c", c);
}

const char *console_escape(char *to, size_t room, const char *from, size_t bytes, bool mask_hash)
{
    size_t used = 0;

    for (size_t i = 0; i < bytes; i++) {
        char out[5];
        size_t length;

        escape_byte(out, (unsigned char)from[i], mask_hash);
        length = strlen(out);
        if (used + length >= room)
            break;
        memcpy(to + used, out, length);
        used += length;
    }
    to[used] = 0;
    return to;
}
