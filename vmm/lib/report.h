/*
 * The report ring between a monitor (writer) and the root task (reader): struct report_ring in config/abi.h. Both
 * sides are here, so that one test can run them against each other. A record is a kind byte, a text without '\n', and
 * '\n'. Neither side trusts the other: each keeps its own counter to itself and only compares it with the other's.
 */
#ifndef VMM_LIB_REPORT_H
#define VMM_LIB_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/abi.h"

enum {
    REPORT_LINE = 240, /* longest text of a record, without kind and '\n'; longer ones are cut by the writer */
    REPORT_PART = 'P', /* like REPORT_CONSOLE, but the line goes on in the next record */
};

struct report_writer {
    struct report_ring *ring;
    uint32_t tail;        /* our own copy: what stands in the ring is for the reader only */
    void (*wait)(void);   /* called while the ring is full; returns when it may have drained */
    void (*signal)(void); /* called after each record that is put */
};

/*
 * Appends one record, whole. A '\n' in the text becomes a space. Waits while the ring is full, so it never
 * loses a line; a reader that sets an insane counter gets what it deserves: the record overwrites unread text.
 */
void report_put(struct report_writer *writer, char kind, const char *text, size_t bytes);

/* The same without a signal, for what can wait for the next one, or until the ring is full and `wait` is called. */
void report_add(struct report_writer *writer, char kind, const char *text, size_t bytes);

struct report_reader {
    struct report_ring *ring;
    uint32_t head; /* our own copy: what stands in the ring is for the writer only */
    bool broken;   /* the writer's counter was insane: nothing more is read */
};

struct report_record {
    char kind;
    size_t bytes;
    char text[REPORT_LINE + 1]; /* 0-terminated as well; may hold any other byte */
};

/* Starts to read a ring from its beginning. */
void report_reader_init(struct report_reader *reader, struct report_ring *ring);

/*
 * Takes the next whole record; false if there is none. A text longer than REPORT_LINE is cut. Sets `broken` and
 * returns false from then on if tail is more than REPORT_BYTES ahead, or if the ring is full of a line without end.
 * One call does a bounded amount of work, whatever the writer does meanwhile.
 */
bool report_take(struct report_reader *reader, struct report_record *record);

#endif
