/* sources: guests/lib/common/format.c guests/lib/common/args.c guests/lib/common/test.c */
/* The parts of the guest runtime that need no guest; hypercall() is here, and keeps what it was given. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests/lib/common/args.h"
#include "guests/lib/common/format.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"

static char last_line[256];     /* of HC_TEST, 0-terminated */
static const char *config_args; /* for HC_ARGS; null makes it fail */
static unsigned passed, checked;

long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c)
{
    (void)c;
    if (number == HC_TEST && b < sizeof last_line) {
        memcpy(last_line, (const char *)a, b);
        last_line[b] = 0;
        return 0;
    }
    if (number == HC_ARGS && config_args && strlen(config_args) < b)
        return (long)strlen(strcpy((char *)a, config_args));
    return -ABI_EINVAL;
}

static void check_equal(const char *name, const char *got, const char *wanted)
{
    bool ok = strcmp(got, wanted) == 0;

    printf("%s %u %s\n", ok ? "ok" : "not ok", ++checked, name);
    if (!ok)
        printf("# got \"%s\", wanted \"%s\"\n", got, wanted);
    passed += ok;
}

__attribute__((format(printf, 1, 3))) static void check_format(const char *format, const char *wanted, ...)
{
    char text[64];
    va_list args;

    va_start(args, wanted);
    size_t bytes = format_text(text, sizeof text, format, args);
    va_end(args);
    check_equal(format, bytes == strlen(text) ? text : "another length than was returned", wanted);
}

static void test_format(void)
{
    check_format("%u %d %d", "4294967295 -1 -2147483648", UINT_MAX, -1, INT_MIN);
    check_format("%llu %lld", "18446744073709551615 -9223372036854775808", ULLONG_MAX, LLONG_MIN);
    check_format("%lx %zu %x", "ffffffffffffffff 12345678901 0", ULONG_MAX, (size_t)12345678901, 0);
    check_format("%4u|%04x|%3d|%03d", "  42|00ab| -1|-01", 42, 0xab, -1, -1);
    check_format("%s%c 100%%", "abc 100%", "ab", 'c');
}

/* Returns what format_text makes of a text that is too long; `guard` must stay. */
static void test_format_room(const char *format, ...)
{
    struct {
        char text[8], guard;
    } small = {.guard = 'g'};
    va_list args;

    va_start(args, format);
    size_t bytes = format_text(small.text, sizeof small.text, format, args);
    va_end(args);
    check_equal("a long text is cut", bytes == 7 && small.guard == 'g' ? small.text : "too long", "1234567");
}

static void check_args(const char *name, const char *text, const char *wanted)
{
    char *argv[ARGS_MAX], joined[512] = "";

    config_args = text;
    int argc = args_fetch(argv);

    for (int i = 0; i < argc; i++)
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "[%s]", argv[i]);
    check_equal(name, argv[argc] ? "no null pointer behind the last" : joined, wanted);
}

static void test_args(void)
{
    check_args("no args", "", "[guest]");
    check_args("blanks only", " \t ", "[guest]");
    check_args("words between blanks", "  one\ttwo  3 ", "[guest][one][two][3]");
    check_args("more words than fit", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
               "[guest][1][2][3][4][5][6][7][8][9][10][11][12][13][14]");
    check_args("args that can't be had", NULL, "[guest]");

    char word[] = "word", twelve[] = "12", mixed[] = "12x";
    char *argv[] = {word, twelve, mixed, NULL};
    char text[64];

    snprintf(text, sizeof text, "%u %u %u", args_number(3, argv, 1, 7), args_number(3, argv, 2, 7),
             args_number(3, argv, 3, 7));
    check_equal("args_number falls back on its default", text, "12 7 7");
}

static void test_results(void)
{
    check_equal("no result is a failure", test_status() ? "1" : "0", "1");
    test_result(true, "all %d", 2);
    check_equal("a good result", last_line, "ok all 2");
    check_equal("then the status is 0", test_status() ? "1" : "0", "0");
    test_result(false, "%s", "none");
    check_equal("a bad result", last_line, "not ok none");
    test_result(true, "again");
    check_equal("a failure is not forgotten", test_status() ? "1" : "0", "1");
}

int main(void)
{
    test_format();
    test_format_room("%s", "123456789");
    test_args();
    test_results();
    printf("1..%u\n", checked);
    return passed == checked ? EXIT_SUCCESS : EXIT_FAILURE;
}
