/* Makes lines out of characters that come one or a few at a time: the consoles of guests and tasks. */
#ifndef VMM_LIB_LINE_H
#define VMM_LIB_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum { LINE_BYTES = 200 }; /* longest piece that is handed on at once */

struct line {
    /* Gets each finished line without its '\n' or "\r\n"; `whole` is false for a piece of a line that goes on. */
    void (*emit)(const char *text, size_t bytes, bool whole);
    size_t used;
    char text[LINE_BYTES];
};

/* Adds one character. */
void line_put(struct line *line, char c);

/* Hands on an unfinished last line, if there is one, as a piece. */
void line_flush(struct line *line);

#endif
