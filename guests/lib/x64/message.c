/* Messages in registers. */
#include "guests/lib/common/message.h"

#include "guests/lib/common/hypercall.h"

#define CALL(instruction)                                                                                              \
    __asm__ volatile(instruction                                                                                       \
                     : "+a"(number), "+S"(rsi), "+D"(rdi), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r11), "+r"(r12), "+r"(r13) \
                     : "b"(channel), "c"(deadline), "d"(from)                                                          \
                     : "memory")

/* One hypercall with the message registers loaded from *in and stored to *out. */
static inline __attribute__((always_inline)) long call(uint64_t number, uint64_t channel, uint64_t deadline, uint64_t from,
                                                       const struct message *in, struct message *out)
{
    uint64_t rsi = in->word[0], rdi = in->word[1];
    register uint64_t r8 __asm__("r8") = in->word[2], r9 __asm__("r9") = in->word[3], r10 __asm__("r10") = in->word[4];
    register uint64_t r11 __asm__("r11") = in->word[5], r12 __asm__("r12") = in->word[6], r13 __asm__("r13") = in->word[7];

    if (hypercall_is_svm)
        CALL("vmmcall");
    else
        CALL("vmcall");
    *out = (struct message){{rsi, rdi, r8, r9, r10, r11, r12, r13}};
    return (long)number;
}

long message_send(unsigned channel, const struct message *message, uint64_t deadline)
{
    struct message unused;
    long result;

    do
        result = call(HC_SEND, channel, deadline, 0, message, &unused);
    while (result == -ABI_EINTR);
    return result;
}

long message_receive(unsigned channel, struct message *message, uint64_t deadline)
{
    long result;

    do
        result = call(HC_RECEIVE, channel, deadline, 0, message, message);
    while (result == -ABI_EINTR);
    return result;
}

long message_exchange(unsigned to, unsigned from, struct message *message, uint64_t deadline)
{
    long result = call(HC_EXCHANGE, to, deadline, from, message, message);

    return result == -ABI_EINTR ? message_receive(from, message, deadline) : result;
}

/* The registers stay as they are from one exchange to the next. An interrupt is not expected here. */
#define BOUNCE(instruction)                                                                                            \
    __asm__ volatile("1: mov %[exchange], %%eax\n"                                                                     \
                     instruction "\n"                                                                                  \
                     "test %%rax, %%rax\n"                                                                             \
                     "jnz 2f\n"                                                                                        \
                     "dec %[n]\n"                                                                                      \
                     "jnz 1b\n"                                                                                        \
                     "2:"                                                                                              \
                     : "=&a"(result), "+S"(rsi), "+D"(rdi), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r11), "+r"(r12), "+r"(r13), \
                       [n] "+r"(n)                                                                                     \
                     : [exchange] "i"(HC_EXCHANGE), "b"((uint64_t)to), "c"(CHANNEL_FOR_EVER), "d"((uint64_t)from)      \
                     : "memory", "cc")

long message_bounce(unsigned to, unsigned from, struct message *message, uint64_t n)
{
    uint64_t rsi = message->word[0], rdi = message->word[1];
    register uint64_t r8 __asm__("r8") = message->word[2], r9 __asm__("r9") = message->word[3];
    register uint64_t r10 __asm__("r10") = message->word[4], r11 __asm__("r11") = message->word[5];
    register uint64_t r12 __asm__("r12") = message->word[6], r13 __asm__("r13") = message->word[7];
    long result;

    if (hypercall_is_svm)
        BOUNCE("vmmcall");
    else
        BOUNCE("vmcall");
    *message = (struct message){{rsi, rdi, r8, r9, r10, r11, r12, r13}};
    return result;
}
