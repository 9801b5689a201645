/* The run of a whole machine description: all VMs at once, one event loop. */
#include "vmm/root/machine.h"

#include <inttypes.h>
#include <stdlib.h>

#include <x86intrin.h>

#include "vmm/lib/error.h"
#include "vmm/lib/syscall.h"
#include "vmm/root/channel.h"
#include "vmm/root/console.h"
#include "vmm/root/dump.h"
#include "vmm/root/migrate.h"
#include "vmm/root/pause.h"
#include "vmm/root/result.h"
#include "vmm/root/screen.h"
#include "vmm/root/summary.h"
#include "vmm/root/trace.h"
#include "vmm/root/vm.h"

struct machine {
    const struct config *config;
    const struct machine_info *info;
    struct vm *vm;    /* config->vms of them */
    unsigned results; /* result lines of its own so far */
    struct tally tally;
    struct screen screen;
};

static void finish(struct machine *m, struct vm *vm)
{
    result_print(vm, ++m->results);
    m->tally.passed += vm->passed && !vm->skipped;
    m->tally.failed += !vm->passed;
    m->tally.skipped += vm->skipped;
    m->tally.results_passed += vm->results - vm->results_failed - vm->results_skipped - vm->known;
    m->tally.results_failed += vm->results_failed;
    m->tally.results_skipped += vm->results_skipped;
    m->tally.known += vm->known;
    if (vm->created && (m->config->trace || m->config->counters))
        counters_take(&vm->counters, vm->number);
    if (vm->created)
        vm_destroy(vm);
}

static void start(struct machine *m, struct vm *vm)
{
    if (vm->created)
        vm_start(vm);
    if (!vm->running)
        finish(m, vm);
}

static void start_all(struct machine *m)
{
    for (size_t i = 0; i < m->config->vms; i++)
        vm_create(&m->vm[i], &m->config->vm[i], m->info);
    for (size_t i = 0; i < m->config->channels; i++)
        channel_create(m->vm, &m->config->channel[i]);
    for (size_t i = 0; i < m->config->vms; i++) {
        m->vm[i].waits = m->vm[i].created && m->config->vm[i].after[0];
        if (!m->vm[i].waits)
            start(m, &m->vm[i]);
    }
}

/* Starts what had to wait for a VM that is done by now. */
static void start_next(struct machine *m)
{
    for (size_t i = 0; i < m->config->vms; i++) {
        struct vm *vm = &m->vm[i];

        if (!vm->waits || !m->vm[config_vm(m->config, vm->config->after) - m->config->vm].done)
            continue;
        vm->waits = false;
        start(m, vm);
    }
}

/*
 * Looks after every VM that runs, at its reports only or at its state, too; returns whether one of those that the machine waits
 * for still does.
 */
static bool look_after_all(struct machine *m, bool state)
{
    bool waiting = false;

    for (size_t i = 0; i < m->config->vms; i++) {
        struct vm *vm = &m->vm[i];

        if (!vm->running)
            continue;
        vm_drain(vm);
        if (state)
            vm_poll(vm);
        if (!vm->running && !vm_again(vm, m->info))
            finish(m, vm);
    }
    start_next(m);
    for (size_t i = 0; i < m->config->vms; i++)
        waiting = waiting || m->vm[i].waits || (m->vm[i].running && !m->config->vm[i].background);
    return waiting;
}

/* TSC at which the run is over; 0, never, where the kernel could not measure the TSC. */
static uint64_t deadline_tsc(const struct config *config, const struct machine_info *info)
{
    return info->tsc_hz ? __rdtsc() + config->timeout_s * info->tsc_hz : 0;
}

/* The earlier of two TSC deadlines; 0 = never. */
static uint64_t earlier(uint64_t a, uint64_t b) { return a && (!b || a < b) ? a : b; }

