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
#include "vmm/root/final.h"
#include "vmm/root/migrate.h"
#include "vmm/root/passport.h"
#include "vmm/root/pause.h"
#include "vmm/root/result.h"
#include "vmm/root/screen.h"
#include "vmm/root/trace.h"
#include "vmm/root/vm.h"

struct machine {
    const struct config *config;
    const struct machine_info *info;
    struct vm *vm;    /* config->vms of them */
    unsigned results; /* result lines so far */
    unsigned passed, failed, skipped;
    unsigned results_of_vms, results_failed, results_skipped, known; /* of all VMs */
    struct screen screen;
};

static void finish(struct machine *m, struct vm *vm)
{
    result_print(vm, ++m->results);
    m->passed += vm->passed && !vm->skipped;
    m->failed += !vm->passed;
    m->skipped += vm->skipped;
    m->results_of_vms += vm->results;
    m->results_failed += vm->results_failed;
    m->results_skipped += vm->results_skipped;
    m->known += vm->known;
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

/* Of all VMs, as they are now. */
static void print_table(const struct machine *m)
{
    double tsc_per_ms = m->info->tsc_hz ? (double)m->info->tsc_hz / 1000 : 1;

    console_line("# %-16s %-14s %9s %10s %9s %7s %7s", "VM", "end", "exits", "to monitor", "preempted", "pages", "run ms");
    for (size_t i = 0; i < m->config->vms; i++) {
        const struct vm *vm = &m->vm[i];
        const struct vm_status *s = &vm->status;
        char end[END_TEXT_BYTES] = "running";

        if (!vm->running)
            end_format(&vm->end, end);
        console_line("# %-16s %-14s %9" PRIu64 " %10" PRIu64 " %9" PRIu64 " %7" PRIu64 " %7.1f", vm->config->name,
                     vm->waits ? "waits" : end, s->exits, s->exits_monitor, s->preemptions, s->pages_peak,
                     (double)s->run_ticks / tsc_per_ms);
    }
}

/* People ask by a key on the serial line: `t` for the table, `d` for the vCPUs. A line that never falls silent is not listened
 * to for ever. */
static void answer(const struct machine *m)
{
    enum { KEYS_AT_ONCE = 16 };
    bool table = false, vcpus = false;
    int64_t key;

    for (unsigned i = 0; i < KEYS_AT_ONCE && (key = sys_console_read()) >= 0; i++) {
        table = table || key == 't';
        vcpus = vcpus || key == 'd';
    }
    if (table)
        print_table(m);
    if (vcpus)
        dump_all(m->vm, m->config->vms);
}

static void follow_all(struct machine *m, uint64_t deadline)
{
    while (look_after_all(m)) {
        uint64_t redraw = screen_update(&m->screen, m->vm);
        uint64_t move = migrate_all(m->config, m->vm, m->info), save = save_due(m);
        uint64_t pause = pause_all(m->config, m->vm, m->info);
        uint64_t next = earlier(earlier(deadline, save), earlier(redraw, earlier(move, pause)));
        int64_t result;

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

static void print_large_pages(const struct machine *m)
{
    for (size_t i = 0; i < m->config->vms; i++)
        if (m->config->vm[i].large_pages)
            console_line("# large pages of %s: %" PRIu64 " x 2 MiB, %" PRIu64 " x 1 GiB", m->vm[i].config->name,
                         m->vm[i].status.mapped_2m, m->vm[i].status.mapped_1g);
}

static void print_migrations(const struct machine *m)
{
    for (size_t i = 0; m->config->migrate && i < m->config->vms; i++)
        console_line("# moved to another CPU: %s, %" PRIu64 " times", m->vm[i].config->name, m->vm[i].status.migrations);
}

static void print_pauses(struct machine *m)
{
    for (size_t i = 0; m->config->pause && i < m->config->vms; i++) {
        console_line("# pauses of %s: %" PRIu64, m->vm[i].config->name, m->vm[i].pauses);
        m->failed += m->vm[i].pauses_broken > 0;
    }
}

static void print_first_entry(void)
{
    struct machine_info info;

    if (sys_machine_info(&info) >= 0 && info.first_entry_tsc)
        console_line("# first guest instruction %" PRIu64 " TSC ticks after kernel entry",
                     info.first_entry_tsc - info.boot_tsc);
}

/* A machine with one VM that ran many times has to have all memory back each time. */
static void print_memory(struct machine *m)
{
    const struct vm *vm = m->vm;

    if (m->config->vms != 1 || vm->config->repeat < 3)
        return;
    console_line("# %" PRIu64 " KiB were free after the first runs, %" PRIu64 " KiB after the last", vm->free_early >> 10,
                 vm->free_now >> 10);
    if (vm->free_early != vm->free_now) {
        console_line("# the machine has lost memory: this is a failure");
        m->failed++;
    }
}

static unsigned results_passed(const struct machine *m)
{
    return m->results_of_vms - m->results_failed - m->results_skipped - m->known;
}

static void print_verdict(const struct machine *m)
{
    bool one = m->config->vms == 1;

    console_line("# All results: %u passed, %u failed, %u skipped, %u known differences",
                 results_passed(m), m->results_failed, m->results_skipped, m->known);
    console_line("# %u passed, %u failed, %u skipped", m->passed, m->failed, m->skipped);
    console_line("NESTOR END %s", m->failed ? "fail" : "pass");
    console_line("%u of %zu VM%s did what %s meant to do.", m->passed + m->skipped, m->config->vms, one ? "" : "s",
                 one ? "it was" : "they were");
    for (size_t i = 0; i < m->config->vms; i++)
        if (!m->vm[i].passed)
            console_line("Not so: %s", m->vm[i].config->name);
}

static void draw_final(const struct machine *m)
{
    char passport[PASSPORT_ID_BYTES], platform[SCREEN_COLUMNS];

    passport_id(m->info, passport);
    passport_platform(m->info, platform, sizeof(platform));
    final_draw(&(struct final){
        .pass = m->failed == 0,
        .vms_passed = m->passed,
        .vms_failed = m->failed,
        .vms_skipped = m->skipped,
        .results_passed = results_passed(m),
        .results_failed = m->results_failed,
        .results_skipped = m->results_skipped,
        .known = m->known,
        .failures = result_failures(),
        .failure = result_failure,
        .passport = passport,
        .platform = platform,
    });
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
    print_table(&m);
    print_large_pages(&m);
    print_migrations(&m);
    print_pauses(&m);
    print_first_entry();
    print_memory(&m);
    if (config->counters)
        counters_print(m.vm, config->vms);
    if (config->trace)
        trace_dump(m.vm, config->vms);
    print_verdict(&m);
    if (config->screen == CONFIG_SCREEN_LIVE)
        draw_final(&m);
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
