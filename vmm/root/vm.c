/* A VM as the root task follows it: from its section in the config to its end. */
#include "vmm/root/vm.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <x86intrin.h>

#include "vmm/lib/error.h"
#include "vmm/lib/syscall.h"
#include "vmm/root/console.h"
#include "vmm/root/difference.h"
#include "vmm/root/module.h"

/* ---- Creation --------------------------------------------------------------------------------------------- */

/* The image, or the file that it goes on from. */
static bool find_content(struct vm *vm, struct vm_spec *spec)
{
    const struct vm_config *config = vm->config;

    if (vm->saved.bytes) {
        spec->state = saved_window(vm->saved.buffer, vm->saved.bytes);
        return true;
    }
    if (config->state[0] && !saved_find(&vm->saved, config->state, vm->reason, sizeof(vm->reason)))
        return false;
    if (config->state[0]) {
        spec->state = saved_window(vm->saved.module, vm->saved.module_bytes);
        return true;
    }
    spec->modules = 1;
    if (module_find(config->image, &spec->module[0]))
        return true;
    snprintf(vm->reason, sizeof(vm->reason), "there is no module `%s`", config->image);
    return false;
}

/* Where it is to be saved to, if it is and has not been. */
static bool find_room(struct vm *vm, struct vm_spec *spec)
{
    if (!vm->config->save_ms || vm->saved.bytes)
        return true;
    if (!saved_prepare(&vm->saved, vm->config)) {
        snprintf(vm->reason, sizeof(vm->reason), "there is no memory to save it to");
        return false;
    }
    spec->save = saved_window(vm->saved.buffer, vm->saved.room);
    return true;
}

/* The content of TASK_ARGS. */
static void make_args(const struct vm *vm, const struct vm_spec *spec, void *page)
{
    const struct vm_config *config = vm->config;
    struct monitor_args args = {
        .memory_bytes = config->memory_bytes,
        .kind = config->kind,
        .vcpus = (uint32_t)config->vcpus,
        .bad_hypercall_kills = config->bad_hypercall_kills,
        .state_bytes = vm->saved.bytes ? vm->saved.bytes : vm->saved.module_bytes,
        .save_bytes = spec->save.bytes,
        .lab = config->lab,
        .expect = config->expect.kind,
    };

    memcpy(args.name, config->name, sizeof(args.name));
    memcpy(args.not_run, difference_not_run(), sizeof(args.not_run));
    memcpy(args.guest_args, config->args, sizeof(args.guest_args));
    snprintf(args.state_name, sizeof(args.state_name), "%s", vm->saved.bytes ? config->name : config->state);
    memcpy(page, &args, sizeof(args));
}

static void create(struct vm *vm, const struct machine_info *info)
{
    static _Alignas(4096) char page[4096]; /* becomes the monitor's TASK_ARGS */
    const struct vm_config *config = vm->config;
    struct vm_spec spec = {
        .memory_bytes = config->memory_bytes,
        .quota_pages = config->quota_pages,
        .large_pages = config->large_pages,
        .lab = config->lab,
        .vcpus = (uint32_t)config->vcpus,
        .timeslice_us = (uint32_t)config->timeslice_us,
        .pin = config->pinned ? (uint32_t)config->pin + 1 : 0,
        .args = (uintptr_t)page,
    };
    uint64_t created_tsc;
    int64_t result;

    if (config->pinned && config->pin >= info->pcpus) {
        snprintf(vm->reason, sizeof(vm->reason), "pin = %" PRIu64 ", but the highest CPU in use is %" PRIu32,
                 config->pin, info->pcpus - 1);
        return;
    }
    if (!find_content(vm, &spec) || !find_room(vm, &spec))
        return;
    memcpy(spec.name, config->name, sizeof(spec.name));
    make_args(vm, &spec, page);
    created_tsc = __rdtsc();
    result = sys_vm_create(&spec);
    if (result < 0 || result >= MAX_VMS) {
        snprintf(vm->reason, sizeof(vm->reason), "the kernel can't create it: %s", error_text(result));
        return;
    }
    vm->created = true;
    vm->created_tsc = created_tsc;
    vm->number = (uint32_t)result;
    report_reader_init(&vm->reader, (struct report_ring *)(TASK_REPORTS + (uint64_t)vm->number * 4096));
}

void vm_create(struct vm *vm, const struct vm_config *config, const struct machine_info *info)
{
    *vm = (struct vm){.config = config,
                      .runs = vm->runs,
                      .restarts = vm->restarts,
                      .pauses_broken = vm->pauses_broken,
                      .free_early = vm->free_early,
                      .free_now = vm->free_now,
                      .saved = saved_anew(&vm->saved)};
    create(vm, info);
}

void vm_refuse(struct vm *vm, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(vm->reason, sizeof(vm->reason), format, list);
    va_end(list);
    vm_destroy(vm);
}

