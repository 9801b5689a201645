/* guest: newlib64 */
/*
 * Several vCPUs of one VM (`vcpus = N`): an interrupt goes round all of them, ROUNDS times, while each counts in memory
 * that they share. Arguments: rounds (100), and how many milliseconds each takes at least (0).
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "guests/lib/common/args.h"
#include "config/abi.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/timer.h"
#include "guests/lib/x64/vcpus.h"

enum { VCPUS_MAX = 16, STACK_BYTES = 4096, VECTOR_TOKEN = 0x50 };

static struct vcpu_launch launch[VCPUS_MAX];
static char stacks[VCPUS_MAX][STACK_BYTES] __attribute__((aligned(16)));
static atomic_uint vcpus = 1, passed[VCPUS_MAX], hops, wrong;
static unsigned hops_wanted;
static uint64_t round_ticks, first_tsc; /* what a round takes at least; when the first began */

/* Whoever has the token hands it to the next vCPU. The token carries the number of the one it is for. */
static atomic_uint token_for;

static void on_token(struct interrupt_frame *frame)
{
    unsigned self = token_for;

    (void)frame;
    passed[self]++;
    while (self == 0 && cpu_read_tsc() - first_tsc < passed[0] * round_ticks)
        __builtin_ia32_pause();
    if (++hops >= hops_wanted)
        return;
    token_for = (self + 1) % vcpus;
    if (vcpu_interrupt(token_for, VECTOR_TOKEN) != 0)
        wrong++;
}

static atomic_uint up;

static void other(void *argument)
{
    (void)argument;
    up++;
    while (hops < hops_wanted)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
}

int main(int argc, char **argv)
{
    unsigned rounds = args_number(argc, argv, 1, 100);
    long refused = 0;

    interrupt_set_handler(VECTOR_TOKEN, on_token);
    hops_wanted = UINT32_MAX;
    for (unsigned i = 1; i < VCPUS_MAX; i++) {
        launch[i] = (struct vcpu_launch){(uint64_t)stacks[i] + STACK_BYTES, other, NULL};
        refused = vcpu_start(i, &launch[i]);
        if (refused != 0)
            break;
        vcpus++;
    }
    test_result(refused == -ABI_ENOENT || vcpus == VCPUS_MAX, "%u vCPUs; the next is refused with ENOENT", vcpus);
    if (vcpus > 1)
        test_result(vcpu_start(1, &launch[1]) == -ABI_EBUSY, "a vCPU that was started is refused with EBUSY");
    while (up < vcpus - 1)
        __builtin_ia32_pause();
    test_result(true, "all %u other vCPUs run", vcpus - 1);

    round_ticks = args_number(argc, argv, 2, 0) * guest_tsc_per_ms();
    first_tsc = cpu_read_tsc();
    hops_wanted = rounds * vcpus;
    token_for = 0;
    vcpu_interrupt(0, VECTOR_TOKEN);
    cpu_interrupts_on(); /* and no PAUSE: QEMU takes no interrupt behind one that follows STI, and is slow at each */
    while (hops < hops_wanted)
        ;
    cpu_interrupts_off();
    for (unsigned i = 0; i < vcpus; i++)
        wrong += passed[i] != rounds;
    test_result(wrong == 0, "the token came to each of %u vCPUs %u times", vcpus, rounds);
    return test_status();
}