/* Saves each VM whose time has come; -> the TSC at which the next one's comes. */
static uint64_t save_due(struct machine *m)
{
    uint64_t next = 0;

    for (size_t i = 0; i < m->config->vms; i++) {
        struct vm *vm = &m->vm[i];
        uint64_t due = vm->started_tsc + vm->config->save_ms * (m->info->tsc_hz / 1000);

        if (!vm->running || !vm->config->save_ms || vm->saved.asked)
            continue;
        if (__rdtsc() >= due)
            vm_save(vm);
        else
            next = earlier(next, due);
    }
    return next;
}

/* What each has come to is taken of all of them before anything is printed: that takes its time. */
static void stop_all(struct machine *m)
{
    for (size_t i = 0; i < m->config->vms; i++)
        if (m->vm[i].running || m->vm[i].waits)
            vm_stop(&m->vm[i]);
    for (size_t i = 0; i < m->config->vms; i++)
        if (!m->vm[i].done)
            finish(m, &m->vm[i]);
}

/* People ask by a key on the serial line: `t` for the table, `d` for the vCPUs. A line that never falls silent is not listened
 * to for ever. */
static void answer(struct machine *m)
{
    enum { KEYS_AT_ONCE = 16 };
    bool table = false, vcpus = false;
    int64_t key;

    for (unsigned i = 0; i < KEYS_AT_ONCE && (key = sys_console_read()) >= 0; i++) {
        table = table || key == 't';
        vcpus = vcpus || key == 'd';
    }
    if (table) {
        look_after_all(m, true);
        summary_table(m->config, m->info, m->vm);
    }
    if (vcpus)
        dump_all(m->vm, m->config->vms);
}

/* Reports come often: they are no reason to ask the kernel for the state of each VM, unless somebody needs it now. */
static bool needs_state(const struct machine *m, int64_t event)
{
    return event != EVENT_REPORT || m->config->migrate || screen_is_due(&m->screen);
}

static void follow_all(struct machine *m, uint64_t deadline)
{
    int64_t result = 0;

    while (look_after_all(m, needs_state(m, result))) {
        uint64_t redraw = screen_update(&m->screen, m->vm);
        uint64_t move = migrate_all(m->config, m->vm, m->info), save = save_due(m);
        uint64_t pause = pause_all(m->config, m->vm, m->info);
        uint64_t next = earlier(earlier(deadline, save), earlier(redraw, earlier(move, pause)));

        answer(m);
        result = sys_event_wait(EVENT_REPORT | EVENT_VM_ENDED, next);
        if (result >= 0 || (result == -ABI_ETIME && (!deadline || __rdtsc() < deadline)))
            continue;
        if (result == -ABI_ETIME)
            console_line("# the machine's time is up: %" PRIu64 " seconds", m->config->timeout_s);
        else
            console_line("# the root task can't wait for events: %s", error_text(result));
        break;
    }
    stop_all(m);
}

/* Only now: it takes long, and nobody waits for it. */
static void write_out_saved(const struct machine *m)
{
    for (size_t i = 0; i < m->config->vms; i++)
        if (m->vm[i].saved.bytes)
            saved_write_out(&m->vm[i].saved, m->vm[i].config->name);
}

bool machine_run(const struct config *config, const struct machine_info *info)
{
    struct machine m = {.config = config, .info = info, .vm = calloc(config->vms, sizeof(struct vm))};

    if (!m.vm) {
        console_line("No memory for the description of %zu VMs.", config->vms);
        machine_refuse("memory");
        return false;
    }
    console_line("NESTOR BEGIN");
    console_line("KTAP version 1");
    console_line("1..%zu", config->vms);
    if (config->trace)
        trace_begin();
    screen_begin(&m.screen, config, info);
    start_all(&m);
    follow_all(&m, deadline_tsc(config, info));
    screen_end(&m.screen, m.vm);
    write_out_saved(&m);
    summary_print(config, info, m.vm, &m.tally);
    return m.tally.failed == 0;
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
