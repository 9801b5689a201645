/*
 * The screen: 80x25 text, as a terminal that scrolls. Its content is kept in RAM, as cells like those of VGA text mode,
 * and a display (vga.h, framebuffer.h) shows it: video memory is never read.
 */
#ifndef DRIVERS_TERMINAL_H
#define DRIVERS_TERMINAL_H

#include <stddef.h>
#include <stdint.h>

enum { TERMINAL_COLUMNS = 80, TERMINAL_ROWS = 25, TERMINAL_CELLS = TERMINAL_COLUMNS * TERMINAL_ROWS };

/* Foreground colours of a cell's attribute; a background is one of the first eight, shifted left by 4. */
enum terminal_color {
    TERMINAL_BLACK, TERMINAL_BLUE, TERMINAL_GREEN, TERMINAL_CYAN, TERMINAL_RED, TERMINAL_MAGENTA, TERMINAL_BROWN,
    TERMINAL_GREY, TERMINAL_DARK_GREY, TERMINAL_LIGHT_BLUE, TERMINAL_LIGHT_GREEN, TERMINAL_LIGHT_CYAN,
    TERMINAL_LIGHT_RED, TERMINAL_PINK, TERMINAL_YELLOW, TERMINAL_WHITE,
};

/*
 * Shows n cells (a character of code page 437 | its attribute << 8), the first of which is number `first`, counted from
 * the upper left corner. Cells that show already what they should may be among them.
 */
typedef void terminal_display(unsigned first, const uint16_t *cells, size_t n);

/* Clears the screen, and shows it on that display, and only there, from now on. */
void terminal_init(terminal_display *display);

/* Shows all that is on the screen on another display instead. NULL: nowhere, but the text is kept for the next one. */
void terminal_show_on(terminal_display *display);

/*
 * Puts text on the screen, and knows \n \r \t \b. Bytes that are not printable ASCII show as '?'.
 * After terminal_init.
 */
void terminal_write(const char *text, size_t bytes);

/*
 * Draws n <= TERMINAL_COLUMNS cells from the left of row `at` < TERMINAL_ROWS - 1, in place. The rows down to this one
 * no longer scroll: the text that terminal_write is given stays below.
 */
void terminal_draw(unsigned at, const uint16_t *cells, size_t n);

/* The whole screen scrolls again, from its next line on. */
void terminal_scroll_all(void);

#endif
