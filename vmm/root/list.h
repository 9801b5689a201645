/* A list of words that goes on in the next line where it would be too long. */
#ifndef VMM_ROOT_LIST_H
#define VMM_ROOT_LIST_H

#include <stddef.h>

enum { LIST_COLUMNS = 120 };

struct list_line {
    char text[LIST_COLUMNS + 1];
    size_t used;
    size_t key, columns; /* where the list begins, and how long a line may be: at most LIST_COLUMNS */
    const char *between; /* its items, and then a blank */
    const char *again;   /* the heading of further lines */
};

/* Begins a line: `key`, `columns`, `between` and `again` are set. */
void list_start(struct list_line *line, const char *heading);

/* Adds an item, and prints the line before that if it is full. The last one is the caller's to print. */
void list_add(struct list_line *line, const char *item);

/* Adds each word of a text. */
void list_add_words(struct list_line *line, const char *words);

#endif
