/* guest: newlib64 */
/*
 * Sends numbered messages and waits for each to come back, and prints what a round trip takes. Arguments: how many (1000),
 * and `plain` to send and receive with two hypercalls instead of one, or `orphan`: the other VM ends before that. Its
 * channels: to the other, and from it.
 */
#include <stdlib.h>
#include <string.h>

#include "guests/lib/common/args.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/message.h"
#include "guests/lib/common/test.h"

enum { TO, FROM, BATCH = 16 };

#define BOUNCE ~0ull /* `pong` sends this message and as many behind it as it says back unchanged */

static bool plain;

static long round_trip(struct message *message)
{
    long error;

    if (!plain)
        return message_exchange(TO, FROM, message, CHANNEL_FOR_EVER);
    error = message_send(TO, message, CHANNEL_FOR_EVER);
    return error ? error : message_receive(FROM, message, CHANNEL_FOR_EVER);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Each word of a message differs, and the other turns all bits over. */
static uint64_t word(uint64_t number, unsigned i) { return number * 0x9e3779b97f4a7c15ull + i; }

/* One checked round trip. */
static bool is_right(uint64_t number)
{
    struct message message;

    for (unsigned i = 0; i < 8; i++)
        message.word[i] = word(number, i);
    if (round_trip(&message))
        return false;
    for (unsigned i = 0; i < 8; i++)
        if (message.word[i] != ~word(number, i))
            return false;
    return true;
}

/* TSC ticks of one of BATCH round trips. What the guests do with a message is not in it, if it can be avoided. */
static uint64_t measure(void)
{
    struct message message = {{BOUNCE, BATCH}};
    uint64_t start;

    if (!plain)
        round_trip(&message);
    start = cpu_read_tsc();
    if (!plain)
        message_bounce(TO, FROM, &message, BATCH);
    for (unsigned i = 0; i < BATCH && plain; i++)
        round_trip(&message);
    return (cpu_read_tsc() - start) / BATCH;
}

int main(int argc, char **argv)
{
    unsigned n = args_number(argc, argv, 1, 1000), right = 0, batches = n / BATCH + 1;
    uint64_t *ticks = malloc(batches * sizeof *ticks);

    plain = argc > 2 && strcmp(argv[2], "plain") == 0;
    if (!ticks)
        return 1;
    while (right < n && is_right(right))
        right++;
    if (argc > 2 && strcmp(argv[2], "orphan") == 0) {
        test_result(right < n && round_trip(&(struct message){{0}}) == -ABI_EPIPE, "the other VM's end is told, after %u messages",
                    right);
        return test_status();
    }
    test_result(right == n, "%u of %u messages come back in order, each of its bits turned over", right, n);
    for (unsigned i = 0; i < batches; i++)
        ticks[i] = measure();
    qsort(ticks, batches, sizeof *ticks, compare);
    console_print("round trip, %s: minimum %llu, median %llu TSC ticks\n", plain ? "send and receive" : "exchange",
                  (unsigned long long)ticks[0], (unsigned long long)ticks[batches / 2]);
    return test_status();
}
