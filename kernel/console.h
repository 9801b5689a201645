/* Where the kernel's text goes: the serial line and the screen. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "kernel/boot/info.h"

/* COM1 and VGA text, for what has to be said before anything is known of the machine. */
void console_init(void);

/*
 * What the boot information says instead: `serial=` and `debugport=` of the command line, and the loader's framebuffer,
 * whose text then takes the place of VGA's. Prints the first line, and what of that can't be.
 */
void console_choose(const struct boot_info *info);

/* To be called as soon as the final page tables are there, before anything is printed: maps the framebuffer in them. */
void console_map(const struct boot_info *info);

#endif
