#include "vmm/root/pause.h"

#include <x86intrin.h>

#include "vmm/lib/syscall.h"
#include "vmm/root/console.h"

enum { PAUSES_A_SECOND = 2000 }; /* and resumes, of each VM */

/* -ABI_EAGAIN leaves the VM as it is, with a vCPU that has yet to leave its CPU: the next call asks again. */
static void begin(struct vm *vm)
{
    struct vm_status status;

    if (sys_vm_pause(vm->number) != 0 || sys_vm_status(vm->number, &status) < 0)
        return;
    vm->is_paused = true;
    vm->paused_run = status.run_ticks;
    vm->pauses++;
}

static void end(struct vm *vm)
{
    struct vm_status status;

    if (sys_vm_status(vm->number, &status) >= 0 && status.run_ticks != vm->paused_run) {
        console_line("# a vCPU of %s has run while it was paused", vm->config->name);
        vm->pauses_broken++;
    }
    vm->is_paused = false;
    sys_vm_resume(vm->number);
}

uint64_t pause_all(const struct config *config, struct vm *vm, const struct machine_info *info)
{
    bool more = false;

    for (size_t i = 0; config->pause > 0 && i < config->vms; i++) {
        if (!vm[i].running || (!vm[i].is_paused && vm[i].pauses >= config->pause))
            continue;
        more = true;
        if (vm[i].is_paused)
            end(&vm[i]);
        else
            begin(&vm[i]);
    }
    return more ? __rdtsc() + info->tsc_hz / PAUSES_A_SECOND : 0;
}
