/* sources: mm/pool.c mm/account.c mm/buddy.c mm/frames.c mm/ranges.c mm/direct.c tests/mm_support.c */
#include <pthread.h>
#include <string.h>

#include "mm/account.h"
#include "mm/buddy.h"
#include "mm/direct.h"
#include "mm/pool.h"
#include "tests/mm_support.h"

static uint64_t all_pages;

static void machine(uint64_t bytes)
{
    const struct mm_range ram = {MIB, MIB + bytes};

    arena_reset(&ram, 1);
    mm_buddy_init(&ram, 1, NULL, 0);
    mm_kernel_account = (struct mm_account){.quota = MM_NO_QUOTA};
    all_pages = mm_buddy_free_pages();
}

static bool is_zero(const void *p, size_t bytes)
{
    const unsigned char *c = p;

    for (size_t i = 0; i < bytes; i++) {
        if (c[i])
            return false;
    }
    return true;
}

/* ---- Accounts ---------------------------------------------------------------------------------------------------- */

static void test_quota(void)
{
    struct mm_account a = {.quota = 10};

    CHECK(mm_account_charge(&a, 7) && a.pages == 7 && mm_account_peak(&a) == 7);
    CHECK(!mm_account_charge(&a, 4) && a.pages == 7 && mm_account_peak(&a) == 7);
    CHECK(!mm_account_charge(&a, UINT64_MAX) && a.pages == 7);
    CHECK(mm_account_charge(&a, 3) && a.pages == 10 && mm_account_peak(&a) == 10);
    CHECK(!mm_account_charge(&a, 1));
    mm_account_return(&a, 9);
    CHECK(a.pages == 1 && mm_account_peak(&a) == 10);
    CHECK(RAISES_BUG(mm_account_return(&a, 2)));
    a = (struct mm_account){.quota = 0};
    CHECK(!mm_account_charge(&a, 1));
    a = (struct mm_account){.pages = 5, .quota = 3}; /* a quota that was lowered */
    CHECK(!mm_account_charge(&a, 1));
    a = (struct mm_account){.quota = MM_NO_QUOTA};
    CHECK(mm_account_charge(&a, 1ull << 40));
    test_passed("account: charges up to the quota and not a page more");
}

enum { CHARGES = 2000000 };

static pthread_barrier_t start;

static void *thread_charge(void *account)
{
    uint64_t charged = 0;

    pthread_barrier_wait(&start);
    for (unsigned i = 0; i < CHARGES; i++)
        charged += mm_account_charge(account, 1);
    return (void *)charged;
}

/* Both want as much as both may have, and a bit more: together they get just that. */
static void test_account_threads(void)
{
    struct mm_account a = {.quota = 2 * CHARGES - 1000};
    pthread_t thread[2];
    uint64_t charged = 0;

    CHECK(pthread_barrier_init(&start, NULL, 2) == 0);
    for (unsigned i = 0; i < 2; i++)
        CHECK(pthread_create(&thread[i], NULL, thread_charge, &a) == 0);
    for (unsigned i = 0; i < 2; i++) {
        void *n;

        CHECK(pthread_join(thread[i], &n) == 0);
        charged += (uint64_t)n;
    }
    CHECK(charged == a.quota && a.pages == a.quota && mm_account_peak(&a) == a.quota);
    test_passed("account: two threads at once get the quota, no more and no less");
}

static void test_pages(void)
{
    struct mm_account a = {.quota = 9};
    hpa_t block, page;

    machine(4 * MIB);
    block = mm_page_alloc(&a, 3);
    CHECK(!hpa_is_none(block) && a.pages == 8 && is_zero(mm_direct(block), 8 * PAGE_BYTES));
    memset(mm_direct(block), 0xff, 8 * PAGE_BYTES);
    CHECK(hpa_is_none(mm_page_alloc(&a, 1)) && a.pages == 8);
    page = mm_page_alloc(&a, 0);
    CHECK(!hpa_is_none(page) && a.pages == 9);
    mm_page_free(&a, block, 3);
    CHECK(a.pages == 1);
    block = mm_page_alloc(&a, 3);
    CHECK(is_zero(mm_direct(block), 8 * PAGE_BYTES));
    CHECK(hpa_is_none(mm_page_alloc(&a, MM_ORDERS)) && hpa_is_none(mm_page_alloc(&a, 64)));
    mm_page_free(&a, block, 3);
    mm_page_free(&a, page, 0);
    CHECK(a.pages == 0 && mm_account_peak(&a) == 9 && mm_buddy_free_pages() == all_pages);
    a.quota = MM_NO_QUOTA;
    CHECK(hpa_is_none(mm_page_alloc(&a, 11)) && a.pages == 0); /* the machine has no 8 MiB */
    test_passed("account: pages are zeroed, charged, returned");
}

/* ---- Pools ------------------------------------------------------------------------------------------------------- */

enum { OBJECTS = 3000 };

static char *object[OBJECTS];

/* The test must not be fooled by the allocator's list nodes: it fills objects wholly and looks at them again. */
static void fill(unsigned i, size_t bytes) { memset(object[i], (int)(i % 251) + 1, bytes); }

static bool is_filled(unsigned i, size_t bytes)
{
    for (size_t b = 0; b < bytes; b++) {
        if (object[i][b] != (char)(i % 251 + 1))
            return false;
    }
    return true;
}

