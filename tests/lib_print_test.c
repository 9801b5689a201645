/* sources: lib/print.c tests/lib_support.c */
#include <stdio.h>
#include <string.h>

#include "lib/print.h"
#include "tests/lib_support.h"

enum { ROOM = 128 };

static char expected[ROOM], got[ROOM];

/* Formats with the host and with us, in a room of `bytes`; all of it, the byte behind it and the result must agree. */
#define COMPARE(bytes, ...)                                                                                    \
    do {                                                                                                       \
        memset(expected, '#', ROOM);                                                                           \
        memset(got, '#', ROOM);                                                                                \
        int wanted = snprintf(expected, bytes, __VA_ARGS__), result = print_to(got, bytes, __VA_ARGS__);       \
        if (result != wanted || memcmp(got, expected, ROOM) != 0)                                              \
            printf("# '%.*s' instead of '%.*s'\n", ROOM, got, ROOM, expected);                                 \
        CHECK(result == wanted);                                                                               \
        CHECK(memcmp(got, expected, ROOM) == 0);                                                               \
    } while (0)

static void test_table(void)
{
    static const char *const integers[] = {
        "%d", "%i", "%u", "%x", "%X", "%5d|", "%-5d|", "%05d|", "%1d", "%20x|", "%020X|", "%-20u|", "%.5d", "%8.3d|",
        "%hhd", "%hhu", "%hhx", "%hd", "%hu", "%hX", "100%% of %d", "%-08d|", "%.0d|",
    };
    static const char *const longs[] = {
        "%ld", "%lu", "%lx", "%lld", "%llu", "%llX", "%zu", "%zx", "%zd", "%25ld|", "%-25lld|", "%016lx", "%.20lu",
    };
    static const long values[] = {
        0, 1, -1, 9, 10, 15, 16, 127, 128, 255, 256, -128, -129, 32767, 32768, 65535, 65536,
        INT32_MAX, INT32_MIN, UINT32_MAX, 1l << 32, INT64_MAX, INT64_MIN,
    };

    for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
            COMPARE(ROOM, integers[i], (int)values[v]);
        for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
            COMPARE(ROOM, longs[i], values[v]);
    }
    COMPARE(ROOM, "%s|%10s|%-10s|%.2s|%10.2s|%.0s|%.10s", "abc", "abc", "abc", "abc", "abc", "abc", "abc");
    COMPARE(ROOM, "%c%c%3c|%-3c|%c", 'a', '%', 'b', 'c', 200);
    COMPARE(ROOM, "%p %20p|%-20p|", (void *)got, (void *)1, (void *)0xfffffffful);
    COMPARE(ROOM, "%*d|%-*d|%*d|%.*s|%.*s", 7, 1, 7, 2, -7, 3, 2, "abc", -1, "abc");
    test_passed("conversions by a table agree with the host's snprintf");
}

static const char *random_flags(void)
{
    static const char *const flags[] = {"", "0", "-", "-0", "0-", "00"};

    return flags[test_below(6)];
}

/* Random conversions, in rooms that are mostly too small. */
static void test_random_formats(void)
{
    static const char *const lengths[] = {"", "h", "hh", "l", "ll", "z"};

    for (unsigned round = 0; round < 200000; round++) {
        char format[64], number[16] = "", precision[16] = "";
        unsigned length = (unsigned)test_below(6);
        uint64_t value = test_random() >> test_below(64);
        size_t room = test_below(3) ? test_below(40) : ROOM;
        bool is_string = test_below(4) == 0;
        const char *text = "the quick brown fox" + test_below(20);

        if (test_below(2))
            snprintf(number, sizeof(number), "%u", (unsigned)test_below(30));
        if (test_below(2))
            snprintf(precision, sizeof(precision), ".%u", (unsigned)test_below(30));
        if (is_string) {
            snprintf(format, sizeof(format), "<%s%%%s%s%ss>", test_below(2) ? "text" : "", test_below(2) ? "-" : "",
                     number[0] == '0' ? "" : number, precision);
            COMPARE(room, format, text);
            continue;
        }
        snprintf(format, sizeof(format), "<%s%%%s%s%s%s%c>", test_below(2) ? "text" : "", random_flags(), number,
                 precision, lengths[length], "diuxX"[test_below(5)]);
        if (length < 3)
            COMPARE(room, format, (int)value);
        else
            COMPARE(room, format, (long)value);
    }
    test_passed("200000 random conversions agree with the host's snprintf");
}

static void test_not_in_c(void)
{
    const char *unknown = "a %y b %5.2q c %";
    const char *volatile none = NULL;

    CHECK(print_to(got, ROOM, unknown, 0) == (int)strlen(unknown));
    CHECK(strcmp(got, unknown) == 0);
    CHECK(print_to(got, ROOM, "%s", none) == 6 && strcmp(got, "(null)") == 0);
    CHECK(print_to(got, ROOM, "%p", (void *)0) == 3 && strcmp(got, "0x0") == 0);
    test_passed("what is no conversion is printed as it stands, and so is NULL");
}

static char heard[5][4096];
static size_t heard_bytes[5];

static void hear(unsigned sink, const char *text, size_t bytes)
{
    CHECK(heard_bytes[sink] + bytes < sizeof(heard[0]));
    memcpy(heard[sink] + heard_bytes[sink], text, bytes);
    heard_bytes[sink] += bytes;
}

static void hear0(const char *text, size_t bytes) { hear(0, text, bytes); }
static void hear1(const char *text, size_t bytes) { hear(1, text, bytes); }
static void hear2(const char *text, size_t bytes) { hear(2, text, bytes); }
static void hear3(const char *text, size_t bytes) { hear(3, text, bytes); }
static void hear4(const char *text, size_t bytes) { hear(4, text, bytes); }

static void test_sinks(void)
{
    char text[2000], whole[4096];
    size_t bytes = (size_t)snprintf(whole, sizeof(whole), "%s", "zero\n");

    print("nobody hears this");
    print_add_sink(hear0);
    print("zero\n");
    print_add_sink(hear1);
    print_add_sink(hear2);
    print_add_sink(hear3);
    print_add_sink(hear4);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 26);
    text[sizeof(text) - 1] = 0;
    print("%d %s %x\n", -5, text, 0xabcu);
    print_text("raw%d\0z", 7);
    bytes += (size_t)snprintf(whole + bytes, sizeof(whole) - bytes, "%d %s %x\nraw%%d", -5, text, 0xabcu);
    memcpy(whole + bytes, "\0z", 2);
    bytes += 2;

    CHECK(heard_bytes[0] == bytes && memcmp(heard[0], whole, bytes) == 0);
    for (unsigned i = 1; i < 4; i++)
        CHECK(heard_bytes[i] == bytes - 5 && memcmp(heard[i], whole + 5, bytes - 5) == 0);
    CHECK(heard_bytes[4] == 0);
    test_passed("four sinks get all of a long text, a fifth is ignored");
}

int main(void)
{
    test_table();
    test_random_formats();
    test_not_in_c();
    test_sinks();
    return test_done();
}
