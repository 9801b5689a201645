/* guest: newlib64 */
/* Gives memory back and gets it again: what comes is zero, what stayed is as it was. Argument: rounds (20). */
#include <stdint.h>
#include <stdlib.h>

#include "config/abi.h"
#include "guests/lib/common/args.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"

enum { PAGES = 64, PAGE_BYTES = 4096, WORDS = PAGE_BYTES / sizeof(uint64_t) };

static uint64_t pages[PAGES][WORDS] __attribute__((aligned(PAGE_BYTES)));

static void fill(unsigned round)
{
    for (unsigned p = 0; p < PAGES; p++)
        for (unsigned w = 0; w < WORDS; w++)
            pages[p][w] = (uint64_t)round << 32 | p << 16 | w;
}

/* Words of the page that are neither zero, if it was given back, nor as filled, if it stayed. */
static unsigned wrong_words(unsigned page, bool dropped, unsigned round)
{
    unsigned wrong = 0;

    for (unsigned w = 0; w < WORDS; w++)
        wrong += pages[page][w] != (dropped ? 0 : (uint64_t)round << 32 | page << 16 | w);
    return wrong;
}

static long drop(const void *at, unsigned long bytes) { return hypercall(HC_MEMORY_DROP, (unsigned long)at, bytes, 0); }

int main(int argc, char **argv)
{
    unsigned rounds = args_number(argc, argv, 1, 20), wrong = 0;
    long result = 0;

    for (unsigned round = 1; round <= rounds; round++) {
        unsigned first = (round * 7) % PAGES, count = round % (PAGES - first) + 1;

        fill(round);
        result |= drop(pages[first], count * (unsigned long)PAGE_BYTES);
        for (unsigned p = 0; p < PAGES; p++)
            wrong += wrong_words(p, p >= first && p < first + count, round);
    }
    test_result(result == 0, "memory can be given back %u times", rounds);
    test_result(wrong == 0, "it comes back as zeros, and its neighbours stay as they were (%u words did not)", wrong);
    test_result(drop(pages[0] + 1, PAGE_BYTES) == -ABI_EINVAL, "half a page is refused with EINVAL");
    test_result(drop(pages[0], 0) == -ABI_EINVAL, "no page is refused with EINVAL");
    test_result(drop((void *)0x100000000000, PAGE_BYTES) == -ABI_EFAULT, "what is no memory is refused with EFAULT");
    test_result(drop(pages[0], 1ul << 40) == -ABI_EFAULT, "more than there is is refused with EFAULT");
    return test_status();
}
