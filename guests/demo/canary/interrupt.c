/* Interrupts: the one that was asked for comes once, not before its time, in the middle of what the others check. */
#include "guests/demo/canary/canary.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/x64/timer.h"

enum { VECTORS = 256 };

static uint64_t deadline;
static unsigned armed; /* vector */
static volatile struct {
    uint64_t count, vector, tsc;
} came;

static void handle(struct interrupt_frame *frame)
{
    came.tsc = cpu_read_tsc();
    came.vector = frame->vector;
    came.count++;
}

static void setup(void)
{
    for (unsigned vector = VECTOR_FREE; vector < VECTORS; vector++)
        interrupt_set_handler((uint8_t)vector, handle);
}

static void plant(void)
{
    armed = VECTOR_FREE + (unsigned)(canary_random() % (VECTORS - VECTOR_FREE));
    came.count = 0;
    deadline = cpu_read_tsc() + canary_random() % guest_tsc_per_ms();
    canary_expect("result of HC_TIMER", 0, (uint64_t)timer_arm(deadline, armed));
    cpu_interrupts_on();
}

static void check(void)
{
    cpu_interrupts_off();
    while (came.count == 0)
        cpu_wait_interrupt();
    canary_expect("interrupts", 1, came.count);
    canary_expect("vector", armed, came.vector);
    canary_expect("in time", 1, came.tsc >= deadline);
}

struct kind kind_interrupt = {"timer interrupts", setup, plant, check, 0};
