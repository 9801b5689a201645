/*
 * Channels to other VMs: queues of messages, and the bells of rings (ring.h). A VM's channels are numbered from 0 up in
 * the order of the config's lines that name it; config/abi.h says how they behave.
 *
 * Deadlines are TSC values, 0: do not wait, CHANNEL_FOR_EVER. An interrupt that comes meanwhile is handled, and the wait
 * goes on. Results are 0 or a negative enum abi_error: -ABI_EAGAIN (full or empty, deadline 0), -ABI_ETIME, -ABI_EPIPE
 * (the VM at the other end is gone), -ABI_ENOENT (no such channel), -ABI_EINVAL (not in this direction).
 */
#ifndef GUESTS_LIB_COMMON_MESSAGE_H
#define GUESTS_LIB_COMMON_MESSAGE_H

#include "config/abi.h"

struct message {
    uint64_t word[8];
} __attribute__((aligned(64)));

/* What channel `channel` is: 0 if there is no such one. And its messages, or a ring's data pages. */
unsigned channel_kind(unsigned channel);
unsigned channel_size(unsigned channel);

long message_send(unsigned channel, const struct message *message, uint64_t deadline);
long message_receive(unsigned channel, struct message *message, uint64_t deadline);

/* Sends *message without waiting, then receives into it; one hypercall, so a round trip is two. 64 bit only. The deadline
 * is not 0. */
long message_exchange(unsigned to, unsigned from, struct message *message, uint64_t deadline);

/* `n` such exchanges in a row, n > 0, without looking at the messages in between: each is sent back as it came. 64 bit only. */
long message_bounce(unsigned to, unsigned from, struct message *message, uint64_t n);

/* From now on interrupt `vector` comes when there is something to receive, or the sender is gone: then receive until
 * -ABI_EAGAIN. 0: no more. */
long message_vector(unsigned channel, unsigned vector);

#endif
