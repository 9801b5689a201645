#include "vmm/root/migrate.h"

#include <x86intrin.h>

#include "vmm/lib/syscall.h"

enum { TICKS_BETWEEN_MOVES = 25000 }; /* of the TSC: time for some work at each place */

/* Whether the VM has moves to go; orders one of each vCPU, to the pCPU behind the one where it was last seen. The kernel
 * counts those that really happened. */
static bool migrate_vm(const struct vm *vm, uint64_t moves, uint32_t pcpus)
{
    if (!vm->running || vm->config->pinned || vm->status.migrations >= moves * vm->config->vcpus)
        return false;
    for (uint32_t i = 0; i < vm->config->vcpus; i++)
        sys_vcpu_move(vm->number, i, (vm->status.vcpu[i].pcpu + 1u) % pcpus);
    return true;
}

/* Who is moved goes to the end of a queue, so each time another VM is the first. */
uint64_t migrate_all(const struct config *config, struct vm *vm, const struct machine_info *info)
{
    static size_t first;
    bool more = false;

    if (config->migrate == 0 || info->pcpus < 2)
        return 0;
    first++;
    for (size_t i = 0; i < config->vms; i++)
        more |= migrate_vm(&vm[(first + i) % config->vms], config->migrate, info->pcpus);
    return more ? __rdtsc() + TICKS_BETWEEN_MOVES : 0;
}
