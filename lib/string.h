/* The part of the C library's string.h that freestanding code here uses (the compiler calls the first four by itself). */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t bytes);

/* Copies at most room - 1 bytes of `from` and always terminates; room > 0. Returns whether all of it fitted. */
bool lib_string_copy(char *to, const char *from, size_t room);

#endif
