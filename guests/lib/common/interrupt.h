/* Interrupts and exceptions of a guest: one table of handlers, and a default that reports and ends the VM. */
#ifndef GUESTS_LIB_COMMON_INTERRUPT_H
#define GUESTS_LIB_COMMON_INTERRUPT_H

#include <stdint.h>

#ifdef __x86_64__
#include "guests/lib/x64/frame.h"
#else
#include "guests/lib/x32/frame.h"
#endif

/* Runs with interrupts off; what it changes in the frame (ip, sp, gpr, ...) holds when it returns. */
typedef void interrupt_handler(struct interrupt_frame *frame);

/* From now on `handler` answers `vector`; a null pointer brings the default back. */
void interrupt_set_handler(uint8_t vector, interrupt_handler *handler);

/*
 * What a vector without handler gets: prints vector, error code, address and CR2, and ends the VM with status 255.
 * A handler passes on to it what it did not expect.
 */
_Noreturn void interrupt_report(const struct interrupt_frame *frame);

/* Called by the entry stubs. */
void interrupt_dispatch(struct interrupt_frame *frame);

enum vector {
    VECTOR_UD = 6,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    VECTOR_FREE = 32, /* the first that is no exception */
};

#endif
