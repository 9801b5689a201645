/* Pauses VMs while they run, and lets them go on: `pause = N` in [machine]. */
#ifndef VMM_ROOT_PAUSE_H
#define VMM_ROOT_PAUSE_H

#include "vmm/root/vm.h"

/*
 * Pauses each VM that runs and, when it is called the next time, resumes it, until each was paused `pause` times. A VM that
 * has had a CPU in between is reported, and counted in vm.pauses_broken. Returns the TSC at which to call again; 0: there is
 * nothing left to pause.
 */
uint64_t pause_all(const struct config *config, struct vm *vm, const struct machine_info *info);

#endif
