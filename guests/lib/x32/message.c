/* Messages in memory: eight words of 64 bits do not fit into the registers. */
#include "guests/lib/common/message.h"

#include "guests/lib/common/hypercall.h"

/* The deadline comes in two halves. */
static long call(unsigned number, unsigned channel, const struct message *message, uint64_t deadline)
{
    long result;

    do {
        result = (long)number;
        if (hypercall_is_svm)
            __asm__ volatile("vmmcall" : "+a"(result) : "b"(channel), "c"(message), "d"((uint32_t)deadline),
                             "S"((uint32_t)(deadline >> 32)) : "memory");
        else
            __asm__ volatile("vmcall" : "+a"(result) : "b"(channel), "c"(message), "d"((uint32_t)deadline),
                             "S"((uint32_t)(deadline >> 32)) : "memory");
    } while (result == -ABI_EINTR);
    return result;
}

long message_send(unsigned channel, const struct message *message, uint64_t deadline)
{
    return call(HC_SEND_MEMORY, channel, message, deadline);
}

long message_receive(unsigned channel, struct message *message, uint64_t deadline)
{
    return call(HC_RECEIVE_MEMORY, channel, message, deadline);
}
