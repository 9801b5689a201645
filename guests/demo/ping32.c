/* guest: bare32 */
/* Sends numbered messages from memory to `pong`, and looks at the answers. Argument: how many (200). */
#include "guests/lib/common/args.h"
#include "guests/lib/common/message.h"
#include "guests/lib/common/test.h"

enum { TO, FROM };

static struct message message;

static bool is_right(uint32_t number)
{
    for (unsigned i = 0; i < 8; i++)
        message.word[i] = (uint64_t)number << 32 | i;
    if (message_send(TO, &message, CHANNEL_FOR_EVER) || message_receive(FROM, &message, CHANNEL_FOR_EVER))
        return false;
    for (unsigned i = 0; i < 8; i++)
        if (message.word[i] != ~((uint64_t)number << 32 | i))
            return false;
    return true;
}

int main(int argc, char **argv)
{
    unsigned n = args_number(argc, argv, 1, 200), right = 0;

    for (unsigned i = 0; i < n; i++)
        right += is_right(i);
    test_result(right == n, "%u of %u messages come back, each of their bits turned over", right, n);
    test_result(message_receive(FROM, &message, 1) == -ABI_ETIME, "a deadline in the past ends a wait");
    return test_status();
}
