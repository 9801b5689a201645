/* RDMSR and WRMSR of each MSR in the ranges that there are, with hostile values: done or #GP, nothing else. */
#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"

static const struct {
    uint32_t first, last;
    const char *name;
} ranges[] = {
    {0, 0x1fff, "0 to 1FFFH"},
    {0xc0000000, 0xc0001fff, "C0000000H to C0001FFFH"},
    {0xc0010000, 0xc0011fff, "C0010000H to C0011FFFH"},
    {0x40000000, 0x400000ff, "40000000H to 400000FFH"},
    {0xffffff00, 0xffffffff, "the last ones"},
};

static uint32_t number;
static uint64_t value;

static void read_it(uint64_t unused)
{
    uint32_t low, high;

    (void)unused;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    value = (uint64_t)high << 32 | low;
}

static void write_it(uint64_t to)
{
    __asm__ volatile("wrmsr" : : "c"(number), "a"((uint32_t)to), "d"((uint32_t)(to >> 32)) : "memory");
}

/* How often something else happened than success or #GP. A value that was taken is replaced by the old one at once. */
static unsigned use_msr(uint64_t values)
{
    unsigned strange = 0, vector = attempt(read_it, 0);
    bool readable = vector == ATTEMPT_DONE;
    uint64_t old = value;

    strange += !readable && vector != VECTOR_GP;
    for (uint64_t i = 0; i < values; i++) {
        vector = attempt(write_it, hostile_value());
        strange += vector != ATTEMPT_DONE && vector != VECTOR_GP;
        if (vector == ATTEMPT_DONE && readable)
            strange += attempt(write_it, old) != ATTEMPT_DONE;
    }
    return strange;
}

void msrs_mode(uint64_t count)
{
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        unsigned strange = 0;

        for (uint64_t n = ranges[i].first; n <= ranges[i].last; n++) {
            unsigned before = strange;

            number = (uint32_t)n;
            strange += use_msr(count ? count : 1);
            if (strange > before && before == 0)
                test_result(false, "MSR 0x%lx: neither done nor #GP", n);
        }
        test_result(strange == 0, "MSRs %s: done or #GP", ranges[i].name);
    }
}
