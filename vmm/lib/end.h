/*
 * How a guest can end. One set of words for the `expect` key of the machine description, for the monitor's REPORT_END
 * record and for the root task's verdict; docs/config.md explains each to people.
 */
#ifndef VMM_LIB_END_H
#define VMM_LIB_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum end_kind {
    END_NONE, /* nothing known */
    END_EXIT, /* hypercall HC_EXIT with a status */
    END_HALT, /* HLT with nothing that could ever wake it */
    END_TRIPLE_FAULT,
    END_HOLE,          /* access to a guest-physical address without memory or device */
    END_READ_ONLY,     /* a write to memory of a ring that it may only read */
    END_BAD_HYPERCALL, /* an unknown hypercall where the config says bad-hypercall = kill */
    END_BAD_IMAGE,     /* the image is missing, truncated, corrupt or does not fit */
    END_BAD_STATE,     /* the saved VM that it should go on from is truncated, corrupt, unknown or of another VM */
    END_MONITOR_FAULT, /* the VM's own monitor faulted */
    END_NO_MEMORY,     /* the VM's quota or the machine ran out of pages */
    END_ENTRY_FAILURE, /* the CPU refused the guest's state at VM entry */
    END_UNHANDLED,     /* the guest did something that the monitor does not emulate */
    END_RUNNING,       /* it did not end by itself */
    END_KINDS
};

struct end {
    enum end_kind kind;
    int32_t status; /* END_EXIT only */
};

enum { END_TEXT_BYTES = 32 }; /* enough for every text that end_format makes */

/* The word of a kind, "none" for END_NONE. Static storage. */
const char *end_word(enum end_kind kind);

/* Writes the word, with the status if it has one: "exit 3". */
void end_format(const struct end *end, char text[END_TEXT_BYTES]);

/*
 * Reads such a text, `bytes` long, not terminated. `exit` wants its status behind it, a decimal int32_t; no other word
 * takes anything. Returns false and leaves *end alone if it is something else.
 */
bool end_parse(const char *text, size_t bytes, struct end *end);

static inline bool end_equal(const struct end *a, const struct end *b)
{
    return a->kind == b->kind && (a->kind != END_EXIT || a->status == b->status);
}

#endif
