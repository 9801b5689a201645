/* Running code that may fault. */
#include <setjmp.h>

#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/x64/descriptors.h"

#define RFLAGS_FIXED 2ull

static jmp_buf way_back;
static volatile bool attempting;
static char landing[4096] __attribute__((aligned(16)));

static _Noreturn void land(uint64_t vector) { longjmp(way_back, (int)vector + 1); }

/* The interrupted code is left for good, so all of its frame is made anew. */
static void leave(struct interrupt_frame *frame)
{
    if (!attempting)
        interrupt_report(frame);
    attempting = false;
    frame->rdi = frame->vector;
    frame->ip = (uint64_t)land;
    frame->cs = SELECTOR_CODE;
    frame->ss = SELECTOR_DATA;
    frame->flags = RFLAGS_FIXED;
    frame->sp = (uint64_t)(landing + sizeof landing - sizeof(uint64_t));
}

unsigned attempt(void (*f)(uint64_t), uint64_t argument)
{
    int vector;

    for (unsigned v = 0; v < VECTOR_FREE; v++)
        interrupt_set_handler((uint8_t)v, leave);
    vector = setjmp(way_back);
    if (vector)
        return (unsigned)vector - 1;
    attempting = true;
    f(argument);
    attempting = false;
    return ATTEMPT_DONE;
}
