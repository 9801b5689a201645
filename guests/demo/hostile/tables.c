/*
 * A second vCPU rewrites what the first is using: the page tables of a window, and the text that it prints. The first
 * must see one of the pages that were ever there, or a page fault, and nothing else.
 */
#include <stdatomic.h>

#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/memory.h"
#include "guests/lib/x64/vcpus.h"

#define WINDOW       MEMORY_MAPPED /* second gigabyte */
#define HOLE         (MEMORY_MAPPED - 0x200000)
#define ADDRESS_BITS 0x000ffffffffff000ull

enum { DEFAULT_READS = 5000, ENTRIES = 512, WORDS = 512, STACK_BYTES = 4096, PRESENT_WRITABLE = 3, TEXT_BYTES = 64 };

static _Atomic uint64_t tables[2][ENTRIES] __attribute__((aligned(4096)));
static _Atomic uint64_t directory[ENTRIES] __attribute__((aligned(4096)));
static uint64_t pages[2][WORDS] __attribute__((aligned(4096)));
static char text[TEXT_BYTES];
static char stack[STACK_BYTES] __attribute__((aligned(16)));
static atomic_bool stop, stopped;
static _Atomic uint64_t rewrites, rewrites_until_hole;
static uint64_t seen;

/* A generator of its own: the other one is the first vCPU's. */
static uint64_t next_random(void)
{
    static uint64_t state = 1;

    state = state * 6364136223846793005 + 1442695040888963407;
    return state >> 20;
}

static uint64_t make_entry(void)
{
    uint64_t r = next_random();

    switch (r & 3) {
    case 0:
        return 0;
    case 1:
        return (uint64_t)pages[0] | PRESENT_WRITABLE;
    case 2:
        return (uint64_t)pages[1] | PRESENT_WRITABLE;
    default:
        return (uint64_t)pages[1] | PRESENT_WRITABLE | 1ull << 51; /* reserved, if no address has so many bits */
    }
}

static void rewrite(void *unused)
{
    (void)unused;
    while (!stop) {
        uint64_t r = next_random();

        tables[r & 1][r >> 8 & (ENTRIES - 1)] = make_entry();
        if ((r & 0xf0) == 0)
            directory[0] = r & 2 ? (uint64_t)tables[r & 1] | PRESENT_WRITABLE : 0;
        text[r >> 24 & (TEXT_BYTES - 1)] = (char)(r >> 32);
        if (++rewrites == rewrites_until_hole)
            directory[0] = HOLE | PRESENT_WRITABLE;
        while (rewrites > rewrites_until_hole)
            ;
    }
    stopped = true;
}

static void read_window(uint64_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
    seen = *(volatile uint64_t *)address;
}

static bool start(void)
{
    static struct vcpu_launch launch = {(uint64_t)stack + STACK_BYTES, rewrite, 0};
    uint64_t cr3, *pml4, *pdpt;

    for (unsigned i = 0; i < WORDS; i++) {
        pages[0][i] = hostile_random();
        pages[1][i] = ~pages[0][i];
    }
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    pml4 = (uint64_t *)(cr3 & ADDRESS_BITS);
    pdpt = (uint64_t *)(pml4[0] & ADDRESS_BITS);
    directory[0] = (uint64_t)tables[0] | PRESENT_WRITABLE;
    pdpt[1] = (uint64_t)directory | PRESENT_WRITABLE;
    if (!test_result(vcpu_start(1, &launch) == 0, "a second vCPU"))
        return false;
    while (rewrites < ENTRIES)
        hypercall(HC_YIELD, 0, 0, 0);
    return true;
}

void tables_mode(uint64_t count)
{
    const uint64_t least = count ? count : DEFAULT_READS, most = 1000 * least;
    uint64_t reads, good = 0, faults = 0;

    rewrites_until_hole = UINT64_MAX;
    if (!start())
        return;
    /* If the two are in step, the entries may be away whenever one is read: until one was there. */
    for (reads = 0; reads < least || (good == 0 && reads < most); reads++) {
        uint64_t r = hostile_random(), word = r & (WORDS - 1);
        unsigned outcome = attempt(read_window, WINDOW + (r >> 16 & (ENTRIES - 1)) * 4096 + word * 8);

        good += outcome == ATTEMPT_DONE && (seen == pages[0][word] || seen == pages[1][word]);
        faults += outcome == VECTOR_PF;
        if (reads % 16 == 0) {
            hypercall(HC_CONSOLE, (uint64_t)text, sizeof text, 0);
            hypercall(HC_YIELD, 0, 0, 0); /* the other one may be on the same pCPU */
        }
    }
    stop = true;
    while (!stopped)
        hypercall(HC_YIELD, 0, 0, 0);
    test_result(good > 0 && good + faults == reads, "%lu reads under %lu rewrites of their page tables: %lu good, %lu page faults",
                reads, (uint64_t)rewrites, good, faults);
}

/* The first goes on reading; the second leads it into a hole and spins, when both go down. */
void tables_die_mode(uint64_t count)
{
    rewrites_until_hole = count ? count : DEFAULT_READS;
    if (!start())
        return;
    for (;;)
        attempt(read_window, WINDOW + (hostile_random() & (ENTRIES - 1)) * 4096);
}
