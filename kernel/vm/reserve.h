/*
 * Guest memory by the GiB. The first touch of a GiB takes a block of 1 GiB for it, if quota and machine have one; each touch
 * of 2 MiB of it then zeroes and maps that part, so that no kernel entry has more than 2 MiB to zero. When all 512 parts are
 * mapped, their leaves become one. Parts that were not touched yet are the VM's, but in no table: they are here.
 */
#ifndef KERNEL_VM_RESERVE_H
#define KERNEL_VM_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"

struct vm;

/* To be called once: what a reserve is described in comes out of a pool. */
void reserve_init(void);

/* Maps the 2 MiB around gpa out of the reserve of its GiB, which is made if this is the first touch there. *frame is the page of
 * gpa. False: it has to be backed in another way. */
bool reserve_back(struct vm *vm, uint64_t gpa, hpa_t *frame);

/* Gives back what is still in reserve of [gpa, gpa + bytes), in whole parts of 2 MiB. */
void reserve_drop(struct vm *vm, uint64_t gpa, uint64_t bytes);

/* Gives back everything. Nobody walks the VM's tables any more. */
void reserve_free_all(struct vm *vm);

#endif
