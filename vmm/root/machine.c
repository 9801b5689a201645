/* The run of a whole machine description: all VMs at once, one event loop. */
#include "vmm/root/machine.h"

#include <inttypes.h>
#include <stdlib.h>

#include <x86intrin.h>

#include "vmm/lib/error.h"
#include "vmm/lib/syscall.h"
#include "vmm/root/channel.h"
#include "vmm/root/console.h"
#include "vmm/root/result.h"
#include "vmm/root/vm.h"

struct machine {
    const struct config *config;
    struct vm *vm;    /* config->vms of them */
    unsigned results; /* result lines so far */
    unsigned passed, failed, skipped;
};

static void finish(struct machine *m, struct vm *vm)
{
    result_print(vm, ++m->results);
    m->passed += vm->passed && !vm->skipped;
    m->failed += !vm->passed;
    m->skipped += vm->skipped;
    if (vm->created)
        vm_destroy(vm);
}

static void start_all(struct machine *m, const struct machine_info *info)
{
    for (size_t i = 0; i < m->config->vms; i++)
        vm_create(&m->vm[i], &m->config->vm[i], info);
    for (size_t i = 0; i < m->config->channels; i++)
        channel_create(m->vm, &m->config->channel[i]);
    for (size_t i = 0; i < m->config->vms; i++) {
        if (m->vm[i].created)
            vm_start(&m->vm[i]);
        if (!m->vm[i].running)
            finish(m, &m->vm[i]);
    }
}

/* Looks after every VM that runs; returns whether one of those that the machine waits for still does. */
static bool look_after_all(struct machine *m)
{
    bool waiting = false;

    for (size_t i = 0; i < m->config->vms; i++) {
        struct vm *vm = &m->vm[i];

        if (!vm->running)
            continue;
        vm_drain(vm);
        vm_poll(vm);
        if (!vm->running)
            finish(m, vm);
        waiting = waiting || (vm->running && !vm->config->background);
    }
    return waiting;
}

/* TSC at which the run is over; 0, never, where the kernel could not measure the TSC. */
static uint64_t deadline_tsc(const struct config *config, const struct machine_info *info)
{
    return info->tsc_hz ? __rdtsc() + config->timeout_s * info->tsc_hz : 0;
}

static void follow_all(struct machine *m, uint64_t deadline)
{
    while (look_after_all(m)) {
        int64_t result = sys_event_wait(EVENT_REPORT | EVENT_VM_ENDED, deadline);

        if (result >= 0)
            continue;
        if (result == -ABI_ETIME)
            console_line("# the machine's time is up: %" PRIu64 " seconds", m->config->timeout_s);
        else
            console_line("# the root task can't wait for events: %s", error_text(result));
        break;
    }
    for (size_t i = 0; i < m->config->vms; i++) {
        if (!m->vm[i].running)
            continue;
        vm_stop(&m->vm[i]);
        finish(m, &m->vm[i]);
    }
}

static void print_table(const struct machine *m)
{
    console_line("# %-20s %-14s %10s %10s %12s %10s", "VM", "end", "exits", "to monitor", "preemptions", "pages");
    for (size_t i = 0; i < m->config->vms; i++) {
        const struct vm *vm = &m->vm[i];
        const struct vm_status *s = &vm->status;
        char end[END_TEXT_BYTES];

        end_format(&vm->end, end);
        console_line("# %-20s %-14s %10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %10" PRIu64, vm->config->name, end,
                     s->exits, s->exits_monitor, s->preemptions, s->pages_peak);
    }
}

static void print_first_entry(void)
{
    struct machine_info info;

    if (sys_machine_info(&info) >= 0 && info.first_entry_tsc)
        console_line("# first guest instruction %" PRIu64 " TSC ticks after kernel entry",
                     info.first_entry_tsc - info.boot_tsc);
}

static void print_verdict(const struct machine *m)
{
    bool one = m->config->vms == 1;

    console_line("# %u passed, %u failed, %u skipped", m->passed, m->failed, m->skipped);
    console_line("NESTOR END %s", m->failed ? "fail" : "pass");
    console_line("%u of %zu VM%s did what %s meant to do.", m->passed + m->skipped, m->config->vms, one ? "" : "s",
                 one ? "it was" : "they were");
    for (size_t i = 0; i < m->config->vms; i++)
        if (!m->vm[i].passed)
            console_line("Not so: %s", m->vm[i].config->name);
}

bool machine_run(const struct config *config, const struct machine_info *info)
{
    struct machine m = {.config = config, .vm = calloc(config->vms, sizeof(struct vm))};

    if (!m.vm) {
        console_line("No memory for the description of %zu VMs.", config->vms);
        machine_refuse("memory");
        return false;
    }
    console_line("NESTOR BEGIN");
    console_line("KTAP version 1");
    console_line("1..%zu", config->vms);
    start_all(&m, info);
    follow_all(&m, deadline_tsc(config, info));
    print_table(&m);
    print_first_entry();
    print_verdict(&m);
    return m.failed == 0;
}

void machine_refuse(const char *what)
{
    console_line("NESTOR BEGIN");
    console_line("KTAP version 1");
    console_line("1..1");
    console_line("not ok 1 %s", what);
    console_line("# 0 passed, 1 failed, 0 skipped");
    console_line("NESTOR END fail");
    console_line("The machine did not begin: see the lines above NESTOR BEGIN.");
}
