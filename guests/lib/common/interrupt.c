#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"

enum { STATUS_UNEXPECTED = 255 };

static interrupt_handler *handlers[256];

void interrupt_set_handler(uint8_t vector, interrupt_handler *handler) { handlers[vector] = handler; }

void interrupt_report(const struct interrupt_frame *frame)
{
    console_print("guest: unexpected %s %lu, error code 0x%lx, at 0x%lx:0x%lx, CR2 0x%lx\n",
                  frame->vector < VECTOR_FREE ? "exception" : "interrupt", frame->vector, frame->error, frame->cs,
                  frame->ip, cpu_read_cr2());
    guest_exit(STATUS_UNEXPECTED);
}

void interrupt_dispatch(struct interrupt_frame *frame)
{
    interrupt_handler *handler = handlers[frame->vector];

    if (handler)
        handler(frame);
    else if (frame->vector != VECTOR_UD || !hypercall_retry(&frame->ip))
        interrupt_report(frame);
}
