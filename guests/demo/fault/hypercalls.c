/* Hypercalls as they should not be made, and what config/abi.h says that each of them returns. */
#include "guests/demo/fault/fault.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"

enum { NUMBERS = 0x400, VECTORS = 256, VECTOR_FREE = 32 };

/* Arguments that no call may stumble over: null, wild, not canonical, all ones. */
static const unsigned long wild[] = {0, 1, 0x3fe00000, 0x8000000000000000, 0xffff800000000000, ~0ul};

enum { WILD = sizeof wild / sizeof wild[0] };

static bool is_known(unsigned long number)
{
    return number < HC_KERNEL_END || (number >= HC_MONITOR && number < HC_MONITOR_END);
}

/* How many of the calls with this number and wild arguments return something else than -ABI_ENOSYS. */
static unsigned count_answered(unsigned long number)
{
    unsigned answered = 0;

    for (unsigned i = 0; i < WILD; i++)
        answered += hypercall(number, wild[i], wild[WILD - 1 - i], wild[i]) != -ABI_ENOSYS;
    return answered;
}

static void try_unknown_numbers(void)
{
    static const unsigned long huge[] = {
        NUMBERS,
        0xffff,
        0x10000 + HC_NULL,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        (1ul << 32) + HC_NULL,
        (1ul << 32) + HC_CONSOLE,
        (1ul << 32) + HC_EXIT,
        1ul << 62,
        (1ul << 63) + HC_EXIT,
        ~0ul - 1,
        ~0ul,
    };
    unsigned answered = 0;

    for (unsigned number = 0; number < NUMBERS; number++) {
        unsigned n = is_known(number) ? 0 : count_answered(number);

        if (n > 0)
            console_print("%u calls with number 0x%x did not return ENOSYS\n", n, number);
        answered += n;
    }
    test_result(answered == 0, "each unknown number below 0x%x is refused with ENOSYS", NUMBERS);
    for (unsigned i = 0; i < sizeof huge / sizeof huge[0]; i++)
        test_result(count_answered(huge[i]) == 0, "number 0x%lx is refused with ENOSYS", huge[i]);
}

/* Buffers that do not lie in memory as a whole. */
static void try_pointers(unsigned long number, const char *name)
{
    unsigned long memory = (unsigned long)hypercall(HC_MEMORY, 0, 0, 0);
    const struct {
        unsigned long gpa, bytes;
        const char *what;
    } bad[] = {
        {memory, 1, "right behind memory"},
        {memory - 1, 2, "over the end of memory"},
        {0, memory + 1, "longer than memory"},
        {memory + 0x1000, 16, "in a hole"},
        {1ul << 32, 16, "at 4 GiB, where no memory is"},
        {0x8000000000000000, 16, "at half the address space"},
        {~0ul, 1, "at the last address"},
        {~0ul, 2, "that wraps"},
        {~0ul - 15, 32, "that wraps to memory"},
        {memory - 1, ~0ul, "of the longest length"},
        {1, ~0ul, "of the longest length that wraps to 0"},
        {0, 1ul << 63, "of half the address space"},
        {(1ul << 32) + 0x10000, (1ul << 32) + 16, "whose low halves look well"},
    };

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        long got = hypercall(number, bad[i].gpa, bad[i].bytes, 0);

        test_result(got == -ABI_EFAULT, "%s refuses a buffer %s with EFAULT (returned %ld)", name, bad[i].what, got);
    }
}

