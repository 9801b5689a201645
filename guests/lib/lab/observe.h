/*
 * Watching one's own exits. OBSERVE(statement) is the first exit that the statement caused, reason NO_EXIT if there was none:
 *
 *     struct exit_record e = OBSERVE(inb(0x5000));
 *     EXPECT_EXIT(EXIT_IO);
 *     EXPECT_EQ(e.qualification, IO_QUALIFICATION(0x5000, 1, true, false, false, false));
 *
 * The statement ends with that exit, or with a fault, which is in lab_fault then. It may be several statements and use the
 * variables around it (`volatile` is not needed), but not `return`. What it changed before stays changed, except the
 * registers of the control block.
 *
 * After each exit of an OBSERVE, all of the guest's state that an exit must leave as it is has to be so, or the row fails.
 * lab_may_change() makes exceptions.
 */
#ifndef GUESTS_LIB_LAB_OBSERVE_H
#define GUESTS_LIB_LAB_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/lab.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/context.h"
#include "guests/lib/lab/trap.h"

/* The reason of an exit that did not come. */
#define NO_EXIT 0x300000000ull

#define OBSERVE(...)      OBSERVE_WITH(LAB_RETURN, 0, __VA_ARGS__) /* up to the first exit */
#define OBSERVE_SKIP(...) OBSERVE_WITH(LAB_SKIP, 0, __VA_ARGS__)   /* the instruction that exits is as if done */

/* What becomes of the guest after an exit is an enum lab_action. */
#define OBSERVE_WITH(action, argument, ...)                                                                           \
    __extension__({                                                                                                   \
        const unsigned long observe_argument = (argument);                                                            \
        auto CONTEXT_FRAME void observe_body(void);                                                                   \
        void observe_body(void)                                                                                       \
        {                                                                                                             \
            lab_observe_result = context_hypercall(lab_observe_begin(action), HC_LAB_OBSERVE,                         \
                                                   (unsigned long)&lab_seen, action, observe_argument);               \
            if (lab_observe_result == 0) {                                                                            \
                __VA_ARGS__;                                                                                          \
                CONTEXT_END();                                                                                        \
            }                                                                                                         \
        }                                                                                                             \
        observe_body();                                                                                               \
        lab_observe_end(__FILE__, __LINE__);                                                                          \
    })

/* Of the last OBSERVE: all of its exits, the registers at the first of them, and the fault that ended it. */
extern struct lab_observation lab_seen;
extern struct fault lab_fault;

/* Expectations about the last OBSERVE. A fault before the exit, or instead of it, shows in the text of a failure. */
#define EXPECT_EXIT(reason)         lab_expect_exit(reason, __FILE__, __LINE__) /* the first one, and no fault */
#define EXPECT_EXITS(n)             lab_expect_exits(n, __FILE__, __LINE__)     /* how many, and no fault */
#define EXPECT_NO_EXIT()            lab_expect_exits(0, __FILE__, __LINE__)
#define EXPECT_FAULT(vector, error) lab_expect_fault(vector, error, __FILE__, __LINE__) /* and no exit before it */
#define EXPECT_UNCHANGED()          lab_expect_unchanged(__FILE__, __LINE__) /* for other actions than OBSERVE's */

bool lab_expect_exit(uint64_t reason, const char *file, unsigned line);
bool lab_expect_exits(uint64_t exits, const char *file, unsigned line);
bool lab_expect_fault(uint64_t vector, uint64_t error, const char *file, unsigned line);
bool lab_expect_unchanged(const char *file, unsigned line);

/* The value that goes with the back end that this runs on, for tests of ANY platform. */
#define ON_PLATFORM(vmx, svm) (hypercall_is_svm ? (uint64_t)(svm) : (uint64_t)(vmx))

/* A guest-state field (GUEST_CR0, VMCB_CR0) that may not be the same after the exits of this row, or none needs to be. */
void lab_may_change(uint64_t field);
void lab_may_change_all(void);

/* ---- For the library ---- */

extern long lab_observe_result;

struct context *lab_observe_begin(enum lab_action action);
struct exit_record lab_observe_end(const char *file, unsigned line);

/* For the next row. */
void lab_observe_reset(void);

/* Writes "EXIT_IO", "exit 0x4b", "no exit". */
void lab_put_reason(struct text *text, uint64_t reason);

#endif
