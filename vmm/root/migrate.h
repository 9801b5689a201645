/* Moves vCPUs between pCPUs while they run: `migrate = N` in [machine]. */
#ifndef VMM_ROOT_MIGRATE_H
#define VMM_ROOT_MIGRATE_H

#include "vmm/root/vm.h"

/*
 * Sends each vCPU of the VMs that run, unless they are pinned, to the next pCPU, until a VM has had `migrate` moves a
 * vCPU. Returns the TSC at which to call again; 0: there is nothing left to move.
 */
uint64_t migrate_all(const struct config *config, struct vm *vm, const struct machine_info *info);

#endif
