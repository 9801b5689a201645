/* guest: newlib64 */
/*
 * Counts the steps of the Mandelbrot iteration over a grid, in SSE registers all the time. The sum is known, so a
 * register that a preemption spoils shows. Arguments: how many rounds (4); `interrupts`: they are on.
 */
#include <stdint.h>

#include "guests/lib/common/args.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/test.h"

enum { WIDTH = 96, HEIGHT = 64, STEPS_MAX = 200 };

/* Of one round; IEEE 754 arithmetic gives it on every machine. */
static const uint64_t KNOWN_CHECKSUM = 0x12df87bee5b9d532;

static unsigned steps_at(double cx, double cy)
{
    double x = 0, y = 0;
    unsigned steps = 0;

    while (steps < STEPS_MAX && x * x + y * y <= 4) {
        double next = x * x - y * y + cx;

        y = 2 * x * y + cy;
        x = next;
        steps++;
    }
    return steps;
}

static uint64_t round_checksum(void)
{
    uint64_t sum = 0;

    for (int row = 0; row < HEIGHT; row++)
        for (int column = 0; column < WIDTH; column++)
            sum = sum * 31 + steps_at(-2 + column * (3.0 / WIDTH), -1 + row * (2.0 / HEIGHT));
    return sum;
}

int main(int argc, char **argv)
{
    unsigned rounds = args_number(argc, argv, 1, 4), right = 0;
    uint64_t sum = 0;

    if (argc > 2)
        cpu_interrupts_on();
    for (unsigned i = 0; i < rounds; i++) {
        sum = round_checksum();
        right += sum == KNOWN_CHECKSUM;
    }
    test_result(right == rounds, "%u of %u rounds come to the known checksum, the last to %llx", right, rounds,
                (unsigned long long)sum);
    return test_status();
}
