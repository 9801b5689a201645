/* Deadlines of every kind, and storms of them with interrupts on. */
#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/timer.h"

enum { DEFAULT_TIMES = 2000, VECTORS = 256 };

static volatile uint64_t count_of[VECTORS];
static volatile uint64_t all;

static void count_interrupt(struct interrupt_frame *frame)
{
    count_of[frame->vector]++;
    all++;
}

static void run_until(uint64_t tsc)
{
    cpu_interrupts_on();
    while (cpu_read_tsc() < tsc)
        ;
    cpu_interrupts_off();
}

/* Deadlines that have passed. STI and CLI leave one instruction's time, as a rule enough; a hypervisor that was just busy
 * may want more. */
static void test_past(uint64_t times)
{
    uint64_t came = 0;

    for (uint64_t i = 0; i < times; i++) {
        unsigned vector = VECTOR_FREE + (unsigned)(hostile_random() % (VECTORS - VECTOR_FREE));
        uint64_t before = count_of[vector];

        timer_arm(1 + hostile_random() % cpu_read_tsc(), vector);
        cpu_interrupts_on();
        __asm__ volatile("nop");
        cpu_interrupts_off();
        if (count_of[vector] == before)
            cpu_wait_interrupt();
        came += count_of[vector] == before + 1;
    }
    test_result(came == times, "deadlines in the past raise their vector: %lu of %lu", came, times);
}

static void test_never(void)
{
    static const uint64_t never[] = {1ull << 62, (1ull << 63) - 1, 1ull << 63, ~0ull - 1, ~0ull};
    uint64_t before = all;

    for (unsigned i = 0; i < sizeof never / sizeof never[0]; i++) {
        timer_arm(never[i], VECTOR_FREE + i);
        run_until(cpu_read_tsc() + guest_tsc_per_ms() / 4);
    }
    timer_arm(0, VECTOR_FREE);
    test_result(all == before, "deadlines in thousands of years raise nothing");
}

/* Each is moved before it comes, or comes while the next is armed. */
static void test_storm(uint64_t times)
{
    uint64_t before = all, last = count_of[VECTORS - 1];

    cpu_interrupts_on();
    for (uint64_t i = 0; i < times; i++)
        timer_arm(cpu_read_tsc() + (hostile_random() & 0x3fff), VECTOR_FREE + (unsigned)(i % (VECTORS - VECTOR_FREE - 1)));
    cpu_interrupts_off();
    timer_arm(cpu_read_tsc() + 1000, VECTORS - 1);
    while (count_of[VECTORS - 1] == last)
        cpu_wait_interrupt();
    test_result(all - before <= times + 1 && count_of[VECTORS - 1] == last + 1,
                "a storm of %lu deadlines: %lu came, the last one for certain", times, all - before);
}

/* Deadlines around now, each slept for. */
static void test_short(uint64_t times)
{
    uint64_t in_time = 0;

    for (uint64_t i = 0; i < times; i++) {
        uint64_t before = all, deadline = cpu_read_tsc() + (hostile_random() & 0xfff);

        timer_arm(deadline, VECTOR_FREE);
        while (all == before)
            cpu_wait_interrupt();
        in_time += cpu_read_tsc() >= deadline;
    }
    test_result(in_time == times, "sleeps of next to nothing: %lu of %lu", in_time, times);
}

void timers_mode(uint64_t count)
{
    uint64_t times = count ? count : DEFAULT_TIMES;

    for (unsigned vector = VECTOR_FREE; vector < VECTORS; vector++)
        interrupt_set_handler((uint8_t)vector, count_interrupt);
    test_past(times);
    test_never();
    test_storm(times);
    test_short(times);
}
