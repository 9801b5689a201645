/* A vCPU as its monitor handles it: its page, and its registers by name. */
#ifndef VMM_MONITOR_VCPU_H
#define VMM_MONITOR_VCPU_H

#include "vmm/monitor/reg.h"

struct vcpu {
    uint32_t number;
    enum backend backend;
    struct vcpu_page *page;
};

struct reg_value {
    enum reg reg;
    uint64_t value;
};

/*
 * Writes registers, at most MAX_STATE_PAIRS of them, all in one call; those that this vendor does not have are left
 * out. Returns 0 or a negated enum abi_error; *refused is then the register that the kernel refuses.
 */
int64_t vcpu_set(const struct vcpu *vcpu, const struct reg_value *values, unsigned count, enum reg *refused);

/* Reads registers into values[].value; 0 for those that this vendor does not have. Result as that of vcpu_set. */
int64_t vcpu_get(const struct vcpu *vcpu, struct reg_value *values, unsigned count, enum reg *refused);

#endif
