/* sources: vmm/root/result.c vmm/root/difference.c vmm/lib/files.c vmm/lib/glob.c vmm/root/escape.c vmm/lib/end.c tests/lib_support.c */
/* A VM's KTAP subtest and verdict; console_line() is here, and keeps what would be printed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/root/console.h"
#include "vmm/root/difference.h"
#include "vmm/root/result.h"

static char printed[1 << 20];
static size_t used;

void console_line(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    used += (size_t)vsnprintf(printed + used, sizeof(printed) - used, format, list);
    va_end(list);
    printed[used++] = '\n';
    printed[used] = 0;
}

static void expect(struct vm *vm, bool passed, bool skipped, const char *text)
{
    used = 0;
    result_print(vm, 3);
    if (strcmp(printed, text) != 0)
        printf("# printed:\n%s# expected:\n%s", printed, text);
    CHECK(strcmp(printed, text) == 0);
    CHECK(vm->done && vm->passed == passed && vm->skipped == skipped);
}

#define BEGIN "    KTAP version 1\n    # Subtest: g\n"

static void test_end(void)
{
    const struct vm_config config = {.name = "g", .expect = {END_EXIT, 0}};
    struct vm vm = {.config = &config, .was_started = true, .end = {END_EXIT, 0}, .reason = "exit 0: it says so"};

    expect(&vm, true, false, BEGIN "    1..1\n    ok 1 ends with exit 0\nok 3 g\n");
    vm.end.status = 1;
    strcpy(vm.reason, "exit 1: it says so");
    expect(&vm, false, false, BEGIN "    1..1\n    # exit 1: it says so\n    not ok 1 ends with exit 0\nnot ok 3 g\n");
    test_passed("the end is the expected one, or not");
}

static void test_death(void)
{
    const struct vm_config config = {.name = "g", .expect = {END_TRIPLE_FAULT, 0}};
    struct vm vm = {.config = &config, .was_started = true, .end = {END_TRIPLE_FAULT, 0}, .reason = "why"};

    expect(&vm, true, false, BEGIN "    1..1\n    # why\n    ok 1 ends with triple-fault\nok 3 g\n");
    vm.end.kind = END_NONE;
    expect(&vm, false, false, BEGIN "    1..1\n    # why\n    not ok 1 ends with triple-fault\nnot ok 3 g\n");
    test_passed("a guest that was meant to die and did is ok");
}

static void test_background(void)
{
    const struct vm_config config = {.name = "g", .expect = {END_RUNNING, 0}, .background = true};
    struct vm vm = {.config = &config, .was_started = true, .end = {END_RUNNING, 0}, .reason = "why"};

    expect(&vm, true, false, BEGIN "    1..1\n    # why\n    ok 1 runs until the others are done\nok 3 g\n");
    vm.end = (struct end){END_EXIT, 0};
    expect(&vm, false, false, BEGIN "    1..1\n    # why\n    not ok 1 runs until the others are done\nnot ok 3 g\n");
    test_passed("a VM in the background has to run to the end");
}

static void test_never_started(void)
{
    const struct vm_config config = {.name = "g", .expect = {END_EXIT, 0}};
    struct vm vm = {.config = &config, .reason = "there is no module `x`"};

    expect(&vm, false, false, BEGIN "    1..1\n    # there is no module `x`\n    not ok 1 starts\nnot ok 3 g\n");
    test_passed("a VM that could not be started says why");
}

static void test_output(void)
{
    const struct vm_config config = {.name = "g", .expect = {END_EXIT, 0}, .has_output = true, .output = "#4\n"};
    char text[CONFIG_OUTPUT_BYTES] = "#4\n";
    struct vm vm = {.config = &config, .was_started = true, .end = {END_EXIT, 0}, .printed = text, .printed_bytes = 3};

    expect(&vm, true, false, BEGIN "    1..2\n    ok 1 prints \"\\x234\\n\"\n    ok 2 ends with exit 0\nok 3 g\n");
    vm.printed_bytes = 4;
    text[3] = 'x';
    expect(&vm, false, false,
           BEGIN "    1..2\n    # it printed 4 bytes: \"\\x234\\nx\"\n    not ok 1 prints \"\\x234\\n\"\n"
                 "    ok 2 ends with exit 0\nnot ok 3 g\n");
    vm.printed_bytes = 0;
    vm.printed = NULL;
    expect(&vm, false, false,
           BEGIN "    1..2\n    # it printed 0 bytes: \"\"\n    not ok 1 prints \"\\x234\\n\"\n"
                 "    ok 2 ends with exit 0\nnot ok 3 g\n");
    test_passed("output is compared as a whole");
}

static void test_results(void)
{
    const struct vm_config config = {.name = "g", .expect = {END_EXIT, 0}};
    const char *lines[] = {"ok one", "not ok two", "ok three # SKIP no", "not ok four # SKIP no", "bad", "ok"};
    struct vm vm = {.config = &config, .was_started = true, .end = {END_EXIT, 0}, .test = lines, .tests = 1};

    expect(&vm, true, false, BEGIN "    1..2\n    ok 1 one\n    ok 2 ends with exit 0\nok 3 g\n");
    vm.tests = 6;
    expect(&vm, false, false,
           BEGIN "    1..7\n    ok 1 one\n    not ok 2 two\n    ok 3 three # SKIP no\n    ok 4 four # SKIP no\n"
                 "    not ok 5 sends only results that begin with `ok` or `not ok`, not `bad`\n"
                 "    not ok 6 sends only results that begin with `ok` or `not ok`, not `ok`\n"
                 "    ok 7 ends with exit 0\nnot ok 3 g\n");
    vm.tests = 1;
    lines[0] = "ok one # SKIP";
    lines[1] = "ok two";
    expect(&vm, true, true, BEGIN "    1..2\n    ok 1 one # SKIP\n    ok 2 ends with exit 0\nok 3 g # SKIP\n");
    vm.tests = 2;
    expect(&vm, true, false, BEGIN "    1..3\n    ok 1 one # SKIP\n    ok 2 two\n    ok 3 ends with exit 0\nok 3 g\n");
    vm.test = lines + 2;
    expect(&vm, true, true,
           BEGIN
           "    1..3\n    ok 1 three # SKIP no\n    ok 2 four # SKIP no\n    ok 3 ends with exit 0\nok 3 g # SKIP\n");
    test_passed("results of the guest are numbered and counted");
}

static void test_known(void)
{
    static char text[] = "[difference]\nplatform = p\nid = vmx.a\nseen = no exit\nmanual = m\nwhy = w\n"
                         "[difference]\nplatform = p\nid = vmx.b\nseen = nothing\nmanual = m\nwhy = w\n"
                         "[difference]\nplatform = p\nid = vmx.d\nseen = its end\nmanual = m\nwhy = w\nrun = no\n";
    static const char *lines[] = {"not ok vmx.a # expected 1", "ok vmx.b", "not ok vmx.c", "ok vmx.b # SKIP x", "not ok vmx.d # ERROR not run"};
    const struct vm_config config = {.name = "g", .expect = {END_EXIT, 0}};
    struct vm vm = {.config = &config, .was_started = true, .end = {END_EXIT, 0}, .test = lines, .tests = 1};
    char why[DIFFERENCE_WHY_BYTES];

    CHECK(difference_read("f", text, sizeof(text) - 1, "p", why));
    used = 0;
    result_print(&vm, 1);
    CHECK(strstr(printed, "    not ok 1 vmx.a # XFAIL no exit\n") && vm.passed && vm.known == 1 && vm.results_failed == 0);
    vm.tests = 5;
    used = 0;
    result_print(&vm, 1);
    CHECK(strstr(printed, "    not ok 2 vmx.b # is listed as a known difference (nothing), but is as it should be\n"));
    CHECK(strstr(printed, "    ok 4 vmx.b # SKIP x\n    not ok 5 vmx.d # XFAIL not run: its end\n"));
    CHECK(!vm.passed && vm.known == 2 && vm.results_failed == 2);
    CHECK(difference_read("f", text, 0, "p", why));
    test_passed("a known difference is none of the failures, one that does not show is");
}

static void test_too_many(void)
{
    const struct vm_config config = {.name = "g", .expect = {END_EXIT, 0}};
    static const char *lines[VM_TESTS_MAX];
    struct vm vm = {.config = &config, .was_started = true, .end = {END_EXIT, 0}, .test = lines, .tests = 12345};

    for (unsigned i = 0; i < VM_TESTS_MAX; i++)
        lines[i] = "ok x";
    used = 0;
    result_print(&vm, 1);
    CHECK(strstr(printed, "    1..10002\n") && strstr(printed, "    ok 10000 x\n"));
    CHECK(strstr(printed,
                 "    not ok 10001 sends at most 10000 results, not 12345\n    ok 10002 ends with exit 0\nnot ok 1 g\n"));
    CHECK(!vm.passed);
    test_passed("a flood of results fails");
}

int main(void)
{
    test_end();
    test_death();
    test_background();
    test_never_started();
    test_output();
    test_results();
    test_known();
    test_too_many();
    return test_done();
}
