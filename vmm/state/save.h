/* How a VM is saved: root recalls its vCPUs, their threads meet, each writes what its vCPU has, the last one the rest. */
#ifndef VMM_STATE_SAVE_H
#define VMM_STATE_SAVE_H

#include "vmm/monitor/guest.h"

/* This vCPU was recalled. With the lock. When all are there, the VM is written to TASK_SAVE, and is over. */
_Noreturn void save_recalled(struct guest *guest);

/* A vCPU that does not go on any more may be the one that the others wait for. */
void save_look(const struct guest *guest);

#endif
