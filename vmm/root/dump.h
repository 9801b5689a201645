/* What each vCPU is at, when somebody asks. */
#ifndef VMM_ROOT_DUMP_H
#define VMM_ROOT_DUMP_H

#include <stddef.h>

struct vm;

/* Prints a line for each vCPU of each VM that runs, by what the kernel knows, and has the monitors add what they know. */
void dump_all(struct vm *vm, size_t vms);

#endif
