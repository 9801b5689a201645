/* What families with a guest of the probe share: an access to a page that an entry of its own maps, at any level. */
#ifndef GUESTS_TESTS_PROBE_H
#define GUESTS_TESTS_PROBE_H

#include "guests/lib/lab/probe_guest.h"
#include "guests/tests/ept.h"

enum { PROBE_AT = PROBE_GUEST_WINDOW + EPT_OFFSET };
#define PROBE_GIGABYTE (1ull << 30)
#define PROBE_FAR      (1ull << 38) /* where the entry is; the guest's other memory is below 1 GiB */

enum probe_access { PROBE_READ, PROBE_WRITE, PROBE_FETCH };

struct probe_place {
    struct entry_block block;
    uint64_t *entry, open, gpa; /* the entry; as it is at first, with all rights; of the page */
};

/* A guest that makes the access at PROBE_AT, which leads there, and then exits by CPUID. The page is filled with
 * EPT_BYTE, of which a write makes EPT_BYTE + 1. Skipped on CPUs that have no such addresses. */
struct probe_place probe_place_begin(unsigned level, enum probe_access access);

#endif
