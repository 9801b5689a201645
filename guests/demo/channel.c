/* guest: newlib64 */
/*
 * The calls about channels as they should not be made, and each way to make them. The other side is `pong`. Channels: to
 * it, and from it.
 */
#include <string.h>

#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/message.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/memory.h"
#include "guests/lib/x64/timer.h"

enum { TO, FROM, NONE, VECTOR = 0x40, TIMER_VECTOR };

static volatile unsigned arrivals, ticks;

static void arrived(struct interrupt_frame *frame)
{
    (void)frame;
    arrivals++;
}

static void ticked(struct interrupt_frame *frame)
{
    (void)frame;
    ticks++;
}

/* A call with a channel and one more argument; the message registers hold what they hold. */
static void refuses(unsigned number, const char *name, unsigned long channel, unsigned long argument, long expected,
                    const char *why)
{
    long got = hypercall(number, channel, argument, 0);

    test_result(got == -expected, "%s refuses %s (%ld)", name, why, got);
}

static void try_wrong(void)
{
    static const unsigned long wild[] = {NONE, 32, 1ul << 32, ~0ul};
    static struct message message;

    for (unsigned i = 0; i < sizeof wild / sizeof *wild; i++) {
        refuses(HC_CHANNEL, "HC_CHANNEL", wild[i], 0, ABI_ENOENT, "a channel that is not there");
        refuses(HC_SEND, "HC_SEND", wild[i], 0, ABI_ENOENT, "a channel that is not there");
        refuses(HC_RECEIVE, "HC_RECEIVE", wild[i], 0, ABI_ENOENT, "a channel that is not there");
        refuses(HC_EXCHANGE, "HC_EXCHANGE", wild[i], 1, ABI_ENOENT, "a channel that is not there");
        refuses(HC_SEND_MEMORY, "HC_SEND_MEMORY", wild[i], (unsigned long)&message, ABI_ENOENT, "a channel that is not there");
        refuses(HC_RECEIVE_MEMORY, "HC_RECEIVE_MEMORY", wild[i], (unsigned long)&message, ABI_ENOENT,
                "a channel that is not there");
        refuses(HC_CHANNEL_VECTOR, "HC_CHANNEL_VECTOR", wild[i], VECTOR, ABI_ENOENT, "a channel that is not there");
    }
    refuses(HC_SEND, "HC_SEND", FROM, 0, ABI_EINVAL, "the receiving end");
    refuses(HC_RECEIVE, "HC_RECEIVE", TO, 0, ABI_EINVAL, "the sending end");
    refuses(HC_EXCHANGE, "HC_EXCHANGE", TO, 1, ABI_EINVAL, "to receive from the sending end");
    refuses(HC_CHANNEL_VECTOR, "HC_CHANNEL_VECTOR", TO, VECTOR, ABI_EINVAL, "the sending end");
    refuses(HC_CHANNEL_VECTOR, "HC_CHANNEL_VECTOR", FROM, 31, ABI_EINVAL, "the vector of an exception");
    refuses(HC_CHANNEL_VECTOR, "HC_CHANNEL_VECTOR", FROM, 256, ABI_EINVAL, "a vector above 255");
    test_result(message_exchange(TO, FROM, &message, 0) == -ABI_EINVAL, "HC_EXCHANGE refuses not to wait");
}

static void try_addresses(void)
{
    const struct {
        uint64_t gpa;
        long error;
        const char *why;
    } bad[] = {
        {memory_bytes(), ABI_EFAULT, "a message behind memory"},
        {RING_WINDOW, ABI_EFAULT, "a message where rings are"},
        {1ull << 63, ABI_EFAULT, "a message at half the address space"},
        {~63ull, ABI_EFAULT, "a message at the last address"},
        {1, ABI_EINVAL, "a message at no multiple of 64"},
        {memory_bytes() - 32, ABI_EINVAL, "a message across the end of memory"},
    };

    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        refuses(HC_SEND_MEMORY, "HC_SEND_MEMORY", TO, bad[i].gpa, bad[i].error, bad[i].why);
        refuses(HC_RECEIVE_MEMORY, "HC_RECEIVE_MEMORY", FROM, bad[i].gpa, bad[i].error, bad[i].why);
    }
}

