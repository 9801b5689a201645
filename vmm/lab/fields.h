/* All fields of a vCPU's control block at once: what a lab compares, restores, and tells its guest. */
#ifndef VMM_LAB_FIELDS_H
#define VMM_LAB_FIELDS_H

#include "config/lab.h"
#include "vmm/monitor/guest.h"

enum { LAB_FIELDS_MAX = 320 };

enum lab_fields_which {
    LAB_FIELDS_REGISTERS, /* those of the guest, and what the guest sees of them */
    LAB_FIELDS_ALL,
};

struct lab_fields {
    unsigned count; /* how many were read */
    uint64_t value[LAB_FIELDS_MAX];
};

/* Reads fields of the vCPU. The first call finds out which there are. */
void lab_fields_read(const struct guest *guest, enum lab_fields_which which, struct lab_fields *fields);

/* The value of a field in what was read; false if it was not, or the control block has no such field, or it is the
 * kernel's. */
bool lab_fields_get(const struct lab_fields *fields, uint64_t what, uint64_t *value);

/* Brings registers of the guest that have changed from `before` to `now`, which are those in the control block, back to
 * what they were. */
void lab_fields_restore(const struct guest *guest, const struct lab_fields *before, const struct lab_fields *now);

/* Writes to pairs[] the registers of the guest that differ, with their value in `now`; at most n. Returns how many. */
uint64_t lab_fields_changed(const struct lab_fields *before, const struct lab_fields *now, struct lab_pair *pairs,
                            uint64_t n);

#endif
