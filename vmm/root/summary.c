#include "vmm/root/summary.h"

#include <inttypes.h>

#include "vmm/lib/syscall.h"
#include "vmm/root/console.h"
#include "vmm/root/final.h"
#include "vmm/root/passport.h"
#include "vmm/root/result.h"
#include "vmm/root/trace.h"

void summary_table(const struct config *config, const struct machine_info *info, const struct vm *vm)
{
    double tsc_per_ms = info->tsc_hz ? (double)info->tsc_hz / 1000 : 1;

    console_line("# %-16s %-14s %9s %10s %9s %7s %7s", "VM", "end", "exits", "to monitor", "preempted", "pages",
                 "run ms");
    for (size_t i = 0; i < config->vms; i++) {
        const struct vm_status *s = &vm[i].status;
        char end[END_TEXT_BYTES] = "running";

        if (!vm[i].running)
            end_format(&vm[i].end, end);
        console_line("# %-16s %-14s %9" PRIu64 " %10" PRIu64 " %9" PRIu64 " %7" PRIu64 " %7.1f", config->vm[i].name,
                     vm[i].waits ? "waits" : end, s->exits, s->exits_monitor, s->preemptions, s->pages_peak,
                     (double)s->run_ticks / tsc_per_ms);
    }
}

static void print_large_pages(const struct config *config, const struct vm *vm)
{
    for (size_t i = 0; i < config->vms; i++)
        if (config->vm[i].large_pages)
            console_line("# large pages of %s: %" PRIu64 " x 2 MiB, %" PRIu64 " x 1 GiB", config->vm[i].name,
                         vm[i].status.mapped_2m, vm[i].status.mapped_1g);
}

static void print_migrations(const struct config *config, const struct vm *vm)
{
    for (size_t i = 0; config->migrate && i < config->vms; i++)
        console_line("# moved to another CPU: %s, %" PRIu64 " times", config->vm[i].name, vm[i].status.migrations);
}

static void print_pauses(const struct config *config, const struct vm *vm, struct tally *tally)
{
    for (size_t i = 0; config->pause && i < config->vms; i++) {
        console_line("# pauses of %s: %" PRIu64, config->vm[i].name, vm[i].pauses);
        tally->failed += vm[i].pauses_broken > 0;
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
static void print_memory(const struct config *config, const struct vm *vm, struct tally *tally)
{
    if (config->vms != 1 || config->vm->repeat < 3)
        return;
    console_line("# %" PRIu64 " KiB were free after the first runs, %" PRIu64 " KiB after the last",
                 vm->free_early >> 10, vm->free_now >> 10);
    if (vm->free_early != vm->free_now) {
        console_line("# the machine has lost memory: this is a failure");
        tally->failed++;
    }
}

static void print_verdict(const struct config *config, const struct vm *vm, const struct tally *tally)
{
    bool one = config->vms == 1;

    console_line("# All results: %u passed, %u failed, %u skipped, %u known differences", tally->results_passed,
                 tally->results_failed, tally->results_skipped, tally->known);
    console_line("# %u passed, %u failed, %u skipped", tally->passed, tally->failed, tally->skipped);
    console_line("NESTOR END %s", tally->failed ? "fail" : "pass");
    console_line("%u of %zu VM%s did what %s meant to do.", tally->passed + tally->skipped, config->vms, one ? "" : "s",
                 one ? "it was" : "they were");
    for (size_t i = 0; i < config->vms; i++)
        if (!vm[i].passed)
            console_line("Not so: %s", config->vm[i].name);
}

static void draw_final(const struct machine_info *info, const struct tally *tally)
{
    char passport[PASSPORT_ID_BYTES], platform[SCREEN_COLUMNS];

    passport_id(info, passport);
    passport_platform(info, platform, sizeof(platform));
    final_draw(&(struct final){
        .tally = *tally,
        .failures = result_failures(),
        .failure = result_failure,
        .passport = passport,
        .platform = platform,
    });
}

void summary_print(const struct config *config, const struct machine_info *info, const struct vm *vm,
                   struct tally *tally)
{
    summary_table(config, info, vm);
    print_large_pages(config, vm);
    print_migrations(config, vm);
    print_pauses(config, vm, tally);
    print_first_entry();
    print_memory(config, vm, tally);
    if (config->counters)
        counters_print(vm, config->vms);
    if (config->trace)
        trace_dump(vm, config->vms);
    print_verdict(config, vm, tally);
    if (config->screen == CONFIG_SCREEN_LIVE)
        draw_final(info, tally);
}
