/* sources: mm/buddy.c mm/frames.c mm/ranges.c mm/direct.c tests/mm_support.c */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/buddy.h"
#include "mm/direct.h"
#include "tests/mm_support.h"

/* ---- A model of odd memory maps: some windows of the address space, with a flag for each page -------------------- */

enum { WINDOWS = 5, WINDOW_PAGES = 1024, PAGES = WINDOWS * WINDOW_PAGES, RANGES = 12 };

/* Ranges are made to straddle the ends of windows; what lies outside of all windows is cut off, so stays absent. */
static const uint64_t window_base[WINDOWS] = {0, GIB - 2 * MIB, 4 * GIB - 4 * MIB, 4 * GIB, 700 * GIB};

enum page { ABSENT, FREE, TAKEN };
static enum page model[PAGES];

static uint64_t page_address(unsigned page)
{
    return window_base[page / WINDOW_PAGES] + page % WINDOW_PAGES * PAGE_BYTES;
}

/* The model's page for an address; fails the test if there is none. */
static unsigned address_page(uint64_t address)
{
    for (unsigned w = 0; w < WINDOWS; w++) {
        if (address >= window_base[w] && address < window_base[w] + WINDOW_PAGES * PAGE_BYTES)
            return w * WINDOW_PAGES + (unsigned)((address - window_base[w]) / PAGE_BYTES);
    }
    CHECK(!"an address of no window");
    return 0;
}

/* A range in one window, of any alignment, at times empty or upside down. */
static struct mm_range random_range(void)
{
    uint64_t base = window_base[test_below(WINDOWS)], size = WINDOW_PAGES * PAGE_BYTES;
    uint64_t a = test_below(size), b = test_below(2) ? test_below(size) : a + test_below(20 * PAGE_BYTES);

    if (test_below(3) == 0)
        a = align_down(a, PAGE_BYTES);
    if (a > b && test_below(10))
        return (struct mm_range){base + b, base + a};
    return (struct mm_range){base + a, base + (b < size ? b : size)};
}

static bool page_in(const struct mm_range *r, unsigned n, uint64_t a, bool whole)
{
    for (unsigned i = 0; i < n; i++) {
        if (whole ? r[i].start <= a && a + PAGE_BYTES <= r[i].end
                  : r[i].start < r[i].end && r[i].start < a + PAGE_BYTES && a < r[i].end)
            return true;
    }
    return false;
}

/* Makes the model and the arena agree with a map, and hands the map to the allocator. */
static void init_from(const struct mm_range *usable, unsigned n, const struct mm_range *reserved, unsigned m)
{
    struct mm_range ram[PAGES];
    unsigned n_ram = 0;

    for (unsigned i = 0; i < PAGES; i++) {
        uint64_t a = page_address(i);

        model[i] = page_in(usable, n, a, true) && !page_in(reserved, m, a, false) ? FREE : ABSENT;
        if (model[i] == FREE && n_ram > 0 && ram[n_ram - 1].end == a)
            ram[n_ram - 1].end += PAGE_BYTES;
        else if (model[i] == FREE)
            ram[n_ram++] = (struct mm_range){a, a + PAGE_BYTES};
    }
    arena_reset(ram, n_ram);
    mm_buddy_init(usable, n, reserved, m);
}

/* Counts the aligned blocks of free pages that are in no larger one, below a block of `order` at `address`. */
static void count_blocks(uint64_t address, unsigned order, uint64_t count[MM_ORDERS])
{
    unsigned first = address_page(address), n = 0;

    for (unsigned i = 0; i < 1u << order; i++)
        n += model[first + i] == FREE;
    if (n == 1u << order) {
        count[order]++;
    } else if (n > 0) {
        count_blocks(address, order - 1, count);
        count_blocks(address + (PAGE_BYTES << (order - 1)), order - 1, count);
    }
}

