/* The `args` of the config as main's argc and argv. */
#ifndef GUESTS_LIB_COMMON_ARGS_H
#define GUESTS_LIB_COMMON_ARGS_H

enum { ARGS_MAX = 16 }; /* entries of argv, its terminating null pointer among them */

/*
 * Splits `text` at blanks, in place, into argv[1] and up; argv[0] is "guest", argv[argc] is null. Words for which
 * there is no room are left out. Returns argc.
 */
int args_split(char *text, char *argv[ARGS_MAX]);

/* Fetches the `args` of this VM by hypercall and splits them; argv points into static memory. Returns argc. */
int args_fetch(char *argv[ARGS_MAX]);

/* The number that the word argv[i] means in decimal, or `otherwise` if there is no such word or it is no number. */
unsigned args_number(int argc, char **argv, int i, unsigned otherwise);

#endif
