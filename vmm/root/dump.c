#include "vmm/root/dump.h"

#include <inttypes.h>
#include <stdio.h>

#include "vmm/lib/syscall.h"
#include "vmm/root/console.h"
#include "vmm/root/screen.h"
#include "vmm/root/vm.h"

/* By the exits that were counted; those with VMX have only the basic exit reason, the low 16 bits. */
static void name_exit(uint32_t number, uint64_t reason, char name[EXIT_NAME_BYTES])
{
    static struct exit_counter counters[EXIT_COUNTERS];
    int64_t n = sys_vm_counters(number, counters, EXIT_COUNTERS);

    snprintf(name, EXIT_NAME_BYTES, "0x%" PRIx64, reason);
    for (int64_t i = 0; i < n; i++)
        if (counters[i].reason == reason || counters[i].reason == (reason & 0x8000ffff))
            snprintf(name, EXIT_NAME_BYTES, "%s", counters[i].name);
}

static void print_vcpu(const struct vm *vm, uint32_t vcpu)
{
    const struct vcpu_status *s = &vm->status.vcpu[vcpu];
    char name[EXIT_NAME_BYTES];

    if (s->exits == 0) {
        console_line("# %s: vCPU %" PRIu32 ", %s, CPU %u, no exit yet", vm->config->name, vcpu, screen_state_name(s->state), s->pcpu);
        return;
    }
    name_exit(vm->number, s->reason, name);
    console_line("# %s: vCPU %" PRIu32 ", %s, CPU %u, %" PRIu64 " exits, the last one %s at RIP 0x%" PRIx64, vm->config->name, vcpu,
                 screen_state_name(s->state), s->pcpu, s->exits, name, s->rip);
}

void dump_all(struct vm *vm, size_t vms)
{
    for (struct vm *v = vm; v < vm + vms; v++) {
        uint32_t all = 0;

        if (!v->running || sys_vm_status(v->number, &v->status) < 0)
            continue;
        for (uint32_t i = 0; i < v->status.vcpus && i < MAX_VCPUS_PER_VM; i++) {
            print_vcpu(v, i);
            all |= WANTED_REGISTERS(i);
        }
        vm_want(v, all);
    }
}
