/* Patterns of names: '*' stands for any text, '?' for any character. */
#ifndef VMM_LIB_GLOB_H
#define VMM_LIB_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* Whether text[0..bytes) is what the 0-terminated pattern says. */
bool glob_matches(const char *pattern, const char *text, size_t bytes);

/* Whether one of the patterns is: each is 0-terminated, and the last is empty and matches nothing. */
bool glob_matches_one(const char *patterns, const char *text, size_t bytes);

#endif
