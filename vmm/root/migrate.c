#include "vmm/root/migrate.h"

#include <x86intrin.h>

#include "vmm/lib/syscall.h"

enum { TICKS_BETWEEN_MOVES = 25000 }; /* of the TSC: time for some work at each place */

/*
 * Whether the VM has moves to go; orders one of each vCPU, to the pCPU behind the one where it was last seen. The kernel
 * counts those that really happened. One that has waited since its last move goes on waiting: a move puts it at the end
 * of a queue.
 */
static bool migrate_vm(struct vm *vm, uint64_t moves, uint32_t pcpus)
{
    const struct vm_status *status = &vm->status;
    bool has_run = status->run_ticks != vm->moved_at;

    if (!vm->running || vm->config->pinned || status->migrations >= moves * vm->config->vcpus)
        return false;
    vm->moved_at = status->run_ticks;
    for (uint32_t i = 0; i < vm->config->vcpus; i++)
        if (has_run || status->vcpu[i].state != VCPU_STATE_READY)
            sys_vcpu_move(vm->number, i, (status->vcpu[i].pcpu + 1u) % pcpus);
    return true;
}

uint64_t migrate_all(const struct config *config, struct vm *vm, const struct machine_info *info)
{
    bool more = false;

    if (config->migrate == 0 || info->pcpus < 2)
        return 0;
    for (size_t i = 0; i < config->vms; i++)
        more |= migrate_vm(&vm[i], config->migrate, info->pcpus);
    return more ? __rdtsc() + TICKS_BETWEEN_MOVES : 0;
}
