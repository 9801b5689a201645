/* How many passed. */
#ifndef VMM_ROOT_TALLY_H
#define VMM_ROOT_TALLY_H

struct tally {
    unsigned passed, failed, skipped;                         /* VMs; and failures of the machine's own */
    unsigned results_passed, results_failed, results_skipped; /* the VMs' results */
    unsigned known;                                           /* results that are known differences */
};

#endif
