/* Guest-physical memory: all that there is. */
#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/memory.h"

enum { PAGE_BYTES = 4096, TIMES = 2 };

/* Also pages with our own code and stack, so what is written is what was there. */
static void touch(uint64_t gpa) { __asm__ volatile("lock orb $0, %0" : "+m"(*(volatile uint8_t *)gpa)); }

void pages_mode(uint64_t count)
{
    uint64_t bytes = memory_bytes();

    (void)count;
    for (unsigned i = 0; i < TIMES; i++)
        for (uint64_t gpa = 0; gpa < bytes; gpa += PAGE_BYTES)
            touch(i % 2 ? bytes - PAGE_BYTES - gpa : gpa);
    test_result(true, "each of %lu pages, first to last and back", bytes / PAGE_BYTES);
}