/* The windows are blocks of order 9 or more and never buddies, but for the two around 4 GiB, which no block joins. */
static void check_blocks(void)
{
    uint64_t count[MM_ORDERS] = {0}, pages = 0;

    for (unsigned w = 0; w < WINDOWS; w++) {
        for (unsigned i = 0; i < WINDOW_PAGES; i += 512)
            count_blocks(page_address(w * WINDOW_PAGES + i), 9, count);
    }
    /* Two free halves of 2 MiB each make a block of 4 MiB where the first is aligned to that. */
    for (unsigned w = 0; w < WINDOWS; w++) {
        uint64_t whole[MM_ORDERS] = {0};

        if (!is_aligned(window_base[w], 4 * MIB))
            continue;
        count_blocks(window_base[w], 10, whole);
        count[9] -= 2 * whole[10];
        count[10] += whole[10];
    }
    for (unsigned order = 0; order < MM_ORDERS; order++) {
        CHECK(mm_buddy_free_blocks(order) == count[order]);
        pages += count[order] << order;
    }
    CHECK(mm_buddy_free_pages() == pages);
}

/* Takes all pages one by one, which tells where the allocator put its tables, and gives them back in random order. */
static void drain_and_refill(void)
{
    static unsigned page[PAGES];
    uint64_t tables_end = 0;
    unsigned n = 0;
    hpa_t a;

    while (!hpa_is_none(a = mm_buddy_alloc(0))) {
        page[n] = address_page(a.value);
        CHECK(is_aligned(a.value, PAGE_BYTES));
        CHECK(model[page[n]] == FREE);
        model[page[n]] = TAKEN;
        memset(mm_direct(a), 0x5a, PAGE_BYTES);
        n++;
    }
    CHECK(mm_buddy_total_pages() == n);
    CHECK(mm_buddy_free_pages() == 0);
    for (unsigned i = 0; i < PAGES; i++) {
        if (model[i] != FREE)
            continue;
        CHECK(n == 0 || tables_end == 0 || tables_end == page_address(i));
        tables_end = page_address(i) + PAGE_BYTES;
        model[i] = ABSENT;
    }
    for (; n > 0; n--) {
        unsigned i = (unsigned)test_below(n);

        mm_buddy_free(HPA(page_address(page[i])), 0);
        model[page[i]] = FREE;
        page[i] = page[n - 1];
    }
}

struct taken {
    uint64_t address;
    unsigned order;
};

/* Writes, or checks, a value in the first and the last word of a block. */
static void block_mark(struct taken b)
{
    *(uint64_t *)mm_direct(HPA(b.address)) = b.address;
    *(uint64_t *)mm_direct(HPA(b.address + (PAGE_BYTES << b.order) - 8)) = b.address;
}

static void block_check(struct taken b)
{
    CHECK(*(uint64_t *)mm_direct(HPA(b.address)) == b.address);
    CHECK(*(uint64_t *)mm_direct(HPA(b.address + (PAGE_BYTES << b.order) - 8)) == b.address);
}

static void model_set(struct taken b, enum page from, enum page to)
{
    for (unsigned i = 0, p = address_page(b.address); i < 1u << b.order; i++) {
        CHECK(model[p + i] == from);
        model[p + i] = to;
    }
}

/* Takes a block; the smallest sufficient one must have been split, and each half that was cut off must be listed. */
static hpa_t alloc_watched(unsigned order)
{
    uint64_t before[MM_ORDERS];
    unsigned have = order;
    hpa_t a;

    for (unsigned i = 0; i < MM_ORDERS; i++)
        before[i] = mm_buddy_free_blocks(i);
    while (have < MM_ORDERS && before[have] == 0)
        have++;
    a = mm_buddy_alloc(order);
    CHECK(hpa_is_none(a) == (have == MM_ORDERS));
    if (hpa_is_none(a))
        return a;
    before[have]--;
    for (unsigned i = order; i < have; i++)
        before[i]++;
    for (unsigned i = 0; i < MM_ORDERS; i++)
        CHECK(mm_buddy_free_blocks(i) == before[i]);
    return a;
}

/* The allocator behaves differently inside when nobody looks at its lists between two pages. */
static bool take_random(struct taken *b)
{
    unsigned order = (unsigned)(test_below(2) ? 0 : test_below(test_below(4) ? 4 : 11));
    hpa_t a = test_below(4) ? mm_buddy_alloc(order) : alloc_watched(order);

    if (hpa_is_none(a))
        return false;
    CHECK(is_aligned(a.value, PAGE_BYTES << order));
    *b = (struct taken){a.value, order};
    model_set(*b, FREE, TAKEN);
    block_mark(*b);
    return true;
}

