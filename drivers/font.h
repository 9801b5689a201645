/* The font of the framebuffer console; tools/make-font makes it out of a font of GRUB's when Nestor is built. */
#ifndef DRIVERS_FONT_H
#define DRIVERS_FONT_H

#include <stdint.h>

enum { FONT_COLUMNS = 8, FONT_ROWS = 16 };

/* Of each character of code page 437 its rows from the top; bit 7 of a row is its left pixel. */
extern const uint8_t font_glyphs[256][FONT_ROWS];

#endif
