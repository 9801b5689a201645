/* A VM's verdict and its KTAP subtest. */
#include "vmm/root/result.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/root/console.h"
#include "vmm/root/difference.h"
#include "vmm/root/final.h"

struct subtest {
    const char *name;
    unsigned number; /* of the line printed last */
    unsigned failed, skipped, known;
};

enum { FAILURES_KEPT = FINAL_ROWS, FAILURE_BYTES = VM_NAME_BYTES + SCREEN_COLUMNS }; /* more does not fit on the final screen */

static char failure[FAILURES_KEPT][FAILURE_BYTES];
static unsigned failures;

unsigned result_failures(void) { return failures; }

const char *result_failure(unsigned i) { return i < failures && i < FAILURES_KEPT ? failure[i] : NULL; }

static void keep_failure(const char *name, const char *text)
{
    if (failures < FAILURES_KEPT)
        snprintf(failure[failures], FAILURE_BYTES, "%.31s: %.78s", name, text);
    failures++;
}

static bool starts_with(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

/* One result line. */
static void subtest_text(struct subtest *s, bool ok, const char *text)
{
    if (!ok) {
        s->failed++;
        keep_failure(s->name, text);
    }
    console_line("    %s %u %s", ok ? "ok" : "not ok", ++s->number, text);
}

__attribute__((format(printf, 3, 4))) static void subtest_line(struct subtest *s, bool ok, const char *format, ...)
{
    char text[CONSOLE_LINE];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    subtest_text(s, ok, text);
}

/* A failure that is known, for a reason, does not count as one; but one that does not show any more does. */
static void subtest_known(struct subtest *s, bool ok, const char *text)
{
    size_t id_bytes = strcspn(text, " ");
    const struct difference *known = difference_find(text, id_bytes);

    if (!known) {
        subtest_text(s, ok, text);
    } else if (ok) {
        subtest_line(s, false, "%.*s # is listed as a known difference (%.80s), but is as it should be", (int)id_bytes, text,
                     known->seen);
    } else {
        console_line("    not ok %u %.*s # XFAIL %s%s", ++s->number, (int)id_bytes, text, known->runs ? "" : "not run: ",
                     known->seen);
        s->known++;
    }
}

/* A result line that the guest sent: "ok TEXT" or "not ok TEXT", perhaps with "# SKIP". */
static void subtest_guest_line(struct subtest *s, const char *line)
{
    bool ok = starts_with(line, "ok "), not_ok = starts_with(line, "not ok ");
    const char *text = line + strlen(ok ? "ok " : not_ok ? "not ok " : "");

    if (!ok && !not_ok) {
        subtest_line(s, false, "sends only results that begin with `ok` or `not ok`, not `%s`", line);
    } else if (strstr(text, "# SKIP")) {
        s->skipped++;
        subtest_text(s, true, text);
    } else {
        subtest_known(s, ok, text);
    }
}

static void subtest_output(struct subtest *s, const struct vm *vm)
{
    enum { QUOTED = 2 * CONFIG_OUTPUT_BYTES - 300 };
    const char *expected = vm->config->output;
    size_t length = strlen(expected);
    size_t kept = vm->printed_bytes < CONFIG_OUTPUT_BYTES ? vm->printed_bytes : CONFIG_OUTPUT_BYTES;
    bool ok =
        vm->printed_bytes == length && (length == 0 || (vm->printed && memcmp(vm->printed, expected, length) == 0));
    char text[QUOTED];

    if (!ok)
        console_line("    # it printed %zu bytes: \"%s\"", vm->printed_bytes,
                     console_escape(text, sizeof(text), vm->printed ? vm->printed : "", vm->printed ? kept : 0, true));
    subtest_line(s, ok, "prints \"%s\"", console_escape(text, sizeof(text), expected, length, true));
}

static void subtest_end(struct subtest *s, const struct vm *vm)
{
    char expected[END_TEXT_BYTES], found[END_TEXT_BYTES];
    bool ok = end_equal(&vm->end, &vm->config->expect);

    end_format(&vm->config->expect, expected);
    end_format(&vm->end, found);
    if (!ok || vm->end.kind != END_EXIT)
        console_line("    # %s", vm->reason);
    if (vm->config->expect.kind == END_RUNNING)
        subtest_line(s, ok, "runs until the others are done");
    else
        subtest_line(s, ok, "ends with %s", expected);
}

void result_print(struct vm *vm, unsigned number)
{
    const struct vm_config *config = vm->config;
    size_t kept = vm->tests < VM_TESTS_MAX ? vm->tests : VM_TESTS_MAX;
    bool too_many = vm->tests > kept;
    struct subtest s = {.name = config->name};

    console_line("    KTAP version 1");
    console_line("    # Subtest: %s", config->name);
    if (!vm->was_started) {
        console_line("    1..1");
        console_line("    # %s", vm->reason);
        subtest_line(&s, false, "starts");
    } else {
        console_line("    1..%zu", kept + too_many + config->has_output + 1 + (config->save_ms > 0) + (config->repeat > 1));
        for (size_t i = 0; i < kept; i++)
            subtest_guest_line(&s, vm->test[i]);
        if (too_many)
            subtest_line(&s, false, "sends at most %d results, not %zu", VM_TESTS_MAX, vm->tests);
        if (config->has_output)
            subtest_output(&s, vm);
        if (config->save_ms)
            subtest_line(&s, vm->saved.gone_on, "is saved after %" PRIu64 " ms, and goes on from that", config->save_ms);
        subtest_end(&s, vm);
        if (config->repeat > 1)
            subtest_line(&s, vm->runs == config->repeat, "runs %" PRIu64 " times", config->repeat);
    }
    vm->done = true;
    vm->passed = s.failed == 0;
    vm->known = s.known;
    vm->results = s.number;
    vm->results_failed = s.failed;
    vm->results_skipped = s.skipped;
    vm->skipped = vm->passed && kept > 0 && s.skipped == kept;
    console_line("%s %u %s%s", vm->passed ? "ok" : "not ok", number, config->name, vm->skipped ? " # SKIP" : "");
}
