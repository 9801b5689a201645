/* What the host tests of page tables share: a small machine, an account, and entries as the manuals have them. */
#ifndef TESTS_MM_TABLE_SUPPORT_H
#define TESTS_MM_TABLE_SUPPORT_H

#include "mm/ranges.h"
#include "mm/table.h"

#define RWX (MM_READ | MM_WRITE | MM_EXECUTE)

/* Of an entry: its address, and the bit that makes it a leaf above the lowest level. */
#define ADDRESS 0x000ffffffffff000ull
#define LARGE   0x80ull

/* The account that all tests charge; machine() empties it. */
extern struct mm_account account;

/* Makes `ram` the only memory, and all of it free. */
void machine(struct mm_range ram);

/* Fails the test unless what the account has not is free; or unless everything is. */
void check_pages(void);
void check_all_returned(void);

/* What an entry points to. */
uint64_t *entries_of(uint64_t entry);

/* The leaf for va, and its level; NULL when va is not mapped. */
uint64_t *raw_leaf(const struct mm_table *t, uint64_t va, unsigned *level);

#endif
