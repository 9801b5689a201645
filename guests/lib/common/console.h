/* Text to the VM's console, without a C library. */
#ifndef GUESTS_LIB_COMMON_CONSOLE_H
#define GUESTS_LIB_COMMON_CONSOLE_H

/* Prints up to 191 characters; format as in format_text(). */
__attribute__((format(printf, 1, 2))) void console_print(const char *format, ...);

#endif
