#include "vmm/state/save.h"

#include <string.h>

#include "vmm/lib/syscall.h"
#include "vmm/monitor/lock.h"
#include "vmm/state/vcpu.h"

/* Each vCPU that was started stands still. Until then one that runs may still interrupt one that has arrived. */
static bool all_here(const struct vm *vm)
{
    return vm->saving.arrived && (vm->saving.arrived | vm->halted) == guest_started(vm);
}

void save_look(const struct guest *guest)
{
    const struct vm *vm = guest->vm;

    for (uint32_t i = 0; i < MAX_VCPUS_PER_VM && all_here(vm); i++)
        if (vm->saving.arrived >> i & 1 && i != guest->vcpu.number)
            sys_vcpu_start(i);
}

static void begin(struct guest *guest)
{
    const struct monitor_args *args = guest->vm->args;
    struct state_head head = {
        .memory_bytes = args->memory_bytes,
        .vcpus = args->vcpus,
        .guest_kind = args->kind,
        .backend = guest->vm->backend,
    };
    struct state_writer *writer = &guest->vm->saving.writer;

    *writer = (struct state_writer){.to = (uint8_t *)TASK_SAVE, .room = args->save_bytes};
    memcpy(head.name, args->name, sizeof(head.name));
    state_begin(writer, "NEST", 1);
    state_put(writer, &head, sizeof(head));
}

static bool is_zero(const uint64_t *page)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < STATE_PAGE_BYTES / sizeof(*page); i++)
        any |= page[i];
    return any == 0;
}

/* Runs of pages; those that were never touched, or are all 0, are left out. */
static void put_memory(struct state_writer *writer)
{
    uint64_t behind = UINT64_MAX; /* the run that is open */

    for (int64_t gpa = sys_memory_next(0); gpa >= 0; gpa = sys_memory_next((uint64_t)gpa + STATE_PAGE_BYTES)) {
        const void *page = (const void *)(TASK_GUEST + (uint64_t)gpa);

        if (is_zero(page))
            continue;
        if ((uint64_t)gpa != behind) {
            state_begin(writer, "MEMO", 1);
            state_put(writer, &(struct state_memory_head){(uint64_t)gpa}, sizeof(struct state_memory_head));
        }
        state_put(writer, page, STATE_PAGE_BYTES);
        behind = (uint64_t)gpa + STATE_PAGE_BYTES;
    }
}

static void put_devices(const struct vm *vm, struct state_writer *writer)
{
    const struct state_uart uart = {
        vm->uart.divisor, vm->uart.ier, vm->uart.fcr, vm->uart.lcr, vm->uart.mcr, vm->uart.scratch, 0,
    };

    state_begin(writer, "UART", 1);
    state_put(writer, &uart, sizeof(uart));
    if (vm->console.used) {
        state_begin(writer, "LINE", 1);
        state_put(writer, vm->console.text, vm->console.used);
    }
    if (vm->halted) {
        state_begin(writer, "HALT", 1);
        state_put(writer, (const uint32_t[2]){vm->halted, 0}, 2 * sizeof(uint32_t));
    }
}

/* The guest's TSC, behind all vCPUs: an interrupt of a timer that is pending there has a deadline that is past. */
static void put_time(struct guest *guest, struct state_writer *writer)
{
    uint64_t offset = guest_get_one(guest, REG_TSC_OFFSET), tsc = __builtin_ia32_rdtsc() + offset;

    state_begin(writer, "TIME", 1);
    state_put(writer, &tsc, sizeof(tsc));
}

_Noreturn static void finish(struct guest *guest)
{
    struct state_writer *writer = &guest->vm->saving.writer;

    put_time(guest, writer);
    put_devices(guest->vm, writer);
    put_memory(writer);
    if (!state_finish(writer))
        guest_end(guest, END_UNHANDLED, "it does not fit into the %llu KiB that there are to save it to",
                  (unsigned long long)writer->room >> 10);
    guest_saved(writer->used);
}

void save_recalled(struct guest *guest)
{
    struct saving *saving = &guest->vm->saving;
    const uint32_t bit = 1u << guest->vcpu.number;
    struct state_vcpu vcpu;

    saving->arrived |= bit;
    save_look(guest);
    while (!all_here(guest->vm)) {
        lock_release();
        sys_vcpu_park();
        lock_take();
    }
    if (!saving->saved)
        begin(guest);
    state_read_vcpu(guest, &vcpu);
    state_put_vcpu(&saving->writer, guest->vcpu.number, &vcpu);
    saving->saved |= bit;
    if (saving->saved == saving->arrived)
        finish(guest);
    guest_park();
}
