#include "mm/table/reserve.h"

#include "config/abi.h"
#include "mm/direct.h"

int mm_reserve_fill(struct mm_reserve *reserve, struct mm_table *table, uint64_t n)
{
    reserve->first = NULL;
    while (n-- > 0) {
        hpa_t a = mm_page_alloc(table->account, 0);
        uint64_t *page;

        if (hpa_is_none(a)) {
            while (reserve->first)
                mm_reserve_free(table, mm_reserve_take(reserve));
            return -ABI_ENOMEM;
        }
        page = mm_direct(a);
        page[0] = (uint64_t)reserve->first;
        reserve->first = page;
        table->pages++;
    }
    return 0;
}

uint64_t *mm_reserve_take(struct mm_reserve *reserve)
{
    uint64_t *page = reserve->first;

    reserve->first = (uint64_t *)page[0];
    page[0] = 0;
    return page;
}

void mm_reserve_free(struct mm_table *table, uint64_t *page)
{
    table->last.region = MM_NOWHERE;
    table->pages--;
    mm_page_free(table->account, mm_direct_hpa(page), 0);
}
