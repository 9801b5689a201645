/* What the files of this guest know of each other. */
#ifndef GUESTS_DEMO_BENCH_BENCH_H
#define GUESTS_DEMO_BENCH_BENCH_H

#include <stdint.h>

/*
 * A row of the table of events. To add an event is to write its batch and to add its row; tools/bench shows whatever
 * comes out.
 */
struct event {
    const char *name;
    unsigned n;                       /* events in a batch */
    uint64_t (*batch)(unsigned n);    /* lets n of them happen -> TSC ticks that this took */
    uint64_t (*overhead)(unsigned n); /* what is in that but is not theirs; NULL: nothing */
    unsigned per_turn;                /* events in each of these turns, if the loop makes several in one; 0: one */
};

/* Events of a VM by itself; those that need a partner, a VM with the same image and `args = partner`; and those that are
 * counted by tools/bench-kernel, whose "ticks" are counts. */
extern const struct event events_alone[], events_paired[], events_counted[];
extern const unsigned events_alone_count, events_paired_count, events_counted_count;

/* Before anything is measured: interrupt handlers, and memory for the events that use some up. */
void events_prepare(void);

/* What the partner does, for ever. */
_Noreturn void events_partner(void);

#endif
