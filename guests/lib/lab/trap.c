#include "guests/lib/lab/trap.h"

#include "guests/lib/common/cpu.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/tables.h"

enum { DEPTH = 4, VECTORS = 256, EXCEPTIONS = 32 };

/* Catches within each other, and what the last one of each depth ended with. */
static struct context catches[DEPTH];
static struct fault faults[DEPTH + 1];
static unsigned depth;

static trap_handler *handlers[VECTORS];
static bool have_handlers, draining;

bool trap_user_was, trap_mode_was;

void trap_set_handler(uint8_t vector, trap_handler *handler)
{
    handlers[vector] = handler;
    have_handlers = true;
}

void trap_reset(void)
{
    depth = 0;
    trap_user_was = trap_mode_was = false;
    if (have_handlers)
        for (unsigned i = 0; i < VECTORS; i++)
            handlers[i] = 0;
    have_handlers = false;
}

struct context *trap_catch_begin(void)
{
    if (depth == DEPTH)
        outcome_end(VERDICT_ERROR, 0, 0, "more than %d CATCH within each other", DEPTH);
    faults[depth] = (struct fault){.vector = NO_FAULT};
    return &catches[depth++];
}

struct fault trap_catch_end(void) { return faults[--depth]; }

void trap_drain(void)
{
    draining = true;
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    draining = false;
}

void trap_put(struct text *text, const struct fault *fault)
{
    static const char names[][4] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "#9", "#TS",
                                    "#NP", "#SS", "#GP", "#PF", "#15", "#MF", "#AC", "#MC", "#XM", "#VE", "#CP"};

    if (fault->vector < sizeof names / sizeof *names)
        text_put(text, "%s(0x%llx)", names[fault->vector], (unsigned long long)fault->error);
    else
        text_put(text, "vector %llu", (unsigned long long)fault->vector);
    if (fault->vector == EXCEPTION_PF)
        text_put(text, " CR2 0x%llx", (unsigned long long)fault->cr2);
}

static _Noreturn void end_row(const struct fault *fault)
{
    char what[64];
    struct text text = text_begin(what, sizeof what);

    trap_put(&text, fault);
    outcome_end(VERDICT_ERROR, 0, 0, "unexpected %s at 0x%llx:0x%llx", what, (unsigned long long)fault->cs,
                (unsigned long long)fault->rip);
}

void trap_raise(const struct fault *fault)
{
    if (depth == 0)
        end_row(fault);
    faults[depth - 1] = *fault;
    context_resume(&catches[depth - 1], 1);
}

void trap_handle(struct interrupt_frame *frame)
{
    const struct fault fault = {frame->vector, frame->error, cpu_read_cr2(), frame->ip, frame->cs, frame->flags, frame->sp};

    if (handlers[frame->vector]) {
        handlers[frame->vector](frame);
    } else if (frame->vector == TRAP_USER_LEAVE) {
        frame->cs = SELECTOR_CODE;
        frame->ss = SELECTOR_DATA;
    } else if (draining && (frame->vector >= EXCEPTIONS || frame->vector == EXCEPTION_NMI)) {
        return;
    } else {
        trap_raise(&fault);
    }
}
