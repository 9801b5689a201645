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

static inline bool charge(struct mm_account *account, uint64_t pages)
{
    uint64_t had = atomic_load_explicit(&account->pages, memory_order_relaxed), peak;

    do {
        if (had > account->quota || pages > account->quota - had)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&account->pages, &had, had + pages, memory_order_relaxed,
                                                    memory_order_relaxed));
    peak = atomic_load_explicit(&account->peak, memory_order_relaxed);
    while (peak < had + pages && !atomic_compare_exchange_weak_explicit(&account->peak, &peak, had + pages,
                                                                        memory_order_relaxed, memory_order_relaxed))
        ;
    return true;
}

bool mm_account_charge(struct mm_account *account, uint64_t pages) { return charge(account, pages); }

void mm_account_return(struct mm_account *account, uint64_t pages)
{
    uint64_t had = atomic_fetch_sub_explicit(&account->pages, pages, memory_order_relaxed);

    if (had < pages)
        mm_bug("more pages returned to an account than it has, namely", pages);
}

hpa_t mm_page_alloc(struct mm_account *account, unsigned order)
{
    hpa_t block;

    if (order > MM_ORDER_MAX || !charge(account, 1ull << order))
        return HPA_NONE;
    block = mm_buddy_alloc(order);
    if (hpa_is_none(block))
        mm_account_return(account, 1ull << order);
    else
        page_zero(mm_direct(block), 1ull << order);
    return block;
}

void mm_page_free(struct mm_account *account, hpa_t block, unsigned order)
{
    mm_buddy_free(block, order);
    mm_account_return(account, 1ull << order);
}
