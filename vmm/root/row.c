#include "vmm/root/row.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(screen_row row, unsigned attribute, unsigned char c)
{
    for (unsigned i = 0; i < SCREEN_COLUMNS; i++)
        row[i] = (uint16_t)(attribute << 8 | c);
}

void row_clear(screen_row row, unsigned attribute) { fill(row, attribute, ' '); }

void row_rule(screen_row row, unsigned attribute)
{
    enum { LINE = 0xc4 }; /* of code page 437 */

    fill(row, attribute, LINE);
}

void row_put(screen_row row, unsigned at, unsigned end, unsigned attribute, const char *format, ...)
{
    char text[SCREEN_COLUMNS + 1];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    for (const char *c = text; *c && at < end; c++)
        row[at++] = (uint16_t)(attribute << 8 | (unsigned char)*c);
}
