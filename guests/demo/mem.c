/* guest: newlib64 */
/*
 * Fills all memory that the image leaves free with words made from their address and a seed, and reads them back:
 * no other VM writes there, and memory that comes on first touch stays. Arguments: seed (1), rounds (3).
 */
#include <stdint.h>

#include "guests/lib/common/args.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/memory.h"

static uint64_t pattern(const volatile uint64_t *word, uint64_t seed)
{
    return ((uint64_t)word ^ seed << 32) * 0x9e3779b97f4a7c15ull;
}

/* The first word that is not as it should be, or `end`. */
static volatile uint64_t *find_difference(volatile uint64_t *begin, volatile uint64_t *end, uint64_t seed)
{
    volatile uint64_t *word = begin;

    while (word < end && *word == pattern(word, seed))
        word++;
    return word;
}

int main(int argc, char **argv)
{
    unsigned seed = args_number(argc, argv, 1, 1), rounds = args_number(argc, argv, 2, 3);
    uint64_t heap = (uint64_t)sbrk(0), bytes = memory_bytes() - heap;
    volatile uint64_t *begin = (volatile uint64_t *)heap, *end = begin + bytes / sizeof *begin;

    if (!test_result(sbrk((intptr_t)bytes) == (void *)heap, "%llu KiB of free memory from 0x%llx",
                     (unsigned long long)bytes / 1024, (unsigned long long)heap))
        return test_status();

    bool zero = true;

    for (volatile uint64_t *word = begin; word < end; word++)
        zero = zero && *word == 0;
    test_result(zero, "fresh memory is zero");

    for (unsigned i = 0; i < rounds; i++) {
        uint64_t round_seed = (uint64_t)seed * rounds + i;

        for (volatile uint64_t *word = begin; word < end; word++)
            *word = pattern(word, round_seed);

        volatile uint64_t *bad = find_difference(begin, end, round_seed);

        if (bad == end)
            test_result(true, "round %u: each word holds its pattern", i);
        else
            test_result(false, "round %u: each word holds its pattern: at 0x%llx 0x%llx instead of 0x%llx", i,
                        (unsigned long long)bad, (unsigned long long)*bad,
                        (unsigned long long)pattern(bad, round_seed));
    }
    return test_status();
}
