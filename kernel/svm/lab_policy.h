/* Which control fields of its VMCB the guest of a lab may set: data and one pure function, which a host test reaches. */
#ifndef KERNEL_SVM_LAB_POLICY_H
#define KERNEL_SVM_LAB_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/svm/vmcb.h"

/* What the policy says about setting a field. */
struct svm_lab_answer {
    uint64_t refused; /* bits that can't be as asked for, */
    const char *why;  /* and why; NULL: the field may be set so */
    uint32_t clean;   /* clean bits that cover what then changes */
};

/*
 * Asks for a field (a VMCB_FIELD) of a lab whose controls are `now`, on a CPU with `features` (SVM_FEATURE_*). Returns
 * false for a field that is none of the lab's: then the policy of all monitors counts, and *answer is not filled.
 */
bool svm_lab_policy(const struct vmcb_control *now, uint32_t features, uint64_t what, uint64_t value,
                    struct svm_lab_answer *answer);

#endif