static void fuzz_round(void)
{
    size_t align = 1ull << test_below(9), bytes = 1 + test_below(test_below(2) ? 200 : 2000);
    unsigned held = 0;
    struct mm_pool pool;

    mm_pool_init(&pool, bytes, align);
    for (unsigned step = 0; step < 4000; step++) {
        if (held < OBJECTS && test_below(100) < (step < 2500 ? 70 : 20)) {
            object[held] = mm_pool_alloc(&pool);
            CHECK(object[held] && is_aligned((uint64_t)object[held], align) && is_zero(object[held], bytes));
            CHECK((uint64_t)object[held] % PAGE_BYTES + bytes <= PAGE_BYTES);
            fill(held, bytes);
            held++;
        } else if (held > 0) {
            unsigned i = (unsigned)test_below(held);

            CHECK(is_filled(i, bytes));
            mm_pool_free(&pool, object[i]);
            object[i] = object[--held];
            if (i < held)
                fill(i, bytes);
        }
        CHECK(pool.objects == held);
        CHECK(pool.slabs * pool.per_slab >= held && mm_kernel_account.pages == pool.slabs);
    }
    while (held > 0) {
        held--;
        CHECK(is_filled(held, bytes));
        mm_pool_free(&pool, object[held]);
    }
    CHECK(pool.slabs == 0 && mm_kernel_account.pages == 0 && mm_buddy_free_pages() == all_pages);
}

static void test_fuzz(void)
{
    unsigned rounds = test_rounds(40);

    machine(16 * MIB);
    for (unsigned round = 0; round < rounds; round++) {
        test_round(round);
        fuzz_round();
    }
    test_passed("pool: random objects are aligned, zeroed, apart; slabs go back");
}

/* A slab is refilled before a new one is begun, so n objects take no more pages than they must. */
static void test_density(void)
{
    struct mm_pool pool;

    machine(16 * MIB);
    mm_pool_init(&pool, 64, 64);
    CHECK(pool.per_slab >= 62);
    for (unsigned i = 0; i < 10 * pool.per_slab; i++)
        object[i] = mm_pool_alloc(&pool);
    CHECK(pool.slabs == 10);
    for (unsigned i = 0; i < 10 * pool.per_slab; i += 7)
        mm_pool_free(&pool, object[i]);
    for (unsigned i = 0; i < 10 * pool.per_slab; i += 7)
        object[i] = mm_pool_alloc(&pool);
    CHECK(pool.slabs == 10);
    test_passed("pool: holes are filled before a slab is added");
}

static void test_sizes(void)
{
    struct mm_pool pool;
    void *p;

    machine(4 * MIB);
    mm_pool_init(&pool, MM_POOL_OBJECT_MAX, 8);
    p = mm_pool_alloc(&pool);
    CHECK(p && pool.slabs == 1 && is_zero(p, MM_POOL_OBJECT_MAX));
    memset(p, 1, MM_POOL_OBJECT_MAX);
    mm_pool_free(&pool, p);
    CHECK(pool.slabs == 0);
    mm_pool_init(&pool, 1, 1);
    CHECK(pool.bytes == MM_POOL_OBJECT_MIN && pool.per_slab <= 256);
    CHECK(RAISES_BUG(mm_pool_init(&pool, MM_POOL_OBJECT_MAX + 1, 8)));
    CHECK(RAISES_BUG(mm_pool_init(&pool, 3000, 2048)));
    CHECK(RAISES_BUG(mm_pool_init(&pool, 100, 24)));
    CHECK(RAISES_BUG(mm_pool_init(&pool, 100, 0)));
    CHECK(RAISES_BUG(mm_pool_init(&pool, 100, PAGE_BYTES)));
    test_passed("pool: smallest and largest objects; impossible ones are bugs");
}

static void test_bugs(void)
{
    struct mm_pool pool, other;
    char *a, *b;

    machine(4 * MIB);
    mm_pool_init(&pool, 100, 4);
    mm_pool_init(&other, 100, 4);
    a = mm_pool_alloc(&pool);
    b = mm_pool_alloc(&pool);
    CHECK(RAISES_BUG(mm_pool_free(&pool, a + 4)));
    CHECK(RAISES_BUG(mm_pool_free(&other, a)));
    CHECK(RAISES_BUG(mm_pool_free(&pool, b + (b - a))));
    CHECK(RAISES_BUG(mm_pool_free(&pool, (void *)align_down((uint64_t)a, PAGE_BYTES))));
    mm_pool_free(&pool, a);
    CHECK(RAISES_BUG(mm_pool_free(&pool, a)));
    CHECK(pool.objects == 1);
    mm_pool_free(&pool, b);
    test_passed("pool: a wrong or second free is a bug");
}

static void test_exhaustion(void)
{
    unsigned n = 0;
    struct mm_pool pool;

    machine(32 * KIB);
    mm_pool_init(&pool, 1000, 8);
    while ((object[n] = mm_pool_alloc(&pool)))
        n++;
    CHECK(pool.slabs == all_pages && n == 4 * all_pages && mm_buddy_free_pages() == 0);
    CHECK(!mm_pool_alloc(&pool));
    mm_pool_free(&pool, object[--n]);
    CHECK(mm_pool_alloc(&pool) && !mm_pool_alloc(&pool));
    test_passed("pool: NULL when the machine has no page left");
}

int main(void)
{
    test_quota();
    test_account_threads();
    test_pages();
    test_sizes();
    test_density();
    test_bugs();
    test_exhaustion();
    test_fuzz();
    return test_done();
}
