/* Who owns how many pages: one account a VM, with a quota, and one for the kernel. */
#ifndef MM_ACCOUNT_H
#define MM_ACCOUNT_H

#include <stdatomic.h>

#include "lib/addr.h"

#define MM_NO_QUOTA UINT64_MAX

/* Set up by its owner with an initializer: pages = peak = 0 and the quota. All in pages of 4 KiB. */
struct mm_account {
    _Atomic uint64_t pages; /* owned now; never above the quota */
    _Atomic uint64_t peak;  /* the most that it was before it last became less: see mm_account_peak */
    uint64_t quota;
};

/* The kernel's own, without a quota. */
extern struct mm_account mm_kernel_account;

/* Charges `pages` to the account; false, and nothing is charged, where that would exceed the quota. */
bool mm_account_charge(struct mm_account *account, uint64_t pages);

/* The inverse. To return more than was charged is a bug. */
void mm_account_return(struct mm_account *account, uint64_t pages);

/* The most that it ever owned. It grows far more often than it shrinks, so only then is it looked at. */
uint64_t mm_account_peak(struct mm_account *account);

/* A zeroed block of 2^order pages, charged to the account. HPA_NONE when the quota or the machine is exhausted. */
hpa_t mm_page_alloc(struct mm_account *account, unsigned order);

/* Zeroes a block of 2^order pages. */
void mm_page_zero(hpa_t block, unsigned order);

/* Gives back a block that mm_page_alloc took with the same account and order. */
void mm_page_free(struct mm_account *account, hpa_t block, unsigned order);

#endif