static void fuzz_round(void)
{
    static struct taken taken[PAGES];
    struct mm_range usable[RANGES], reserved[RANGES];
    unsigned n = 1 + (unsigned)test_below(RANGES), m = (unsigned)test_below(RANGES + 1), held = 0;

    for (unsigned i = 0; i < n; i++)
        usable[i] = random_range();
    for (unsigned i = 0; i < m; i++)
        reserved[i] = random_range();
    init_from(usable, n, reserved, m);
    CHECK(mm_buddy_total_pages() == mm_buddy_free_pages());
    drain_and_refill();
    check_blocks();
    for (unsigned step = 0; step < 400; step++) {
        if (test_below(100) < 55) {
            held += take_random(&taken[held]);
        } else if (held > 0) {
            unsigned i = (unsigned)test_below(held);

            block_check(taken[i]);
            model_set(taken[i], TAKEN, FREE);
            mm_buddy_free(HPA(taken[i].address), taken[i].order);
            taken[i] = taken[--held];
        }
        if (step % 16 == 0)
            check_blocks();
    }
    while (held > 0) {
        held--;
        model_set(taken[held], TAKEN, FREE);
        mm_buddy_free(HPA(taken[held].address), taken[held].order);
    }
    check_blocks();
    CHECK(mm_buddy_total_pages() == mm_buddy_free_pages());
}

static void test_fuzz(void)
{
    unsigned rounds = test_rounds(300);

    for (unsigned round = 0; round < rounds; round++) {
        test_round(round);
        fuzz_round();
    }
    test_passed("buddy: random blocks of random memory maps agree with a model");
}

/* ---- Single cases ------------------------------------------------------------------------------------------------ */

static void test_small_maps(void)
{
    const struct mm_range none = {0, 0}, one_page = {0x7000, 0x8000}, two_pages = {0x6800, 0x9800};

    init_from(&none, 0, &none, 0);
    CHECK(mm_buddy_total_pages() == 0 && hpa_is_none(mm_buddy_alloc(0)));
    init_from(&one_page, 1, &none, 0);
    CHECK(mm_buddy_total_pages() == 0 && hpa_is_none(mm_buddy_alloc(0)));
    init_from(&two_pages, 1, &none, 0);
    CHECK(mm_buddy_total_pages() == 1 && mm_buddy_alloc(0).value == 0x8000);
    CHECK(hpa_is_none(mm_buddy_alloc(0)));
    init_from(&two_pages, 1, &two_pages, 1);
    CHECK(mm_buddy_total_pages() == 0);
    test_passed("buddy: memory maps of no, one and two pages");
}

/* Ranges that no sane firmware names: they count as far as they are RAM that the direct map can hold. */
static void test_insane_maps(void)
{
    const struct mm_range usable[] = {
        {UINT64_MAX - 0xfff, UINT64_MAX}, {MM_DIRECT_LIMIT, MM_DIRECT_LIMIT + GIB},
        {0x9000, 0x3000}, {0x10000, 0x20000},
    };
    const struct mm_range reserved[] = {{0x18000, UINT64_MAX}, {0x12000, 0x11000}, {0x10fff, 0x11000}, {5, 5}};

    init_from(usable, 4, reserved, 4);
    CHECK(mm_buddy_total_pages() == 6); /* of pages 11H to 17H, one is for the tables */
    for (unsigned i = 0; i < 6; i++)
        CHECK(mm_buddy_alloc(0).value - 0x11000 < 0x7000);
    CHECK(hpa_is_none(mm_buddy_alloc(0)));
    CHECK(hpa_is_none(mm_buddy_alloc(MM_ORDERS)) && hpa_is_none(mm_buddy_alloc(77)));
    test_passed("buddy: ranges that are upside down, too high, or reserved to the end");
}

/* 900 GiB between two small ranges must not cost a byte a page. */
static void test_hole(void)
{
    const struct mm_range ram[] = {{MIB, 3 * MIB}, {900 * GIB + 1000 * MIB, 900 * GIB + 1002 * MIB}};

    arena_reset(ram, 2);
    mm_buddy_init(ram, 2, NULL, 0);
    CHECK(mm_buddy_total_pages() >= 1024 - 5);
    test_passed("buddy: a hole of 900 GiB costs next to nothing");
}

