/* Table pages that are had before a change begins, so that the change itself can't fail. For mm/table/ alone. */
#ifndef MM_TABLE_RESERVE_H
#define MM_TABLE_RESERVE_H

#include "mm/table.h"

struct mm_reserve {
    uint64_t *first; /* zeroed pages, each pointing to the next with its first word */
};

/* Takes n zeroed pages for the table, all or none: 0 or -ABI_ENOMEM. */
int mm_reserve_fill(struct mm_reserve *reserve, struct mm_table *table, uint64_t n);

/* One of them, zeroed; there is one. */
uint64_t *mm_reserve_take(struct mm_reserve *reserve);

/* Gives back a page of the table that nothing points to any more. */
void mm_reserve_free(struct mm_table *table, uint64_t *page);

#endif
