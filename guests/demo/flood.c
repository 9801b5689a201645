/* guest: newlib64 */
/*
 * Fills a queue without waiting until it is full, and goes on with waiting; the other side, the same program, looks at the
 * order once it has been told to begin. Arguments: how many messages (500), or `die`: the sender ends with the queue full,
 * the receiver without reading. Channels of both: the queue, and a queue from the sender that says "begin".
 */
#include <string.h>

#include "guests/lib/common/args.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/message.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/timer.h"

enum { DATA, BEGIN };

static bool dies;

static long send_number(unsigned number, uint64_t deadline)
{
    struct message message;

    for (unsigned i = 0; i < 8; i++)
        message.word[i] = (uint64_t)number << 32 | i;
    return message_send(DATA, &message, deadline);
}

static bool has_number(const struct message *message, unsigned number)
{
    for (unsigned i = 0; i < 8; i++)
        if (message->word[i] != ((uint64_t)number << 32 | i))
            return false;
    return true;
}

static void flood(unsigned n)
{
    static const struct message begin;
    unsigned sent = 0, slots = channel_size(DATA);
    long result;

    while ((result = send_number(sent, 0)) == 0)
        sent++;
    test_result(result == -ABI_EAGAIN && sent == slots, "the queue is full after %u messages of %u (%ld)", sent, slots,
                result);
    result = send_number(sent, cpu_read_tsc() + guest_tsc_per_ms());
    test_result(result == -ABI_ETIME, "a deadline ends the wait for room (%ld)", result);
    test_result(send_number(sent, 1) == -ABI_ETIME, "a deadline in the past does so at once");
    result = message_send(BEGIN, &begin, CHANNEL_FOR_EVER);
    test_result(result == 0, "the other side may begin (%ld)", result);
    if (dies)
        return;
    while (sent < n && (result = send_number(sent, CHANNEL_FOR_EVER)) == 0)
        sent++;
    if (result == -ABI_EPIPE)
        test_result(send_number(sent, 0) == -ABI_EPIPE, "the receiver's end ends the wait for room, and each later call");
    else
        test_result(sent == n, "%u of %u messages are sent (%ld)", sent, n, result);
}

static void drain(unsigned n)
{
    struct message message;
    unsigned received = 0, right = 0;
    long result = message_receive(BEGIN, &message, CHANNEL_FOR_EVER);

    test_result(result == 0, "the sender says when to begin (%ld)", result);
    if (dies)
        return;
    while ((result = message_receive(DATA, &message, CHANNEL_FOR_EVER)) == 0)
        right += has_number(&message, received++);
    test_result(right == received, "%u of %u messages are the next in order", right, received);
    test_result(received == n || received == channel_size(DATA), "%u come in all", received);
    test_result(result == -ABI_EPIPE, "then the sender's end is told (%ld)", result);
    test_result(message_receive(DATA, &message, 0) == -ABI_EPIPE, "and again to who asks once more");
}

int main(int argc, char **argv)
{
    unsigned n = args_number(argc, argv, 1, 500);

    dies = argc > 1 && strcmp(argv[1], "die") == 0;
    if (channel_kind(DATA) == CHANNEL_SEND)
        flood(n);
    else
        drain(n);
    return test_status();
}
