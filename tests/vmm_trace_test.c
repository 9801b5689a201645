/* sources: vmm/root/trace_format.c vmm/root/option.c vmm/root/config_value.c vmm/lib/end.c tests/lib_support.c */
/* Trace records as text, and what the command line can switch. console_line() is here, and keeps what would be printed. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/root/config.h"
#include "vmm/root/console.h"
#include "vmm/root/option.h"
#include "vmm/root/trace.h"

static char printed[1000];

void console_line(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(printed, sizeof(printed), format, list);
    va_end(list);
}

static void test_format(void)
{
    const struct trace_record before = {1000, TRACE_RUN, TRACE_WHO(3, 1), 0, 0};
    static const struct {
        struct trace_record record;
        const char *first, *next;
    } cases[] = {
        {{1255, TRACE_EXIT, TRACE_WHO(3, 1), 0x78, 0x401000}, "0X10003:78:401000", "ffX:78:401000"},
        {{1000, TRACE_SWITCH, TRACE_ROOT, 0, 0}, "0Sffff", "0Sffff"},
        {{1001, TRACE_STOP, TRACE_WHO(0, 0), 5, 0}, "0P0:5", "1P0:5"},
        {{1001, TRACE_VM_END, TRACE_WHO(3, 1), 0, 1}, "0E10003:0:1", "1E:0:1"},
        {{UINT64_MAX, TRACE_EXIT, UINT32_MAX, UINT64_MAX, UINT64_MAX},
         "0Xffffffff:ffffffffffffffff:ffffffffffffffff",
         "fffffffffffffc17Xffffffff:ffffffffffffffff:ffffffffffffffff"},
    };
    char text[TRACE_TEXT_BYTES];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK(trace_format(text, &cases[i].record, NULL) == strlen(cases[i].first));
        CHECK(strcmp(text, cases[i].first) == 0);
        CHECK(trace_format(text, &cases[i].record, &before) == strlen(cases[i].next));
        CHECK(strcmp(text, cases[i].next) == 0);
    }
    test_passed("records as text: the first of a line says all, the others what is new");
}

static void test_find(void)
{
    char value[8];

    CHECK(option_find("a=1 bb=22  b=3", "b", value, sizeof(value)) && strcmp(value, "3") == 0);
    CHECK(option_find("b=1 b=2", "b", value, sizeof(value)) && strcmp(value, "1") == 0);
    CHECK(option_find("  b=", "b", value, sizeof(value)) && strcmp(value, "") == 0);
    CHECK(option_find("b=123456789 c", "b", value, sizeof(value)) && strcmp(value, "1234567") == 0);
    CHECK(!option_find("", "b", value, sizeof(value)) && !option_find("   ", "b", value, sizeof(value)));
    CHECK(!option_find("b ab=1 x/b=2", "b", value, sizeof(value)) && value[0] == 0);
    test_passed("a word of the command line is found by its whole key");
}

static void test_override(void)
{
    struct config config = {.screen = CONFIG_SCREEN_LIVE, .counters = true};

    option_override("nestor.elf trace=yes counters=no screen=log", &config);
    CHECK(config.trace && !config.counters && config.screen == CONFIG_SCREEN_LOG && printed[0] == 0);
    option_override("", &config);
    CHECK(config.trace && !config.counters && config.screen == CONFIG_SCREEN_LOG && printed[0] == 0);
    option_override("trace=no counters=yes screen=live", &config);
    CHECK(!config.trace && config.counters && config.screen == CONFIG_SCREEN_LIVE && printed[0] == 0);
    option_override("screen=big", &config);
    CHECK(config.screen == CONFIG_SCREEN_LIVE &&
          strcmp(printed, "screen= on the command line: `big` is not accepted; expected live, table or log") == 0);
    test_passed("the command line overrides the config, and a wrong value does not");
}

static void test_lab_words(void)
{
    struct vm_config vm[3] = {{.lab = true, .args = "family=io"}, {.args = "a"}, {.lab = true}};
    struct config config = {.vms = 3, .vm = vm};

    option_override("nestor.elf shuffle=12", &config);
    CHECK(strcmp(vm[0].args, "family=io shuffle=12") == 0 && strcmp(vm[1].args, "a") == 0);
    CHECK(strcmp(vm[2].args, " shuffle=12") == 0);
    option_override("shuffle=3 tests=io_*,cr_?", &config);
    CHECK(strcmp(vm[2].args, " shuffle=12 tests=io_*,cr_? shuffle=3") == 0 && strcmp(vm[1].args, "a") == 0);
    memset(vm[0].args, 'x', sizeof(vm[0].args) - 1);
    vm[0].args[sizeof(vm[0].args) - 12] = 0;
    option_override("shuffle=12", &config);
    CHECK(strlen(vm[0].args) == sizeof(vm[0].args) - 1 && strstr(vm[0].args, "x shuffle=12") && strstr(printed, "no room") == NULL);
    option_override("shuffle=12", &config);
    CHECK(strlen(vm[0].args) == sizeof(vm[0].args) - 1 && strstr(printed, "no room"));
    test_passed("tests= and shuffle= go to the args of labs");
}

int main(void)
{
    test_format();
    test_find();
    test_override();
    test_lab_words();
    return test_done();
}