static void try_timer_vectors(void)
{
    static const unsigned long huge[] = {VECTORS, 0x10000 + VECTOR_FREE, (1ul << 32) + VECTOR_FREE, ~0ul};
    const unsigned long far = ~0ul >> 1;
    unsigned refused = 0, taken = 0, huge_refused = 0;

    for (unsigned vector = 0; vector < VECTOR_FREE; vector++)
        refused += hypercall(HC_TIMER, far, vector, 0) == -ABI_EINVAL;
    for (unsigned vector = VECTOR_FREE; vector < VECTORS; vector++)
        taken += hypercall(HC_TIMER, far, vector, 0) == 0;
    for (unsigned i = 0; i < sizeof huge / sizeof huge[0]; i++)
        huge_refused += hypercall(HC_TIMER, far, huge[i], 0) == -ABI_EINVAL;
    test_result(refused == VECTOR_FREE, "HC_TIMER refuses %u of the %d vectors of exceptions with EINVAL", refused,
                VECTOR_FREE);
    test_result(taken == VECTORS - VECTOR_FREE, "HC_TIMER takes %u of the %d other vectors", taken,
                VECTORS - VECTOR_FREE);
    test_result(huge_refused == sizeof huge / sizeof huge[0], "HC_TIMER refuses vectors above 255 with EINVAL");
    test_result(hypercall(HC_TIMER, 0, VECTOR_FREE, 0) == 0, "HC_TIMER disarms");
}

/* Its interrupts are off. With them on, none is pending. */
static void try_round_trips(void)
{
    static const unsigned long most = 10000, few[] = {0, 1, 2, 100}, many[] = {10001, 1ul << 32, ~0ul};
    unsigned made = 0, refused = 0;
    long busy;

    for (unsigned i = 0; i < sizeof few / sizeof few[0]; i++)
        made += hypercall(HC_ROUND_TRIPS, few[i], ~0ul, ~0ul) == 0;
    for (unsigned i = 0; i < sizeof many / sizeof many[0]; i++)
        refused += hypercall(HC_ROUND_TRIPS, many[i], ~0ul, ~0ul) == -ABI_EINVAL;
    test_result(made == sizeof few / sizeof few[0] && hypercall(HC_ROUND_TRIPS, most, 0, 0) == 0,
                "HC_ROUND_TRIPS comes back from 0 to %lu of them", most);
    test_result(refused == sizeof many / sizeof many[0], "HC_ROUND_TRIPS refuses more with EINVAL");
    cpu_interrupts_on();
    busy = hypercall(HC_ROUND_TRIPS, 1, 0, 0);
    cpu_interrupts_off();
    test_result(busy == -ABI_EBUSY, "HC_ROUND_TRIPS refuses to be made with interrupts on with EBUSY");
    test_result(hypercall(HC_NULL, 0, 0, 0) == 0, "other calls behind it are answered as always");
}

static void try_valid(void)
{
    static const char line[] = "a line after all of that\n";
    char args[COMMAND_LINE_BYTES];

    test_result(hypercall(HC_NULL, ~0ul, ~0ul, ~0ul) == 0, "HC_NULL returns 0, whatever the arguments");
    test_result(hypercall(HC_YIELD, ~0ul, ~0ul, ~0ul) == 0, "HC_YIELD returns 0, whatever the arguments");
    test_result(hypercall(HC_CONSOLE, (unsigned long)line, sizeof line - 1, 0) >= 0, "HC_CONSOLE prints");
    test_result(hypercall(HC_CONSOLE, (unsigned long)line, 0, 0) >= 0, "HC_CONSOLE takes a length of 0");
    test_result(hypercall(HC_MEMORY, ~0ul, ~0ul, ~0ul) > 0x10000, "HC_MEMORY tells the size of memory");

    long bytes = hypercall(HC_ARGS, (unsigned long)args, sizeof args, 0);

    test_result(bytes > 0 && bytes < (long)sizeof args && args[bytes] == 0,
                "HC_ARGS returns the length of what it copied");
}

void fault_try_hypercalls(void)
{
    try_unknown_numbers();
    try_pointers(HC_CONSOLE, "HC_CONSOLE");
    try_pointers(HC_TEST, "HC_TEST");
    try_pointers(HC_ARGS, "HC_ARGS");
    try_pointers(HC_CAESAR, "HC_CAESAR");
    try_timer_vectors();
    try_round_trips();
    try_valid();
}
