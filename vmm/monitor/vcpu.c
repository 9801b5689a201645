/* A vCPU's registers, read and written through the kernel in tables of (what, where) pairs. */
#include "vmm/monitor/vcpu.h"

#include "vmm/lib/syscall.h"

typedef int64_t transfer(uint32_t vcpu, const struct state_pair *pairs, uint32_t count);

/* One call for all of them; if that is refused, one by one to find out which it is. */
static int64_t vcpu_transfer(const struct vcpu *vcpu, struct reg_value *values, unsigned count, transfer *call,
                             enum reg *refused)
{
    struct state_pair pairs[MAX_STATE_PAIRS];
    enum reg reg[MAX_STATE_PAIRS];
    unsigned used = 0;
    int64_t result;

    for (unsigned i = 0; i < count && used < MAX_STATE_PAIRS; i++) {
        uint64_t what = reg_what(vcpu->backend, values[i].reg);

        if (what == 0)
            continue;
        reg[used] = values[i].reg;
        pairs[used++] = (struct state_pair){what, (uintptr_t)&values[i].value};
    }
    if (used == 0)
        return 0;
    result = call(vcpu->number, pairs, used);
    for (unsigned i = 0; result < 0 && i < used; i++) {
        *refused = reg[i];
        if (call(vcpu->number, &pairs[i], 1) < 0)
            break;
    }
    return result;
}

int64_t vcpu_set(const struct vcpu *vcpu, const struct reg_value *values, unsigned count, enum reg *refused)
{
    struct reg_value copies[MAX_STATE_PAIRS];

    for (unsigned i = 0; i < count; i++) {
        copies[i].reg = values[i].reg;
        copies[i].value = reg_to_vendor(vcpu->backend, values[i].reg, values[i].value);
    }
    return vcpu_transfer(vcpu, copies, count, sys_vcpu_write, refused);
}

int64_t vcpu_get(const struct vcpu *vcpu, struct reg_value *values, unsigned count, enum reg *refused)
{
    int64_t result;

    for (unsigned i = 0; i < count; i++)
        values[i].value = 0;
    result = vcpu_transfer(vcpu, values, count, sys_vcpu_read, refused);
    for (unsigned i = 0; i < count; i++)
        if (reg_what(vcpu->backend, values[i].reg) != 0)
            values[i].value = reg_from_vendor(vcpu->backend, values[i].reg, values[i].value);
    return result;
}
