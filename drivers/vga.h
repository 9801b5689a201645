/* The screen: 80x25 text, as a terminal that scrolls. Its content is kept in RAM, so video memory is never read. */
#ifndef DRIVERS_VGA_H
#define DRIVERS_VGA_H

#include <stddef.h>
#include <stdint.h>

enum { VGA_COLUMNS = 80, VGA_ROWS = 25, VGA_FRAME_BYTES = VGA_COLUMNS * VGA_ROWS * 2 };
#define VGA_FRAME_PHYSICAL 0xb8000ull

/* Foreground colours of the text attribute; a background is one of the first eight, shifted left by 4. */
enum vga_color {
    VGA_BLACK, VGA_BLUE, VGA_GREEN, VGA_CYAN, VGA_RED, VGA_MAGENTA, VGA_BROWN, VGA_GREY,
    VGA_DARK_GREY, VGA_LIGHT_BLUE, VGA_LIGHT_GREEN, VGA_LIGHT_CYAN, VGA_LIGHT_RED, VGA_PINK, VGA_YELLOW, VGA_WHITE,
};

/* Clears the screen and hides the hardware cursor. frame: where B8000H is mapped, VGA_FRAME_BYTES, 8-byte aligned. */
void vga_init(void *frame);

/*
 * Puts text on the screen, and knows \n \r \t \b. Bytes that are not printable ASCII show as '?'.
 * Does nothing before vga_init.
 */
void vga_write(const char *text, size_t bytes);

/*
 * Draws n <= VGA_COLUMNS cells (a character | its attribute << 8) from the left of row `at` < VGA_ROWS - 1, in place. The
 * rows down to this one no longer scroll: the text that vga_write is given stays below.
 */
void vga_draw(unsigned at, const uint16_t *cells, size_t n);

/* The whole screen scrolls again, from its next line on. */
void vga_scroll_all(void);

#endif
