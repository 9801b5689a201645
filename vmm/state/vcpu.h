/* A vCPU's registers, to and from the kernel. */
#ifndef VMM_STATE_VCPU_H
#define VMM_STATE_VCPU_H

#include "vmm/monitor/guest.h"
#include "vmm/state/item.h"

/* All that the vCPU of the calling thread has, in terms that mean the same with both back ends. */
void state_read_vcpu(struct guest *guest, struct state_vcpu *out);

/*
 * Makes the vCPU of the calling thread, which is as after reset, what the values that are present say; its TSC gets this
 * offset. A value that the kernel refuses ends the VM with END_BAD_STATE.
 */
void state_write_vcpu(struct guest *guest, struct state_vcpu *vcpu, uint64_t tsc_offset);

#endif