void vm_start(struct vm *vm)
{
    int64_t result = sys_vm_start(vm->number);

    vm->running = vm->was_started = result >= 0;
    vm->started_tsc = __rdtsc();
    if (vm->running)
        return;
    vm_refuse(vm, "the kernel can't start it: %s", error_text(result));
}

/* ---- Its end ---------------------------------------------------------------------------------------------- */

/* How it ended by what the kernel knows; for a plain exit the monitor's own word stands. */
static void vm_judge_end(struct vm *vm)
{
    const struct vm_status *s = &vm->status;

    switch ((enum vm_end)s->end) {
    case VM_END_EXIT:
        if (vm->end.kind == END_NONE)
            snprintf(vm->reason, sizeof(vm->reason), "its monitor exited with status %" PRId64 " without a word",
                     s->status);
        break;
    case VM_END_MONITOR_FAULT:
        vm->end = (struct end){END_MONITOR_FAULT, 0};
        snprintf(vm->reason, sizeof(vm->reason), "its monitor faulted: vector %" PRId64 ", address 0x%" PRIx64,
                 s->status, s->address);
        break;
    case VM_END_NO_MEMORY:
        vm->end = (struct end){END_NO_MEMORY, 0};
        break;
    default:
        vm->end = (struct end){END_NONE, 0};
        snprintf(vm->reason, sizeof(vm->reason), "the kernel ended it: reason %" PRIu32 ", status %" PRId64, s->end,
                 s->status);
        break;
    }
    if (vm->end.kind == END_NO_MEMORY) /* seen by the kernel, or told by the monitor */
        snprintf(vm->reason, sizeof(vm->reason), "out of memory: it owned %" PRIu64 " pages, its quota is %" PRIu64,
                 s->pages_peak, vm->config->quota_pages);
}

void vm_want(struct vm *vm, uint32_t wanted)
{
    vm->reader.ring->wanted |= wanted;
    sys_vm_recall(vm->number);
}

void vm_save(struct vm *vm)
{
    vm->saved.asked = true;
    vm_want(vm, WANTED_SAVE);
}

void vm_poll(struct vm *vm)
{
    if (sys_vm_status(vm->number, &vm->status) < 0 || vm->status.state != VM_ENDED)
        return;
    vm_drain(vm);
    vm->running = false;
    vm_judge_end(vm);
}

void vm_stop(struct vm *vm)
{
    vm_drain(vm);
    sys_vm_status(vm->number, &vm->status);
    vm->running = false;
    vm->end = (struct end){END_RUNNING, 0};
    snprintf(vm->reason, sizeof(vm->reason), "it still ran: %" PRIu64 " exits, %" PRIu64 " of them to its monitor",
             vm->status.exits, vm->status.exits_monitor);
}

void vm_destroy(struct vm *vm)
{
    while (sys_vm_destroy(vm->number) == -ABI_EAGAIN) /* its vCPUs have to leave their pCPUs first */
        sys_yield();
    vm->created = false;
    vm->running = false;
}

/* ---- More than one life ----------------------------------------------------------------------------------- */

static bool ended_well(const struct vm *vm) { return end_equal(&vm->end, &vm->config->expect); }

static void forget_run(struct vm *vm)
{
    for (size_t i = 0; i < vm->tests && i < VM_TESTS_MAX; i++)
        free((char *)(uintptr_t)vm->test[i]);
    free(vm->test);
    free(vm->printed);
}

/* What is free between two lives, once root's own memory has settled. */
static void note_free_memory(struct vm *vm)
{
    enum { SETTLED = 2 };
    struct machine_info info;

    if (sys_machine_info(&info) < 0)
        return;
    vm->free_now = info.memory_free;
    if (vm->runs <= SETTLED)
        vm->free_early = info.memory_free;
}

/* It has been saved, and goes on from that: for what it has said and done so far it is the same VM. */
static bool go_on(struct vm *vm, const struct machine_info *info)
{
    vm_destroy(vm);
    vm->saved.gone_on = true;
    vm->end = (struct end){END_NONE, 0};
    vm->reason[0] = 0;
    create(vm, info);
    if (vm->created)
        vm_start(vm);
    return vm->running;
}

bool vm_again(struct vm *vm, const struct machine_info *info)
{
    bool well = ended_well(vm);

    if (vm->saved.bytes && !vm->saved.gone_on)
        return go_on(vm, info);
    vm->runs += well;
    if (well ? vm->runs >= vm->config->repeat : vm->restarts >= vm->config->restarts)
        return false;
    if (!well) {
        vm->restarts++;
        console_line("# %s: started again, time %" PRIu64 " of %" PRIu64 ": %s", vm->config->name, vm->restarts,
                     vm->config->restarts, vm->reason);
    }
    vm_destroy(vm);
    forget_run(vm);
    note_free_memory(vm);
    vm_create(vm, vm->config, info);
    if (vm->created)
        vm_start(vm);
    return vm->running;
}
