/*
 * Calls about channels, to a VM that does the same at the other end: floods, channels that are another's or nobody's, the
 * wrong direction, messages in memory that is not there.
 */
#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/message.h"
#include "guests/lib/common/test.h"

enum { DEFAULT_CALLS = 10000, VECTORS = 256, LONGEST_WAIT = 0x3fff, NEAR = 8 };

static struct message scratch[4];
static uint64_t memory, own; /* channels 0 to own - 1 */

static void ignore(struct interrupt_frame *frame) { (void)frame; }

/* In all four arguments; whatever a message brings into the other registers is dropped. */
static int64_t call(uint64_t number, uint64_t b, uint64_t c, uint64_t d, uint64_t si)
{
#define CALL(instruction)                                                                                              \
    __asm__ volatile(instruction                                                                                       \
                     : "+a"(number), "+S"(si)                                                                          \
                     : "b"(b), "c"(c), "d"(d)                                                                          \
                     : "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "memory")
    if (hypercall_is_svm)
        CALL("vmmcall");
    else
        CALL("vmcall");
#undef CALL
    return (int64_t)number;
}

static uint64_t make_channel(void)
{
    uint64_t r = hostile_random();

    return r & 7 ? (r >> 8) % NEAR : hostile_value();
}

/* None, passed, or soon: one that never comes would be our own fault. */
static uint64_t make_deadline(void)
{
    uint64_t r = hostile_random();

    return r & 1 ? r >> 1 & 1 : cpu_read_tsc() + (r >> 8 & LONGEST_WAIT);
}

/* In our scratch buffer, aligned or not, or not in memory as a whole: a message that comes must not hit our code. */
static uint64_t make_buffer(void)
{
    uint64_t r = hostile_random(), offset = (r >> 8) % (sizeof scratch - MESSAGE_BYTES), any = hostile_value();

    if (r & 1)
        return (uint64_t)scratch + offset;
    if (r & 2)
        return (uint64_t)scratch + offset / MESSAGE_BYTES * MESSAGE_BYTES;
    return any < memory ? memory - any % MESSAGE_BYTES : any;
}

static int64_t random_call(uint64_t number, uint64_t channel)
{
    uint64_t deadline = make_deadline();

    if (number == HC_SEND_MEMORY || number == HC_RECEIVE_MEMORY)
        return call(number, channel, make_buffer(), (uint32_t)deadline, deadline >> 32);
    if (number == HC_CHANNEL_VECTOR)
        return call(number, channel, hostile_value() & (2 * VECTORS - 1), 0, 0);
    return call(number, channel, deadline, make_channel(), hostile_value());
}

void channels_mode(uint64_t count)
{
    uint64_t calls = count ? count : DEFAULT_CALLS, good = 0, refused = 0, strange = 0, taken = 0;

    memory = (uint64_t)hypercall(HC_MEMORY, 0, 0, 0);
    while (channel_kind((unsigned)own))
        own++;
    for (unsigned vector = VECTOR_FREE; vector < VECTORS; vector++)
        interrupt_set_handler((uint8_t)vector, ignore);
    cpu_interrupts_on();
    for (uint64_t i = 0; i < calls; i++) {
        uint64_t number = HC_CHANNEL + hostile_random() % (HC_CHANNEL_VECTOR + 1 - HC_CHANNEL), channel = make_channel();
        int64_t result = random_call(number, channel);

        good += result >= 0;
        refused += result < 0 && result >= -0x100;
        strange += result < -0x100;
        taken += channel >= own && result != -ABI_ENOENT;
    }
    cpu_interrupts_off();
    test_result(good > 0 && refused > 0 && strange == 0, "%lu calls about channels, seed %u: %lu done, %lu refused, %lu strange results",
                calls, hostile_seed, good, refused, strange);
    test_result(own > 0 && taken == 0, "we have %lu channels; each call about another is refused with ENOENT", own);
}
