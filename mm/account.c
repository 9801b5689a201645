#include "mm/account.h"

#include "mm/buddy.h"
#include "mm/bug.h"
#include "mm/direct.h"

struct mm_account mm_kernel_account = {.quota = MM_NO_QUOTA};

/* The emulators count an iteration of REP as an instruction: STOSQ has an eighth of STOSB's. */
static inline void page_zero(void *page, uint64_t pages)
{
    uint64_t quads = pages * (PAGE_BYTES / 8);

    __asm__ volatile("rep stosq" : "+D"(page), "+c"(quads) : "a"(0ull) : "memory");
}

void mm_page_zero(hpa_t block, unsigned order) { page_zero(mm_direct(block), 1ull << order); }

/* With numbers of pages that there could be, so that no sum wraps. */
static inline __attribute__((always_inline)) bool charge(struct mm_account *account, uint64_t pages)
{
    uint64_t had = atomic_load_explicit(&account->pages, memory_order_relaxed);

    do {
        if (had + pages > account->quota)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&account->pages, &had, had + pages, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

bool mm_account_charge(struct mm_account *account, uint64_t pages)
{
    return pages <= UINT64_MAX / PAGE_BYTES && charge(account, pages);
}

static uint64_t note_peak(struct mm_account *account, uint64_t pages)
{
    uint64_t peak = atomic_load_explicit(&account->peak, memory_order_relaxed);

    while (peak < pages && !atomic_compare_exchange_weak_explicit(&account->peak, &peak, pages, memory_order_relaxed,
                                                                  memory_order_relaxed))
        ;
    return peak < pages ? pages : peak;
}

void mm_account_return(struct mm_account *account, uint64_t pages)
{
    uint64_t had = atomic_fetch_sub_explicit(&account->pages, pages, memory_order_relaxed);

    if (had < pages)
        mm_bug("more pages returned to an account than it has, namely", pages);
    note_peak(account, had);
}

uint64_t mm_account_peak(struct mm_account *account)
{
    return note_peak(account, atomic_load_explicit(&account->pages, memory_order_relaxed));
}

static __attribute__((noinline)) hpa_t alloc_failed(struct mm_account *account, unsigned order)
{
    mm_account_return(account, 1ull << order);
    return HPA_NONE;
}

static inline __attribute__((always_inline)) hpa_t alloc(struct mm_account *account, unsigned order)
{
    hpa_t block;

    if (!charge(account, 1ull << order))
        return HPA_NONE;
    block = order ? mm_buddy_alloc(order) : mm_buddy_alloc_page();
    if (hpa_is_none(block))
        return alloc_failed(account, order);
    page_zero(mm_direct(block), 1ull << order);
    return block;
}

static __attribute__((noinline)) hpa_t alloc_block(struct mm_account *account, unsigned order)
{
    return order <= MM_ORDER_MAX ? alloc(account, order) : HPA_NONE;
}

hpa_t mm_page_alloc(struct mm_account *account, unsigned order)
{
    return order ? alloc_block(account, order) : alloc(account, 0);
}

void mm_page_free(struct mm_account *account, hpa_t block, unsigned order)
{
    mm_buddy_free(block, order);
    mm_account_return(account, 1ull << order);
}
