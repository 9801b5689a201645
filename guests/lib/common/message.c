#include "guests/lib/common/message.h"

#include "guests/lib/common/hypercall.h"

unsigned channel_kind(unsigned channel)
{
    long result = hypercall(HC_CHANNEL, channel, 0, 0);

    return result < 0 ? 0 : (unsigned)result & 0xff;
}

unsigned channel_size(unsigned channel)
{
    long result = hypercall(HC_CHANNEL, channel, 0, 0);

    return result < 0 ? 0 : (unsigned)result >> 8;
}

long message_vector(unsigned channel, unsigned vector) { return hypercall(HC_CHANNEL_VECTOR, channel, vector, 0); }
