/* The channels between VMs. */
#ifndef VMM_ROOT_CHANNEL_H
#define VMM_ROOT_CHANNEL_H

#include "vmm/root/vm.h"

/* Has the kernel create a channel of the config between two of the VMs at `vm`, which have not been started. Where it can't
 * be had, neither can its VMs: their channels would have other numbers. */
void channel_create(struct vm *vm, const struct channel_config *config);

#endif
