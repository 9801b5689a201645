/* What the files of this guest know of each other. */
#ifndef GUESTS_DEMO_BENCH_BENCH_H
#define GUESTS_DEMO_BENCH_BENCH_H

#include <stdbool.h>
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
    bool each_vm;                     /* a turn of the loop is one event in each VM, not one in all */
};

/* What came of it. */
struct result {
    const struct event *event;
    uint64_t min, median; /* ticks of event->n events */
};

enum { ROLES_ALSO = 2 };

/* What is measured in one machine. */
struct role {
    const char *name;
    const struct event *events;
    unsigned count;
    void (*prepare)(void);           /* before anything is measured */
    void (*partner)(void);           /* what others do until this VM ends: the same image, with `args = NAME partner` */
    const struct role *also[ROLES_ALSO]; /* what is measured then; their partner is the role's own. NULL: nothing */
    void (*print)(const struct result *results, unsigned count); /* NULL: lines as described in bench.c */
};

/*
 * events.c: a VM by itself; and what tools/bench-kernel counts, whose "ticks" are counts. pairs.c: giving the pCPU to the
 * next VM; messages by channels 0 (to the partner) and 1 (from it); records through a ring, channel 0. costs.c: the table for
 * people, of what one VM and messages cost, beside the floor.
 */
extern const struct role role_alone, role_counted, role_switch, role_message, role_ring, role_costs;

/* TSC ticks that n turns with this statement take; and those of a loop without. */
#define TICKS(n, statement)                     \
    ({                                          \
        uint64_t start_ = cpu_read_tsc();       \
                                                \
        for (unsigned i_ = (n); i_ > 0; i_--) { \
            statement;                          \
            __asm__ volatile("");               \
        }                                       \
        cpu_read_tsc() - start_;                \
    })

uint64_t events_empty(unsigned n);

#endif
