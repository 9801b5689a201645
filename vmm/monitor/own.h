/* Hypercalls of single guests' own. */
#ifndef VMM_MONITOR_OWN_H
#define VMM_MONITOR_OWN_H

#include "vmm/monitor/guest.h"

/*
 * HC_CAESAR: each letter of the text [gpa, gpa + bytes) in the guest's memory becomes the one that many places further in the
 * alphabet. Returns the number of letters; -ABI_EFAULT: not all of it is memory; -ABI_EINVAL: 26 places or more.
 */
int64_t own_call_caesar(struct guest *guest, uint64_t gpa, uint64_t bytes, uint64_t places);

#endif
