#include "vmm/state/restore.h"

#include <string.h>

#include "vmm/lib/syscall.h"
#include "vmm/state/check.h"
#include "vmm/state/vcpu.h"

static struct state_file file = {.bytes = (const uint8_t *)TASK_STATE};
static uint64_t tsc_offset; /* of all vCPUs: time goes on from where it was */

static void restore_devices(struct vm *vm, const struct state_content *content)
{
    const struct state_uart *uart = &content->uart;

    vm->uart.divisor = uart->divisor;
    vm->uart.ier = uart->ier;
    vm->uart.fcr = uart->fcr;
    vm->uart.lcr = uart->lcr;
    vm->uart.mcr = uart->mcr;
    vm->uart.scratch = uart->scratch;
    vm->console.used = content->line_bytes;
    memcpy(vm->console.text, content->line, content->line_bytes);
    vm->halted = content->halted;
}

void restore_vm(struct guest *guest)
{
    static struct state_content content;
    struct vm *vm = guest->vm;
    const struct state_vm wanted = {vm->args->memory_bytes, vm->args->vcpus, vm->args->kind};
    char why[STATE_WHY_BYTES];

    file.name = vm->args->state_name;
    file.size = vm->args->state_bytes;
    if (!state_check(&file, &wanted, &content, why))
        guest_end(guest, END_BAD_STATE, "%s", why);
    state_get_memory(&file, &vm->memory);
    restore_devices(vm, &content);
    tsc_offset = content.tsc - __builtin_ia32_rdtsc();
    for (uint32_t i = 0; i < vm->args->vcpus; i++) {
        vm->start[i].taken = vm->start[i].from_state = content.vcpus >> i & 1;
        if (i > 0 && vm->start[i].taken)
            sys_vcpu_start(i);
    }
}

void restore_vcpu(struct guest *guest)
{
    struct state_vcpu vcpu;

    if (guest->vm->halted >> guest->vcpu.number & 1)
        guest_park();
    state_get_vcpu(&file, guest->vcpu.number, &vcpu);
    state_write_vcpu(guest, &vcpu, tsc_offset);
}
