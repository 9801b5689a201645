/* guest: newlib64 */
/*
 * Gives memory back and gets it again: what comes is zero, what stayed is as it was. Argument: rounds (20). It touches each
 * 2 MiB of its memory first, so that there are large pages to be split if its memory is backed by such.
 */
#include <stdint.h>
#include <stdlib.h>

#include "config/abi.h"
#include "guests/lib/common/args.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/memory.h"

enum { PAGES = 64, PAGE_BYTES = 4096, WORDS = PAGE_BYTES / sizeof(uint64_t) };
#define PART_BYTES 0x200000ull

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

/* ---- A mark in each 2 MiB behind the heap ---- */

static uint64_t first_mark(void) { return ((uint64_t)sbrk(0) + PART_BYTES - 1) & ~(PART_BYTES - 1); }

/* -> how many of the words were not 0 before. */
static unsigned set_marks(void)
{
    unsigned dirty = 0;

    for (uint64_t at = first_mark(); at < memory_bytes(); at += PART_BYTES) {
        dirty += *(volatile uint64_t *)at != 0;
        *(volatile uint64_t *)at = at;
    }
    return dirty;
}

/* Marks that are not as they were, or not 0 from `from` to `to`, which was given back. */
static unsigned wrong_marks(uint64_t from, uint64_t to)
{
    unsigned wrong = 0;

    for (uint64_t at = first_mark(); at < memory_bytes(); at += PART_BYTES)
        wrong += *(volatile uint64_t *)at != (at >= from && at < to ? 0 : at);
    return wrong;
}

static void test_marks(unsigned dirty)
{
    uint64_t middle = (memory_bytes() / 2 & ~(PART_BYTES - 1)) + PART_BYTES / 2, end = middle + 3 * PART_BYTES;

    test_result(dirty == 0, "fresh memory is zero");
    test_result(wrong_marks(0, 0) == 0, "all that is far from it stays");
    test_result(drop((void *)middle, end - middle) == 0 && wrong_marks(middle, end) == 0, "6 MiB in the middle go and come back");
}

int main(int argc, char **argv)
{
    unsigned rounds = args_number(argc, argv, 1, 20), wrong = 0, dirty = set_marks();
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
    if (memory_bytes() >= 32 * PART_BYTES)
        test_marks(dirty);
    return test_status();
}
