/* The display of a PC in VGA text mode. */
#ifndef DRIVERS_VGA_H
#define DRIVERS_VGA_H

#include "drivers/terminal.h"

#define VGA_FRAME_PHYSICAL 0xb8000ull

/* Hides the hardware cursor. frame: where the TERMINAL_CELLS cells at VGA_FRAME_PHYSICAL are mapped, 8-byte aligned. */
void vga_init(void *frame);

/* The display; after vga_init. */
terminal_display vga_show;

#endif
