/* What every handler may do with the guest. */
#include "vmm/monitor/guest.h"

#include <stdarg.h>
#include <stdio.h>
#include <x86intrin.h>

#include "vmm/lab/lab.h"
#include "vmm/lib/error.h"
#include "vmm/lib/report.h"
#include "vmm/lib/syscall.h"
#include "vmm/lib/task.h"
#include "vmm/monitor/lock.h"
#include "vmm/monitor/registers.h"
#include "vmm/monitor/x86.h"

/* Sleeps, so that pCPUs that wait for the root task do not hinder it. Another vCPU of this VM may be the one that can. */
static void report_wait(void)
{
    enum { TICKS = 5000 };

    sys_event_signal(EVENT_REPORT);
    if (sys_event_wait(0, __rdtsc() + TICKS) == -ABI_EBUSY)
        sys_yield();
}

static void report_signal(void) { sys_event_signal(EVENT_REPORT); }

static struct report_writer report = {(struct report_ring *)TASK_REPORT, 0, report_wait, report_signal};

void guest_note(const char *format, ...)
{
    char text[REPORT_LINE + 1];
    va_list list;
    int used;

    va_start(list, format);
    used = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    report_put(&report, REPORT_NOTE, text, used < REPORT_LINE ? (size_t)used : REPORT_LINE);
}

void guest_console_line(const char *text, size_t bytes, bool whole)
{
    report_put(&report, whole ? REPORT_CONSOLE : REPORT_PART, text, bytes);
}

void guest_saved(uint64_t bytes)
{
    char text[24];

    report_put(&report, REPORT_STATE, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes));
    sys_task_exit(0);
}

bool guest_is_wanted(uint32_t wanted)
{
    bool is = (report.ring->wanted & wanted) != 0;

    report.ring->wanted &= ~wanted;
    return is;
}

/* Results are printed when the guest is done: nobody waits for one. */
void guest_test_line(const char *text, size_t bytes) { report_add(&report, REPORT_TEST, text, bytes); }

/* The reader takes a record when it is done with the one before. */
void guest_test_begin(const char *text, size_t bytes)
{
    report_add(&report, REPORT_BEGIN, text, bytes);
    report_add(&report, REPORT_NOTHING, "", 0);
    while (report.ring->head != report.tail)
        report_wait();
}

static void note_emit(const char *text, size_t bytes, bool whole)
{
    (void)whole;
    report_put(&report, REPORT_NOTE, text, bytes);
}

/* What the monitor itself prints (newlib's abort messages) becomes notes. */
void task_print(const char *text, size_t bytes)
{
    static struct line line = {.emit = note_emit};

    for (size_t i = 0; i < bytes; i++)
        line_put(&line, text[i]);
}

/* Whether an end is one of the guest's making, and not the one that it was to come to. Before it has begun there is no page. */
static bool wants_explaining(const struct guest *guest, enum end_kind kind)
{
    return guest->vcpu.page && kind != END_EXIT && kind != END_BAD_IMAGE && kind != END_BAD_STATE && kind != guest->vm->args->expect;
}

void guest_end(struct guest *guest, enum end_kind kind, const char *format, ...)
{
    char text[REPORT_LINE + 1], word[END_TEXT_BYTES];
    va_list list;
    int used;

    if (kind != END_EXIT && lab_catches_death(guest))
        longjmp(guest->again, 1);
    line_flush(&guest->vm->console);
    if (wants_explaining(guest, kind))
        registers_note(guest);
    end_format(&(struct end){kind, guest->vm->status}, word);
    used = snprintf(text, sizeof(text), "%s: ", word);
    va_start(list, format);
    used += vsnprintf(text + used, sizeof(text) - (size_t)used, format, list);
    va_end(list);
    report_put(&report, REPORT_END, text, used < REPORT_LINE ? (size_t)used : REPORT_LINE);
    sys_task_exit(0);
}

uint32_t guest_started(const struct vm *vm)
{
    uint32_t started = 0;

    for (unsigned i = 0; i < MAX_VCPUS_PER_VM; i++)
        started |= (uint32_t)vm->start[i].taken << i;
    return started;
}

void guest_park(void)
{
    lock_release();
    for (;;)
        sys_vcpu_park();
}

void guest_set(struct guest *guest, const struct reg_value *values, unsigned count)
{
    enum reg refused = 0;
    int64_t result = vcpu_set(&guest->vcpu, values, count, &refused);

    if (result < 0)
        guest_end(guest, END_UNHANDLED, "the kernel refuses to write the guest's %s: %s", reg_name(refused),
                  error_text(result));
}

void guest_get(struct guest *guest, struct reg_value *values, unsigned count)
{
    enum reg refused = 0;
    int64_t result = vcpu_get(&guest->vcpu, values, count, &refused);

    if (result < 0)
        guest_end(guest, END_UNHANDLED, "the kernel refuses to read the guest's %s: %s", reg_name(refused),
                  error_text(result));
}

uint64_t guest_get_one(struct guest *guest, enum reg reg)
{
    struct reg_value value = {.reg = reg};

    guest_get(guest, &value, 1);
    return value.value;
}

/* "Event Injection" in both manuals: VM-entry interruption information and EVENTINJ have the same bits 31:0. */
void guest_inject(struct guest *guest, unsigned vector, bool has_error)
{
    const uint64_t valid = 1ull << 31, deliver_error = 1ull << 11, hardware_exception = 3ull << 8;
    bool protected_mode = (guest_get_one(guest, REG_CR0) & CR0_PE) != 0;
    uint64_t event = valid | hardware_exception | vector | (has_error && protected_mode ? deliver_error : 0);

    guest_set(guest, (struct reg_value[]){{REG_EVENT, event}, {REG_EVENT_ERROR, 0}}, 2);
}
