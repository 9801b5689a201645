/* guest: newlib64 */
/* HLT with timed wake-ups. Arguments: how many (10), and of how many milliseconds (5). */
#include <stdbool.h>
#include <stdint.h>

#include "guests/lib/common/args.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/timer.h"

enum { FIRST_VECTOR = 0x30, VECTORS = 8 };

static volatile struct {
    unsigned count; /* of interrupts since it was cleared */
    unsigned vector;
    uint64_t tsc;
} wake;

static void woken(struct interrupt_frame *frame)
{
    wake.tsc = cpu_read_tsc();
    wake.vector = (unsigned)frame->vector;
    wake.count++;
}

static unsigned halts; /* HLTs that have ended */

static long sleep_until(uint64_t deadline, unsigned vector)
{
    wake.count = 0;
    long error = timer_arm(deadline, vector);

    while (error == 0 && wake.count == 0) {
        cpu_wait_interrupt();
        halts++;
    }
    return error;
}

/* Runs on with interrupts on, and returns with interrupts off. */
static void run_until(uint64_t tsc)
{
    cpu_interrupts_on();
    while (cpu_read_tsc() < tsc)
        ;
    cpu_interrupts_off();
}

/* A guest that is preempted between arming and disarming may be too late: it takes the interrupt, and tries again. */
static bool disarmed_is_silent(uint64_t ticks)
{
    for (;;) {
        uint64_t deadline = cpu_read_tsc() + ticks;
        bool in_time;

        wake.count = 0;
        timer_arm(deadline, FIRST_VECTOR);
        timer_arm(0, FIRST_VECTOR);
        in_time = cpu_read_tsc() < deadline;
        run_until(deadline + ticks);
        if (in_time)
            return wake.count == 0;
        ticks *= 2;
    }
}

static void test_running(uint64_t ticks)
{
    uint64_t deadline = cpu_read_tsc() + ticks;

    wake.count = 0;
    timer_arm(deadline, FIRST_VECTOR);
    while (wake.count == 0)
        run_until(deadline);
    run_until(wake.tsc + ticks);
    test_result(wake.count == 1 && wake.tsc >= deadline, "a deadline interrupts a running guest once");

    test_result(disarmed_is_silent(ticks), "a disarmed timer stays silent");
}

int main(int argc, char **argv)
{
    unsigned sleeps = args_number(argc, argv, 1, 10), ms = args_number(argc, argv, 2, 5);
    unsigned by_vector = 0, in_time = 0, refused = 0, interrupts = 0;
    uint64_t ticks = ms * guest_tsc_per_ms();

    for (unsigned i = 0; i < VECTORS; i++)
        interrupt_set_handler((uint8_t)(FIRST_VECTOR + i), woken);

    console_print("%u sleeps of %u ms, %llu TSC ticks each\n", sleeps, ms, (unsigned long long)ticks);
    for (unsigned i = 0; i < sleeps; i++) {
        unsigned vector = FIRST_VECTOR + i % VECTORS;
        uint64_t deadline = cpu_read_tsc() + ticks;

        refused += sleep_until(deadline, vector) != 0;
        by_vector += wake.vector == vector;
        in_time += wake.tsc >= deadline;
        interrupts += wake.count;
    }
    test_result(ticks > 0 || ms == 0, "CPUID tells the TSC's rate: %llu ticks a millisecond",
                (unsigned long long)guest_tsc_per_ms());
    test_result(refused == 0, "the timer can be armed %u times", sleeps);
    test_result(by_vector == sleeps, "%u of %u wake-ups came by the vector asked for", by_vector, sleeps);
    test_result(in_time == sleeps, "%u of %u wake-ups came no earlier than their deadline", in_time, sleeps);
    test_result(interrupts == sleeps && halts == sleeps, "%u interrupts came for %u deadlines, and ended %u HLTs", interrupts,
                sleeps, halts);

    test_running(ticks);
    test_result(sleep_until(cpu_read_tsc() - 1, FIRST_VECTOR) == 0, "a deadline in the past wakes at once");
    return test_status();
}
