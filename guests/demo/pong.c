/* guest: newlib64 */
/*
 * Sends each message back with all bits turned over, until the other VM is gone. Arguments: `plain` for two hypercalls
 * instead of one; a number: ends after so many. A message {BOUNCE, n} it sends back as it came, and the n that follow.
 * Its channels: from the other, and to it.
 */
#include <string.h>

#include "guests/lib/common/args.h"
#include "guests/lib/common/message.h"
#include "guests/lib/common/test.h"

enum { FROM, TO };

#define BOUNCE ~0ull /* as in ping.c */

int main(int argc, char **argv)
{
    bool plain = argc > 1 && strcmp(argv[1], "plain") == 0;
    unsigned most = args_number(argc, argv, 1, 0), done = 0;
    struct message message;
    long result = message_receive(FROM, &message, CHANNEL_FOR_EVER);

    while (result == 0 && !(most && done == most)) {
        done++;
        if (message.word[0] == BOUNCE && !plain) {
            result = message_bounce(TO, FROM, &message, message.word[1] + 1);
            continue;
        }
        for (unsigned i = 0; i < 8; i++)
            message.word[i] = ~message.word[i];
        if (plain) {
            result = message_send(TO, &message, CHANNEL_FOR_EVER);
            if (result == 0)
                result = message_receive(FROM, &message, CHANNEL_FOR_EVER);
        } else {
            result = message_exchange(TO, FROM, &message, CHANNEL_FOR_EVER);
        }
    }
    if (most)
        test_result(done == most, "%u messages answered", done);
    else
        test_result(result == -ABI_EPIPE, "the other VM's end is told: %ld after %u messages", result, done);
    return test_status();
}
