#include "vmm/lab/state.h"

#include <stdlib.h>

#include "vmm/lib/syscall.h"

static struct lab *lab_by_vcpu[MAX_VCPUS_PER_VM];

struct lab *lab_of(const struct guest *guest) { return lab_by_vcpu[guest->vcpu.number]; }

struct lab *lab_make(struct guest *guest)
{
    struct lab **lab = &lab_by_vcpu[guest->vcpu.number];

    if (!*lab)
        *lab = calloc(1, sizeof(**lab));
    guest->in_lab = *lab != NULL;
    return *lab;
}

int64_t lab_write_one(const struct guest *guest, uint64_t what, uint64_t value)
{
    const struct state_pair pair = {what, (uintptr_t)&value};

    return sys_vcpu_write(guest->vcpu.number, &pair, 1);
}

struct lab_pair *lab_pairs_at(const struct guest *guest, uint64_t gpa, uint64_t n)
{
    if (n > guest->vm->memory.bytes / sizeof(struct lab_pair) || gpa % sizeof(uint64_t))
        return NULL;
    return guest_memory_at(&guest->vm->memory, gpa, n * sizeof(struct lab_pair));
}
