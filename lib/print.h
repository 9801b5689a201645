/* Formatted text for people: the kernel's printf. Text goes to every sink that was added (serial line, screen). */
#ifndef LIB_PRINT_H
#define LIB_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Formats as C's printf does, to all sinks: %s %c %d %i %u %x %X %p %%, with the lengths hh h l ll z, a width (digits
 * or *), the flags 0 and -, and a precision for %s. Text of any length is printed whole. A conversion that is none of
 * these is printed as it stands.
 */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with the arguments in a list. */
void print_list(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

/* C's snprintf: writes at most bytes - 1 characters and a 0; returns how many the whole text has. */
int print_to(char *room, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Hands text to all sinks as it is. */
void print_text(const char *text, size_t bytes);

/* Adds a sink: a function that is called with each piece of text, in order. At most 4; more are ignored. */
void print_add_sink(void (*write)(const char *text, size_t bytes));

#endif
