/* How the rows of the live screen look. Pure C. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vmm/root/config.h"
#include "vmm/root/screen.h"
#include "vmm/root/vm.h"

enum { TITLE = ROW_BLUE << 4 | ROW_WHITE };

/* Where the columns are; a negative width means to the left. */
static const struct column {
    unsigned at;
    int width;
    const char *name;
} columns[] = {{0, -17, "VM"},  {18, -13, "state"}, {32, -5, "CPU"},  {37, 10, "exits"}, {48, 8, "exits/s"},
               {57, 5, "run%"}, {63, 6, "lines"},   {70, 5, "tests"}, {76, -4, ""}};
enum { NAME, STATE, CPU, EXITS, RATE, RUN, LINES, TESTS, VERDICT, COLUMNS };

static void put_text(screen_row row, unsigned column, unsigned attribute, const char *text)
{
    const struct column *c = &columns[column];
    unsigned width = (unsigned)(c->width < 0 ? -c->width : c->width);

    row_put(row, c->at, c->at + width, attribute, "%*s", c->width, text);
}

/* In thousands, millions, ... where it does not fit as it is. */
static void put_number(screen_row row, unsigned column, unsigned attribute, uint64_t number)
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P", "E"};
    const char *const *unit = units;
    char text[24];
    int length = snprintf(text, sizeof(text), "%" PRIu64, number);

    while (length > columns[column].width) {
        number /= 1000;
        length = snprintf(text, sizeof(text), "%" PRIu64 "%s", number, *++unit);
    }
    put_text(row, column, attribute, text);
}

void screen_title(screen_row row, const struct screen *screen, const struct vm *vm, uint64_t now)
{
    const char *backend = screen->info->backend == BACKEND_VMX ? "VMX" : "SVM";
    uint64_t tenths = (now - screen->start) / (screen->info->tsc_hz / 10);
    size_t vms = screen->config->vms, done = 0, failed = 0;
    char text[SCREEN_COLUMNS + 1];
    int used;

    for (size_t i = 0; i < vms; i++) {
        done += vm[i].done;
        failed += vm[i].done && !vm[i].passed;
    }
    row_clear(row, TITLE);
    row_put(row, 1, SCREEN_COLUMNS, TITLE, "Nestor  %.28s", screen->config->name);
    used = snprintf(text, sizeof(text), "%s, %" PRIu32 " CPU%s   %" PRIu64 ".%" PRIu64 " s   %zu of %zu done", backend,
                    screen->info->pcpus, screen->info->pcpus == 1 ? "" : "s", tenths / 10, tenths % 10, done, vms);
    if (failed)
        used += snprintf(text + used, sizeof(text) - (size_t)used, ", %zu failed", failed);
    row_put(row, (unsigned)(SCREEN_COLUMNS - 1 - used), SCREEN_COLUMNS, TITLE, "%s", text);
}

void screen_head(screen_row row)
{
    row_clear(row, ROW_CYAN);
    for (unsigned i = 0; i < COLUMNS; i++)
        put_text(row, i, ROW_CYAN, columns[i].name);
}

/* What a vCPU does, in the order of rank. */
static const struct {
    enum vcpu_state state;
    const char *text;
    unsigned attribute;
} ranks[] = {
    {VCPU_STATE_GUEST, "in guest", ROW_LIGHT_GREEN}, {VCPU_STATE_MONITOR, "in monitor", ROW_LIGHT_CYAN},
    {VCPU_STATE_READY, "ready", ROW_YELLOW},         {VCPU_STATE_BLOCKED, "asleep", ROW_DARK_GREY},
    {VCPU_STATE_PAUSED, "paused", ROW_YELLOW},       {VCPU_STATE_NEW, "new", ROW_DARK_GREY},
    {VCPU_STATE_DEAD, "ending", ROW_DARK_GREY},
};

enum { RANKS = sizeof(ranks) / sizeof(ranks[0]) };

const char *screen_state_name(enum vcpu_state state)
{
    for (size_t r = 0; r < RANKS; r++)
        if (ranks[r].state == state)
            return ranks[r].text;
    return "unknown";
}

/* The state of the vCPU that does most. */
static void put_state(screen_row row, const struct vm_status *s)
{
    for (size_t r = 0; r < RANKS; r++)
        for (uint32_t i = 0; i < s->vcpus && i < MAX_VCPUS_PER_VM; i++)
            if (s->vcpu[i].state == ranks[r].state) {
                put_text(row, STATE, ranks[r].attribute, ranks[r].text);
                return;
            }
}

/* The pCPUs of its vCPUs, as many as there is room for. */
static void put_cpus(screen_row row, const struct vm_status *s)
{
    char text[64] = "";
    size_t used = 0, width = (size_t)-columns[CPU].width;

    for (uint32_t i = 0; i < s->vcpus && i < MAX_VCPUS_PER_VM && used < width; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, i ? ",%u" : "%u", s->vcpu[i].pcpu);
    if (used > width || (used == width && s->vcpus > 1))
        text[width - 1] = '+';
    put_text(row, CPU, ROW_GREY, text);
}

void screen_vm(screen_row row, const struct vm *vm, const struct screen_before *before, uint64_t ticks, uint64_t tsc_hz)
{
    const struct vm_status *s = &vm->status;
    char end[END_TEXT_BYTES];

    row_clear(row, ROW_GREY);
    put_text(row, NAME, vm->done ? ROW_GREY : ROW_WHITE, vm->config->name);
    if (vm->done || !vm->running) {
        end_format(&vm->end, end);
        put_text(row, STATE, ROW_GREY, vm->was_started ? end : "not started");
    } else {
        put_state(row, s);
        put_cpus(row, s);
        if (ticks) {
            put_number(row, RATE, ROW_GREY,
                       (uint64_t)((double)(s->exits - before->exits) * (double)tsc_hz / (double)ticks));
            put_number(row, RUN, ROW_GREY, (s->run_ticks - before->run_ticks) * 100 / ticks);
        }
    }
    put_number(row, EXITS, ROW_GREY, s->exits);
    put_number(row, LINES, ROW_GREY, vm->lines);
    put_number(row, TESTS, ROW_GREY, vm->tests);
    if (vm->done)
        put_text(row, VERDICT, vm->passed ? ROW_LIGHT_GREEN : ROW_LIGHT_RED,
                 !vm->passed   ? "FAIL"
                 : vm->skipped ? "skip"
                               : "ok");
}

void screen_rule(screen_row row, size_t hidden)
{
    row_rule(row, ROW_DARK_GREY);
    if (hidden)
        row_put(row, 2, SCREEN_COLUMNS, ROW_CYAN, " and %zu more ", hidden);
}

size_t screen_choose(const struct vm *vm, size_t vms, size_t chosen[SCREEN_VMS])
{
    size_t running = 0, n = 0, others;

    for (size_t i = 0; i < vms; i++)
        running += !vm[i].done;
    others = running < SCREEN_VMS ? SCREEN_VMS - running : 0;
    for (size_t i = 0; i < vms && n < SCREEN_VMS; i++) {
        if (vm[i].done && others == 0)
            continue;
        others -= vm[i].done;
        chosen[n++] = i;
    }
    return n;
}
