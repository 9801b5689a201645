/* Makes lines out of characters. */
#include "vmm/lib/line.h"

static void line_emit(struct line *line, bool whole)
{
    size_t bytes = line->used;

    line->used = 0;
    line->emit(line->text, bytes, whole);
}

void line_put(struct line *line, char c)
{
    if (c == '\n') {
        if (line->used > 0 && line->text[line->used - 1] == '\r')
            line->used--;
        line_emit(line, true);
        return;
    }
    if (line->used == LINE_BYTES)
        line_emit(line, false);
    line->text[line->used++] = c;
}

void line_flush(struct line *line)
{
    if (line->used > 0)
        line_emit(line, false);
}