static void test_gibibyte_blocks(void)
{
    const struct mm_range ram = {MIB, 4 * GIB + 64 * KIB};
    hpa_t block[3], part[1024];
    unsigned n;

    arena_reset(&ram, 1);
    mm_buddy_init(&ram, 1, NULL, 0);
    CHECK(mm_buddy_free_blocks(MM_ORDER_MAX) == 3);
    for (unsigned i = 0; i < 3; i++) {
        block[i] = mm_buddy_alloc(MM_ORDER_MAX);
        CHECK(!hpa_is_none(block[i]) && is_aligned(block[i].value, GIB));
    }
    CHECK(hpa_is_none(mm_buddy_alloc(MM_ORDER_MAX)));
    for (unsigned i = 0; i < 3; i++)
        mm_buddy_free(block[i], MM_ORDER_MAX);
    CHECK(mm_buddy_free_blocks(MM_ORDER_MAX) == 3);
    CHECK(mm_buddy_free_pages() == mm_buddy_total_pages());
    for (n = 0; !hpa_is_none(part[n] = mm_buddy_alloc(10)); n++)
        ;
    CHECK(n > 3 * 256 && mm_buddy_free_blocks(MM_ORDER_MAX) == 0);
    while (n-- > 0)
        mm_buddy_free(part[n], 10);
    CHECK(mm_buddy_free_blocks(MM_ORDER_MAX) == 3);
    test_passed("buddy: blocks of 1 GiB, split and joined again");
}

static void test_add(void)
{
    const struct mm_range ram = {MIB, 5 * MIB}, late = {2 * MIB, 3 * MIB + 100}, beyond = {8 * MIB, 9 * MIB};
    const struct mm_range across = {5 * MIB - PAGE_BYTES, 5 * MIB + PAGE_BYTES};
    uint64_t before;

    arena_reset(&ram, 1);
    mm_buddy_init(&ram, 1, &late, 1);
    before = mm_buddy_total_pages();
    mm_buddy_add((struct mm_range){late.start, late.start + MIB});
    CHECK(mm_buddy_total_pages() == before + 256);
    CHECK(RAISES_BUG(mm_buddy_add((struct mm_range){late.start + PAGE_BYTES, late.start + 2 * PAGE_BYTES})));
    CHECK(RAISES_BUG(mm_buddy_add(beyond)));
    CHECK(RAISES_BUG(mm_buddy_add((struct mm_range){MIB, MIB + PAGE_BYTES}))); /* the allocator's tables */
    CHECK(RAISES_BUG(mm_buddy_add(across)));
    mm_buddy_add((struct mm_range){3 * MIB, 3 * MIB + PAGE_BYTES});
    CHECK(mm_buddy_total_pages() == before + 257);
    mm_buddy_add((struct mm_range){3 * MIB + 1, 3 * MIB + PAGE_BYTES}); /* no whole page */
    CHECK(mm_buddy_total_pages() == before + 257 && mm_buddy_free_pages() == before + 257);
    CHECK(mm_buddy_free_blocks(9) == 1 && mm_buddy_free_blocks(10) == 0); /* 2 MiB to 4 MiB are one block again */
    test_passed("buddy: memory added later joins what is there, and only once");
}

static void test_bugs(void)
{
    const struct mm_range ram = {MIB, 5 * MIB};
    hpa_t block, page;
    uint64_t free_pages;

    arena_reset(&ram, 1);
    mm_buddy_init(&ram, 1, NULL, 0);
    free_pages = mm_buddy_free_pages();
    block = mm_buddy_alloc(3);
    page = mm_buddy_alloc(0);
    CHECK(RAISES_BUG(mm_buddy_free(block, 2)));
    CHECK(RAISES_BUG(mm_buddy_free(block, 4)));
    CHECK(RAISES_BUG(mm_buddy_free(block, 35)));
    CHECK(RAISES_BUG(mm_buddy_free(HPA(block.value + PAGE_BYTES), 0)));
    CHECK(RAISES_BUG(mm_buddy_free(HPA(page.value + 8), 0)));
    CHECK(RAISES_BUG(mm_buddy_free(HPA(MIB), 0))); /* the allocator's tables */
    CHECK(RAISES_BUG(mm_buddy_free(HPA(0), 0)));
    CHECK(RAISES_BUG(mm_buddy_free(HPA(77 * GIB), 0)));
    CHECK(RAISES_BUG(mm_buddy_free(HPA_NONE, 0)));
    CHECK(RAISES_BUG(mm_buddy_divide(block, 2, 0)));
    CHECK(RAISES_BUG(mm_buddy_divide(block, 3, 4)));
    mm_buddy_free(page, 0);
    CHECK(RAISES_BUG(mm_buddy_free(page, 0)));
    mm_buddy_free(block, 3);
    CHECK(RAISES_BUG(mm_buddy_free(block, 3)));
    CHECK(mm_buddy_free_pages() == free_pages);
    test_passed("buddy: a wrong or second free is a bug");
}

