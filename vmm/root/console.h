/* The root task's printing. Each call prints whole lines; what comes from others is made printable first. */
#ifndef VMM_ROOT_CONSOLE_H
#define VMM_ROOT_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/* Longest line that console_line prints, without its '\n'; longer ones are cut. */
enum { CONSOLE_LINE = 1000 };

/* Prints one line, formatted as by printf, and a '\n'. */
__attribute__((format(printf, 1, 2))) void console_line(const char *format, ...);

/* The same on the serial line alone: what is for programs. */
__attribute__((format(printf, 1, 2))) void console_serial_line(const char *format, ...);

/*
 * Copies `bytes` bytes to `to`, which has `room` bytes, so that they can stand in a line: what does not print becomes
 * \n, \t or \xNN, and '#' too becomes \x23 if `mask_hash` (in KTAP it begins a directive). Cut where it does not fit;
 * always terminated. Returns `to`.
 */
const char *console_escape(char *to, size_t room, const char *from, size_t bytes, bool mask_hash);

#endif
