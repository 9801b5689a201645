/* The display of a machine whose screen is a linear framebuffer: the terminal's characters, as large as they fit. */
#ifndef DRIVERS_FRAMEBUFFER_H
#define DRIVERS_FRAMEBUFFER_H

#include "drivers/terminal.h"

/* Where a colour is in a pixel: bits from `position` up. */
struct framebuffer_color {
    uint8_t position, bits;
};

/* "Framebuffer info" of the Multiboot2 Specification, for a framebuffer of direct RGB colour. */
struct framebuffer_mode {
    uint64_t address;                    /* physical; 0 = none */
    uint32_t pitch, width, height, bits; /* bytes from a row to the next, pixels, pixels, of a pixel */
    struct framebuffer_color red, green, blue;
};

/* Why this display can't show such a framebuffer, or NULL: it can. */
const char *framebuffer_why_not(const struct framebuffer_mode *mode);

/*
 * Clears the framebuffer, mode->pitch * mode->height bytes at `memory`, for a mode that framebuffer_why_not likes. The text
 * is in the middle, 640x400 pixels times 1 to 4, and nothing is drawn of it yet.
 */
void framebuffer_init(const struct framebuffer_mode *mode, void *memory);

/* The display; after framebuffer_init. Draws only those cells that look different from before. */
terminal_display framebuffer_show;

#endif
