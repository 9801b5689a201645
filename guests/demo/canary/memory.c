/* All memory that the image leaves free: each page has a pattern of its own, and gets a new one now and then. */
#include "guests/demo/canary/canary.h"
#include "guests/lib/x64/memory.h"

enum { PAGE_BYTES = 4096, WORDS = PAGE_BYTES / sizeof(uint64_t), PAGES_A_ROUND = 16 };

static uint64_t first, pages; /* address of the first page; how many */
static uint32_t *generation;  /* of each page: what its pattern is made from */

static uint64_t pattern(uint64_t address, uint32_t made)
{
    return (address ^ (uint64_t)made << 32) * 0x9e3779b97f4a7c15;
}

static void fill(uint64_t page)
{
    volatile uint64_t *word = (volatile uint64_t *)(first + page * PAGE_BYTES);

    generation[page] = (uint32_t)canary_random();
    for (unsigned i = 0; i < WORDS; i++)
        word[i] = pattern((uint64_t)&word[i], generation[page]);
}

static void check_page(uint64_t page)
{
    volatile uint64_t *word = (volatile uint64_t *)(first + page * PAGE_BYTES);

    for (unsigned i = 0; i < WORDS; i++)
        canary_expect_at("at", (uint64_t)&word[i], pattern((uint64_t)&word[i], generation[page]), word[i]);
}

/* The generations come first, then the pages. */
static void setup(void)
{
    uint64_t heap = (uint64_t)sbrk(0), end = memory_bytes();

    generation = (uint32_t *)heap;
    pages = (end - heap) / (PAGE_BYTES + sizeof *generation);
    first = (heap + pages * sizeof *generation + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
    pages = (end - first) / PAGE_BYTES;
    sbrk((intptr_t)(end - heap));
    canary_expect("memory to fill", 1, pages > 0);
    for (uint64_t i = 0; i < pages; i++)
        fill(i);
}

/* Each round some pages at random are checked and filled anew, and one more in turn, so that none is forgotten. */
static void check(void)
{
    static uint64_t next;

    check_page(next++ % pages);
    for (unsigned i = 0; i < PAGES_A_ROUND; i++) {
        uint64_t page = canary_random() % pages;

        check_page(page);
        fill(page);
    }
}

struct kind kind_memory = {"all of memory", setup, 0, check, 0};
