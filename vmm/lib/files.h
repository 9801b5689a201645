/* The text of one file, or of several in one boot module, each behind a line `[file NAME]`: line by line, with their numbers. */
#ifndef VMM_LIB_FILES_H
#define VMM_LIB_FILES_H

#include <stddef.h>

struct files {
    char *at, *end;   /* what is yet to be read */
    const char *file; /* which one it is in */
    unsigned line;    /* the number of the line that was read last, from 1; 0 = none yet */
    const char *bad;  /* what is wrong with it */
};

enum files_item {
    FILES_END,
    FILES_NAME, /* files->file has begun */
    FILES_LINE,
    FILES_BAD,  /* files->bad says why this line is none; what follows can be read */
};

/*
 * Reads the next line of text[at..end), which must be writable and is 0-terminated in place: *line is where it begins, without
 * blanks around it. Empty lines and those that begin with '#' are left out.
 */
enum files_item files_next(struct files *files, char **line);

/* Takes the blanks, tabs and carriage returns off both ends, in place. */
char *files_trim(char *text);

#endif
