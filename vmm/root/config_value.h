/* The kinds of value in a machine description, each with its own reader. The parser's inner header. */
#ifndef VMM_ROOT_CONFIG_VALUE_H
#define VMM_ROOT_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of the file. Not terminated. */
struct slice {
    const char *text;
    size_t bytes;
};

bool slice_equal(struct slice slice, const char *word);

/* Without the blanks, tabs and carriage returns at both ends. */
struct slice slice_trim(struct slice slice);

/* Copies a slice for a message: cut with "..." if it is long, bytes that do not print as \xNN. Returns `text`. */
enum { QUOTE_BYTES = 64 };
const char *slice_quote(struct slice slice, char text[QUOTE_BYTES]);

/* Where a value goes, and the limits of what is accepted. */
struct value_field {
    void *to;
    size_t room;        /* bytes at `to`, for texts */
    uint64_t low, high; /* for numbers and sizes, both included */
};

/*
 * Reads a value into the field and returns true; or writes to `why` what was found and what was expected, and returns
 * false. The comment behind each says what `to` points at and what is accepted.
 */
enum { WHY_BYTES = 240 };
typedef bool value_reader(struct slice value, const struct value_field *field, char why[WHY_BYTES]);

value_reader value_read_number;    /* uint64_t: a decimal number */
value_reader value_read_size;      /* uint64_t: bytes, a number with K, M or G, a multiple of 4K */
value_reader value_read_pages;     /* uint64_t: pages of 4 KiB, as a plain number or as a size */
value_reader value_read_yes;       /* bool: yes | no */
value_reader value_read_restart;   /* uint64_t: never (0) | on-failure (3) */
value_reader value_read_text;      /* char[room]: as it stands, terminated */
value_reader value_read_output;    /* char[room]: with \n, \t and \\, terminated */
value_reader value_read_kind;      /* enum guest_kind */
value_reader value_read_end;       /* struct end */
value_reader value_read_screen;    /* enum config_screen: log | table | live */
value_reader value_read_passport;  /* bool: short (false) | full (true) */
value_reader value_read_lab;       /* enum vm_lab: no | yes | full */
value_reader value_read_hypercall; /* bool: error (false) | kill (true) */

#endif
