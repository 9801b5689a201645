/* How a VM goes on from a file. */
#ifndef VMM_STATE_RESTORE_H
#define VMM_STATE_RESTORE_H

#include "vmm/monitor/guest.h"

/*
 * Checks the file at TASK_STATE, loads what the vCPUs share, and lets the threads of the others that were started run. The
 * VM's first thread calls it, with the lock. A file that is refused ends the VM with END_BAD_STATE.
 */
void restore_vm(struct guest *guest);

/* Loads the vCPU of the calling thread; one that had halted for good does not come back. */
void restore_vcpu(struct guest *guest);

#endif
