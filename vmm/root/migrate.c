#include "vmm/root/migrate.h"

#include <x86intrin.h>

#include "vmm/lib/syscall.h"

enum { MOVES_A_SECOND = 2000 }; /* of each vCPU */

/* Whether the VM has moves to go; orders one of each vCPU. The kernel counts those that really happened. */
static bool migrate_vm(const struct vm *vm, uint64_t moves, uint32_t pcpus)
{
    static uint32_t turn;

    if (!vm->running || vm->config->pinned || vm->status.migrations >= moves * vm->config->vcpus)
        return false;
    for (uint32_t i = 0; i < vm->config->vcpus; i++)
        sys_vcpu_move(vm->number, i, turn++ % pcpus);
    return true;
}

uint64_t migrate_all(const struct config *config, struct vm *vm, const struct machine_info *info)
{
    bool more = false;

    if (config->migrate == 0 || info->pcpus < 2)
        return 0;
    for (size_t i = 0; i < config->vms; i++)
        more |= migrate_vm(&vm[i], config->migrate, info->pcpus);
    return more ? __rdtsc() + info->tsc_hz / MOVES_A_SECOND : 0;
}
