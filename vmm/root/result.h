/* A VM's verdict and its KTAP subtest ("The Kernel Test Anything Protocol (KTAP), version 1", Linux documentation). */
#ifndef VMM_ROOT_RESULT_H
#define VMM_ROOT_RESULT_H

#include "vmm/root/vm.h"

/*
 * Prints the subtest of a VM that has ended, or could not be started, and its line `ok NUMBER NAME`; sets `done`,
 * `passed` and `skipped`. A VM passes if all its own results are ok, its output is the expected one and it ended as
 * expected; it is skipped if it passes and has results, all of them skips.
 */
void result_print(struct vm *vm, unsigned number);

/* The failures so far, of all VMs: how many, and the text of one, "VM: RESULT". NULL: only the first ones are kept. */
unsigned result_failures(void);
const char *result_failure(unsigned i);

#endif
