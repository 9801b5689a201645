/* How often each VM had each kind of exit. */
#ifndef VMM_ROOT_COUNTERS_H
#define VMM_ROOT_COUNTERS_H

#include <stddef.h>

#include "config/abi.h"

struct vm;

struct counters {
    unsigned n;
    struct exit_counter *row; /* n of them, by rising reason; from malloc */
};

/* Asks the kernel for those of a VM that it still has. None where there is no memory for them. */
void counters_take(struct counters *counters, uint32_t number);

/* Prints a table of all VMs, as diagnostics. Rows of one name are one. */
void counters_print(const struct vm *vm, size_t vms);

#endif