static void test_divide(void)
{
    const struct mm_range ram = {MIB, 5 * MIB};
    uint64_t free_pages;
    hpa_t block;

    arena_reset(&ram, 1);
    mm_buddy_init(&ram, 1, NULL, 0);
    free_pages = mm_buddy_free_pages();
    block = mm_buddy_alloc(4);
    mm_buddy_divide(block, 4, 2);
    CHECK(RAISES_BUG(mm_buddy_free(block, 4)));
    for (unsigned i = 0; i < 4; i++)
        mm_buddy_free(HPA(block.value + i * 4 * PAGE_BYTES), 2);
    CHECK(mm_buddy_free_pages() == free_pages);
    block = mm_buddy_alloc(9);
    CHECK(!hpa_is_none(block));
    test_passed("buddy: a divided block is freed in parts, which join again");
}

/* A page that was taken and freed is part of the largest block again, whoever asks next. */
static void test_page_then_block(void)
{
    const struct mm_range ram = {MIB, MIB + 128 * KIB}, reserved = {MIB + PAGE_BYTES, MIB + 64 * KIB};
    hpa_t a;

    arena_reset(&ram, 1);
    mm_buddy_init(&ram, 1, &reserved, 1);
    CHECK(mm_buddy_total_pages() == 16);
    mm_buddy_free(mm_buddy_alloc(0), 0);
    a = mm_buddy_alloc(4);
    CHECK(a.value == MIB + 64 * KIB);
    mm_buddy_free(a, 4);
    for (unsigned i = 0; i < 5; i++)
        CHECK(!hpa_is_none(mm_buddy_alloc(0)));
    CHECK(mm_buddy_free_pages() == 11);
    CHECK(mm_buddy_free_blocks(0) == 1 && mm_buddy_free_blocks(1) == 1 && mm_buddy_free_blocks(3) == 1);
    test_passed("buddy: single pages leave nothing behind that larger blocks miss");
}

/* Two threads: without the lock this corrupts the lists in no time. */
static pthread_barrier_t start;

static void *thread_run(void *seed)
{
    uint64_t state = (uint64_t)seed;
    hpa_t held[64];
    unsigned order[64], n = 0;

    pthread_barrier_wait(&start);
    for (unsigned step = 0; step < 500000; step++) {
        state = state * 6364136223846793005ull + 1;
        if (n < 64 && state >> 63) {
            order[n] = state >> 40 & 3;
            held[n] = mm_buddy_alloc(order[n]);
            n += !hpa_is_none(held[n]);
        } else if (n > 0) {
            n--;
            mm_buddy_free(held[n], order[n]);
        }
    }
    while (n-- > 0)
        mm_buddy_free(held[n], order[n]);
    return NULL;
}

static void test_threads(void)
{
    const struct mm_range ram = {MIB, 5 * MIB};
    pthread_t thread[2];

    arena_reset(&ram, 1);
    mm_buddy_init(&ram, 1, NULL, 0);
    CHECK(pthread_barrier_init(&start, NULL, 2) == 0);
    for (uintptr_t i = 0; i < 2; i++)
        CHECK(pthread_create(&thread[i], NULL, thread_run, (void *)(i + 1)) == 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK(pthread_join(thread[i], NULL) == 0);
    CHECK(mm_buddy_free_pages() == mm_buddy_total_pages());
    CHECK(mm_buddy_free_blocks(9) == 1 && mm_buddy_free_blocks(8) >= 1);
    test_passed("buddy: two threads at once");
}

int main(void)
{
    test_small_maps();
    test_insane_maps();
    test_hole();
    test_gibibyte_blocks();
    test_add();
    test_bugs();
    test_divide();
    test_page_then_block();
    test_threads();
    test_fuzz();
    return test_done();
}
