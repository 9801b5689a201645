#include "vmm/root/trace.h"

#include <inttypes.h>
#include <string.h>

#include <x86intrin.h>

#include "vmm/lib/error.h"
#include "vmm/lib/syscall.h"
#include "vmm/root/console.h"
#include "vmm/root/vm.h"

enum { PIECE = 32, WIDTH = 200 };

void trace_begin(void)
{
    int64_t result = sys_trace_start();

    if (result < 0)
        console_line("# no long trace: %s", error_text(result));
}

/* Whether one of the VMs before this one had such an exit, so that its name is told already. */
static bool is_named(const struct vm *vm, size_t before, uint64_t reason)
{
    for (size_t i = 0; i < before; i++)
        for (unsigned c = 0; c < vm[i].counters.n; c++)
            if (vm[i].counters.row[c].reason == reason)
                return true;
    return false;
}

/* What the records mean: which VM had which number since when, and what the exit reasons that occur are called. */
static void dump_names(const struct vm *vm, size_t vms)
{
    for (size_t i = 0; i < vms; i++)
        if (vm[i].created_tsc)
            console_serial_line("# trace vm %" PRIu32 " from %" PRIx64 " ran %" PRIu64 " %s", vm[i].number,
                                vm[i].created_tsc, vm[i].status.run_ticks, vm[i].config->name);
    for (size_t i = 0; i < vms; i++)
        for (unsigned c = 0; c < vm[i].counters.n; c++)
            if (!is_named(vm, i, vm[i].counters.row[c].reason))
                console_serial_line("# trace exit %" PRIx64 " %s", vm[i].counters.row[c].reason,
                                    vm[i].counters.row[c].name);
}

/* Lines are made to be read each by itself: the first record of a line says all. */
struct dump_line {
    uint32_t pcpu;
    size_t used;
    uint64_t start; /* TSC of its first record */
    struct trace_record before;
    char text[WIDTH + TRACE_TEXT_BYTES];
};

static void line_flush_dump(struct dump_line *line)
{
    if (line->used)
        console_serial_line("# trace %" PRIu32 " %" PRIx64 "%s", line->pcpu, line->start, line->text);
    line->used = 0;
}

static void line_add(struct dump_line *line, const struct trace_record *record)
{
    if (line->used == 0)
        line->start = record->tsc;
    line->text[line->used] = ' ';
    line->used += 1 + trace_format(line->text + line->used + 1, record, line->used ? &line->before : NULL);
    line->before = *record;
    if (line->used > WIDTH)
        line_flush_dump(line);
}

/* Records that are made while we print are left out, or there would be no end. */
static void dump_pcpu(uint32_t pcpu, uint64_t until)
{
    struct trace_record record[PIECE];
    struct dump_line line = {.pcpu = pcpu};
    uint64_t expected = 0, from = 0;
    int64_t n;

    while ((n = sys_trace_read(pcpu, &from, record, PIECE)) > 0) {
        if (from != expected)
            console_serial_line("# trace lost %" PRIu32 " %" PRIu64, pcpu, from - expected);
        for (int64_t i = 0; i < n && record[i].tsc <= until; i++)
            line_add(&line, &record[i]);
        if (record[n - 1].tsc > until)
            break;
        expected = from += (uint64_t)n;
    }
    line_flush_dump(&line);
}

void trace_dump(const struct vm *vm, size_t vms)
{
    static struct machine_info info;
    uint64_t until = __rdtsc();

    if (sys_machine_info(&info) < 0)
        return;
    console_line("# the trace goes to the serial line: docs/trace.md");
    console_serial_line("# trace begin 1 tsc_hz %" PRIu64 " pcpus %" PRIu32, info.tsc_hz, info.pcpus);
    dump_names(vm, vms);
    for (uint32_t pcpu = 0; pcpu < info.pcpus; pcpu++)
        dump_pcpu(pcpu, until);
    console_serial_line("# trace end");
}
