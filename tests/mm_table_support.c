#include "tests/mm_table_support.h"

#include "mm/buddy.h"
#include "mm/direct.h"
#include "tests/mm_support.h"

struct mm_account account;

static uint64_t all_pages;

void machine(struct mm_range ram)
{
    arena_reset(&ram, 1);
    mm_buddy_init(&ram, 1, NULL, 0);
    account = (struct mm_account){.quota = MM_NO_QUOTA};
    all_pages = mm_buddy_free_pages();
}

void check_pages(void) { CHECK(mm_buddy_free_pages() == all_pages - account.pages); }

void check_all_returned(void) { CHECK(account.pages == 0 && mm_buddy_free_pages() == all_pages); }

uint64_t *entries_of(uint64_t entry) { return mm_direct(HPA(entry & ADDRESS)); }

uint64_t *raw_leaf(const struct mm_table *t, uint64_t va, unsigned *level)
{
    uint64_t *entry = (uint64_t *)mm_direct(t->root) + (va >> 39 & 511);
    uint64_t present = t->format == &mm_format_ept ? 7 : 1;

    for (*level = 3; *entry & present; --*level) {
        if (*level == 0 || *entry & LARGE)
            return entry;
        entry = entries_of(*entry) + (va >> (12 + 9 * (*level - 1)) & 511);
    }
    return NULL;
}
