/* Hypercalls of every number with random arguments. */
#include <stdatomic.h>
#include <string.h>

#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/vcpus.h"

enum { DEFAULT_CALLS = 100000, DEFAULT_CALLS_DIE = 1000, STACK_BYTES = 4096, NUMBERS = 0x200, SCRATCH_BYTES = 4096, VECTORS = 256, RESULT_BYTES = 240 };

/* Calls that would be our end. Those that block do so only on a channel, and this VM has none. */
static const struct {
    uint64_t number;
    const char *name;
} left_out[] = {
    {HC_EXIT, "HC_EXIT"},
};

static char scratch[SCRATCH_BYTES];
static uint64_t memory;
static volatile uint64_t interrupts;

static void count_interrupt(struct interrupt_frame *frame)
{
    (void)frame;
    interrupts++;
}

static bool is_left_out(uint64_t number)
{
    for (unsigned i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        if (left_out[i].number == number)
            return true;
    return false;
}

/* Mostly numbers that exist, or that are near to them; else anything. */
static uint64_t make_number(void)
{
    uint64_t r = hostile_random();

    switch (r & 7) {
    case 0:
        return hostile_value();
    case 1:
        return HC_MONITOR | (r >> 8 & 7) | hostile_value() << 32;
    case 2:
    case 3:
        return (r >> 8) % HC_KERNEL_END;
    case 4:
    case 5:
        return HC_MONITOR + (r >> 8) % (HC_MONITOR_END - HC_MONITOR);
    default:
        return r >> 8 & (NUMBERS - 1);
    }
}

/*
 * An address and a length: in our scratch buffer, over the end of memory, or anything that is not in memory. Some calls
 * write where they are told, so other places in memory are not for play.
 */
static void make_buffer(uint64_t *address, uint64_t *bytes)
{
    uint64_t r = hostile_random();

    switch (r & 3) {
    case 0:
        *address = (uint64_t)scratch + (r >> 8) % SCRATCH_BYTES;
        *bytes = (r >> 32) % ((uint64_t)scratch + SCRATCH_BYTES - *address + 1);
        break;
    case 1:
        *address = memory - (r >> 8) % SCRATCH_BYTES;
        *bytes = memory - *address + 1 + (hostile_value() >> 1);
        break;
    default:
        *address = hostile_value();
        *bytes = hostile_value();
        if (*address < memory)
            *bytes = memory - *address + 1 + (*bytes >> 1);
    }
}

/* What HC_TEST is told in our scratch buffer becomes a result: an honest one, so that the VM's verdict is still ours. */
static bool would_report(uint64_t number, uint64_t address, uint64_t bytes)
{
    return number == HC_TEST && address >= (uint64_t)scratch && address < (uint64_t)scratch + SCRATCH_BYTES &&
           bytes > 0 && bytes <= RESULT_BYTES;
}

static int64_t random_call(void)
{
    uint64_t number = make_number(), address, bytes;

    make_buffer(&address, &bytes);
    if (is_left_out(number) || would_report(number, address, bytes))
        number = HC_NULL;
    if (number == HC_TIMER && hostile_random() & 1) { /* soon: it has to come in the middle of all this */
        address = cpu_read_tsc() + (hostile_random() & 0xffff);
        bytes = hostile_random() & 0xff;
    }
    return hypercall(number, address, bytes, hostile_value());
}

static void prepare(void)
{
    memory = (uint64_t)hypercall(HC_MEMORY, 0, 0, 0);
    memset(scratch, 'x', sizeof scratch);
    for (unsigned vector = VECTOR_FREE; vector < VECTORS; vector++)
        interrupt_set_handler((uint8_t)vector, count_interrupt);
    cpu_interrupts_on();
}

void hypercalls_mode(uint64_t count)
{
    uint64_t calls = count ? count : DEFAULT_CALLS, good = 0, refused = 0, strange = 0;

    prepare();
    for (uint64_t i = 0; i < calls; i++) {
        int64_t result = random_call();

        good += result >= 0;
        refused += result < 0 && result >= -0x100;
        strange += result < -0x100;
    }
    hypercall(HC_TIMER, 0, 0, 0);
    cpu_interrupts_off();
    test_result(good > 0 && refused > 0 && strange == 0, "%lu hypercalls, seed %u: %lu done, %lu refused, %lu strange results",
                calls, hostile_seed, good, refused, strange);
    test_result(calls < 1000 || interrupts > 0, "timers that they armed came: %lu", interrupts);
    test_result(hypercall(HC_NULL, 0, 0, 0) == 0, "the next call is still answered");
}

/* ---- The end of the VM in the middle of it ---- */

static _Atomic uint64_t calls_made, calls_until_end;

static void end_soon(void *unused)
{
    (void)unused;
    while (calls_made < calls_until_end)
        ;
    guest_exit(0);
}

/* The second vCPU ends the VM while the first goes on. */
void hypercalls_die_mode(uint64_t count)
{
    static char stack[STACK_BYTES] __attribute__((aligned(16)));
    static struct vcpu_launch launch = {(uint64_t)stack + STACK_BYTES, end_soon, 0};

    calls_until_end = 1 + (hostile_random() ^ cpu_read_tsc()) % (count ? count : DEFAULT_CALLS_DIE);
    if (!test_result(vcpu_start(1, &launch) == 0, "a second vCPU"))
        return;
    prepare();
    for (;; calls_made++)
        random_call();
}