static void fill(struct message *message, uint64_t word)
{
    for (unsigned i = 0; i < 8; i++)
        message->word[i] = word + i;
}

static bool is_answer(const struct message *message, uint64_t word)
{
    for (unsigned i = 0; i < 8; i++)
        if (message->word[i] != ~(word + i))
            return false;
    return true;
}

static long call_memory(unsigned number, unsigned channel, struct message *message, uint64_t deadline)
{
    long result = (long)number;

    if (hypercall_is_svm)
        __asm__ volatile("vmmcall" : "+a"(result) : "b"((uint64_t)channel), "c"(message), "d"(deadline & 0xffffffff),
                         "S"(deadline >> 32) : "memory");
    else
        __asm__ volatile("vmcall" : "+a"(result) : "b"((uint64_t)channel), "c"(message), "d"(deadline & 0xffffffff),
                         "S"(deadline >> 32) : "memory");
    return result;
}

/* The answer goes to a page that has never been touched. */
static void try_memory(void)
{
    static struct message message;
    struct message *fresh = (struct message *)(memory_bytes() - 4096);
    long sent, received;

    fill(&message, 7);
    sent = call_memory(HC_SEND_MEMORY, TO, &message, CHANNEL_FOR_EVER);
    received = call_memory(HC_RECEIVE_MEMORY, FROM, fresh, CHANNEL_FOR_EVER);
    test_result(sent == 0 && received == 0 && is_answer(fresh, 7), "a message in memory, and its answer (%ld, %ld)", sent,
                received);
}

static void try_deadlines(void)
{
    struct message message;
    uint64_t deadline = cpu_read_tsc() + guest_tsc_per_ms();

    test_result(message_receive(FROM, &message, 0) == -ABI_EAGAIN, "an empty queue says so");
    test_result(message_receive(FROM, &message, deadline) == -ABI_ETIME && cpu_read_tsc() >= deadline,
                "a deadline ends the wait for a message, not early");
    test_result(message_receive(FROM, &message, 1) == -ABI_ETIME, "a deadline in the past does so at once");
}

/* Where time is the emulator's, the interrupt may come before the wait has begun: then once more. */
static long wait_for_interrupt(void)
{
    long result;

    do {
        ticks = 0;
        timer_arm(cpu_read_tsc() + guest_tsc_per_ms(), TIMER_VECTOR);
        cpu_interrupts_on();
        result = hypercall(HC_RECEIVE, FROM, cpu_read_tsc() + 10 * guest_tsc_per_ms(), 0);
        cpu_interrupts_off();
    } while (result == -ABI_ETIME && ticks == 1);
    return result;
}

static void try_interrupts(void)
{
    struct message message;
    long result;

    interrupt_set_handler(VECTOR, arrived);
    interrupt_set_handler(TIMER_VECTOR, ticked);
    test_result(message_vector(FROM, VECTOR) == 0 && arrivals == 0, "a vector for what arrives");
    fill(&message, 9);
    message_send(TO, &message, CHANNEL_FOR_EVER);
    while (arrivals == 0)
        cpu_wait_interrupt();
    test_result(message_receive(FROM, &message, 0) == 0 && is_answer(&message, 9) && arrivals == 1,
                "a message raises it, once (%u)", arrivals);
    test_result(message_vector(FROM, 0) == 0, "and none any more");

    result = wait_for_interrupt();
    test_result(result == -ABI_EINTR && ticks == 1, "an interrupt ends a wait (%ld), and is taken (%u)", result, ticks);

    timer_arm(cpu_read_tsc() + guest_tsc_per_ms(), TIMER_VECTOR);
    result = message_receive(FROM, &message, cpu_read_tsc() + 3 * guest_tsc_per_ms());
    test_result(result == -ABI_ETIME && ticks == 1, "with interrupts off it does not (%ld, %u)", result, ticks);
    cpu_interrupts_on();
    while (ticks < 2)
        ;
    cpu_interrupts_off();
    test_result(ticks == 2, "but is taken later");
}

int main(void)
{
    test_result(channel_kind(TO) == CHANNEL_SEND && channel_kind(FROM) == CHANNEL_RECEIVE && channel_kind(NONE) == 0,
                "two channels, out and in");
    try_wrong();
    try_addresses();
    try_deadlines();
    try_memory();
    try_interrupts();
    return test_status();
}
