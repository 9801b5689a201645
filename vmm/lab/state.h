/* What the files of the lab share. */
#ifndef VMM_LAB_STATE_H
#define VMM_LAB_STATE_H

#include "config/lab.h"
#include "vmm/lab/fields.h"
#include "vmm/lab/lab.h"

/* A moment to which the guest can be brought back. */
struct moment {
    struct lab_fields fields;
    uint64_t gpr[GPR_COUNT], rsp, rip;
};

/* Of each vCPU of a lab; made by the first call. */
struct lab {
    struct lab_observation *observation; /* in guest memory; NULL: nothing is observed */
    enum lab_action action;
    uint64_t argument;
    bool seen; /* an exit, since the last HC_LAB_OBSERVE: `last` is as of it */
    struct moment observe, guard;
    struct lab_fields last;
    struct lab_observation *guarded; /* NULL: no guard */
    uint64_t exits_left;             /* of the guard; counts down, 0 = no limit */
};

/* The lab of this vCPU; NULL: it has made no call yet. */
struct lab *lab_of(const struct guest *guest);

/* The same, made if there is none; NULL: no memory. */
struct lab *lab_make(struct guest *guest);

/* sys_vcpu_write of one value; returns 0 or -ABI_*. */
int64_t lab_write_one(const struct guest *guest, uint64_t what, uint64_t value);

/* n pairs in guest memory; NULL if they are not all there, or not aligned. The guest may write to them at any time. */
struct lab_pair *lab_pairs_at(const struct guest *guest, uint64_t gpa, uint64_t n);

#endif
