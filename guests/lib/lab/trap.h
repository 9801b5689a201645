/*
 * Exceptions and interrupts of a lab guest. A fault in CATCH(statement) or OBSERVE(statement) ends the statement and is its
 * result; a vector with a handler gets that; any other ends the row as an ERROR.
 */
#ifndef GUESTS_LIB_LAB_TRAP_H
#define GUESTS_LIB_LAB_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "guests/lib/feature/text.h"
#include "guests/lib/lab/context.h"
#include "guests/lib/x64/descriptors.h"
#include "guests/lib/x64/frame.h"

enum exception {
    EXCEPTION_DE, EXCEPTION_DB, EXCEPTION_NMI, EXCEPTION_BP, EXCEPTION_OF, EXCEPTION_BR, EXCEPTION_UD, EXCEPTION_NM,
    EXCEPTION_DF, EXCEPTION_TS = 10, EXCEPTION_NP, EXCEPTION_SS, EXCEPTION_GP, EXCEPTION_PF, EXCEPTION_MF = 16,
    EXCEPTION_AC, EXCEPTION_MC, EXCEPTION_XM, EXCEPTION_VE, EXCEPTION_CP,
};

enum { NO_FAULT = 256, TRAP_USER_LEAVE = 0x81 };

/* What the guest took instead of going on; vector NO_FAULT: nothing. */
struct fault {
    uint64_t vector, error, cr2; /* error: 0 for vectors that have none; cr2: as it was then, whatever the vector */
    uint64_t rip, cs, rflags, rsp;
};

/* Runs a statement and returns the struct fault that it ended with. It may use the variables around it; no `return`. */
#define CATCH(...)                                                                                                    \
    __extension__({                                                                                                   \
        auto CONTEXT_FRAME void trap_body(void);                                                                      \
        void trap_body(void)                                                                                          \
        {                                                                                                             \
            if (context_mark(trap_catch_begin()) == 0) {                                                              \
                __VA_ARGS__;                                                                                          \
                CONTEXT_END();                                                                                        \
            }                                                                                                         \
        }                                                                                                             \
        trap_body();                                                                                                  \
        trap_catch_end();                                                                                             \
    })

/* In this row `handler` gets a vector, on a stack of its own, with interrupts off; what it changes in the frame holds. */
typedef void trap_handler(struct interrupt_frame *frame);
void trap_set_handler(uint8_t vector, trap_handler *handler);

/* Runs statements in CPL 3, on the same stack. A fault in there ends the IN_USER as well. */
#define IN_USER(...)                                                                                                  \
    do {                                                                                                              \
        trap_user_enter();                                                                                            \
        __VA_ARGS__;                                                                                                  \
        trap_user_leave();                                                                                            \
    } while (0)

/* ---- For the library ---- */

/* The innermost catch; each begin has its end. */
struct context *trap_catch_begin(void);
struct fault trap_catch_end(void);

/* No catch, no handlers: for the next row. */
void trap_reset(void);

/* Whether this row has been in CPL 3; in another mode (mode.h). */
extern bool trap_user_was, trap_mode_was;

/* A fault that did not come by the IDT: to the innermost catch, or the row's end. */
_Noreturn void trap_raise(const struct fault *fault);

/* Lets interrupts that are left over come and go, without handlers; interrupts are off after that. */
void trap_drain(void);

/* Writes "#GP(0x0)". */
void trap_put(struct text *text, const struct fault *fault);

void trap_handle(struct interrupt_frame *frame);

static inline void trap_user_enter(void)
{
    trap_user_was = true;
    __asm__ volatile("movq %%rsp, %%rax\n\tpushq %0\n\tpushq %%rax\n\tpushfq\n\tpushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\tpushq %%rax\n\tiretq\n1:"
                     :
                     : "i"(SELECTOR_USER_DATA), "i"(SELECTOR_USER_CODE)
                     : "rax", "cc", "memory");
}

static inline void trap_user_leave(void) { __asm__ volatile("int %0" : : "i"(TRAP_USER_LEAVE) : "cc", "memory"); }

#endif
