/* State of a vCPU that no control block holds, by number: enum vcpu_item in config/abi.h. */
#ifndef KERNEL_VM_ITEM_H
#define KERNEL_VM_ITEM_H

#include <stdint.h>

struct vcpu;

/* For the vCPU's own thread, in ring 3. 0; -ABI_EINVAL: there is no such item, or
 * its register could not have that value; -ABI_EACCES: it is only to be read. */
int item_read(struct vcpu *vcpu, uint64_t item, uint64_t *value);
int item_write(struct vcpu *vcpu, uint64_t item, uint64_t value);

#endif
