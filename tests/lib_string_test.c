/* sources: tests/lib_support.c */
#include <stdint.h>
#include <stdio.h>

#include "tests/lib_support.h"

/* The file under test comes under names of its own; the host's library keeps the usual ones. */
#define memcpy  tested_memcpy
#define memmove tested_memmove
#define memset  tested_memset
#define memcmp  tested_memcmp
#define strlen  tested_strlen
#define strcmp  tested_strcmp
#define strncmp tested_strncmp
#include "lib/string.c"

enum { AREA = 400, SIZE_MAX_TESTED = 90 };

static unsigned char area[AREA], model[AREA], before[AREA];

/* Random content for both; `before` keeps it. */
static void fill(void)
{
    for (size_t i = 0; i < AREA; i++)
        area[i] = model[i] = before[i] = (unsigned char)test_random();
}

/* All of both, so that a byte too many shows. */
static void check_same(void)
{
    for (size_t i = 0; i < AREA; i++)
        CHECK(area[i] == model[i]);
}

static void test_memcpy(void)
{
    for (size_t bytes = 0; bytes <= SIZE_MAX_TESTED; bytes++) {
        for (size_t shift = 0; shift < 64; shift++) {
            size_t from = 10 + shift % 8, to = 200 + shift / 8;

            fill();
            for (size_t i = 0; i < bytes; i++)
                model[to + i] = before[from + i];
            CHECK(memcpy(area + to, area + from, bytes) == area + to);
            check_same();
        }
    }
    test_passed("memcpy: all sizes to 90, all alignments");
}

static void test_memmove(void)
{
    for (size_t bytes = 0; bytes <= SIZE_MAX_TESTED; bytes++) {
        for (size_t to = 10; to < 210; to += 1 + to % 3) {
            fill();
            for (size_t i = 0; i < bytes; i++)
                model[to + i] = before[110 + i];
            CHECK(memmove(area + to, area + 110, bytes) == area + to);
            check_same();
        }
    }
    test_passed("memmove: all sizes to 90, overlapping in all ways");
}

static void test_memset(void)
{
    for (size_t bytes = 0; bytes <= SIZE_MAX_TESTED; bytes++) {
        for (size_t to = 10; to < 18; to++) {
            int value = (int)test_below(512) - 256;

            fill();
            for (size_t i = 0; i < bytes; i++)
                model[to + i] = (unsigned char)value;
            CHECK(memset(area + to, value, bytes) == area + to);
            check_same();
        }
    }
    test_passed("memset: all sizes to 90, all alignments");
}

static void test_memcmp(void)
{
    for (unsigned round = 0; round < 20000; round++) {
        size_t bytes = test_below(40), a = test_below(8), b = 100 + test_below(8), different = test_below(41);
        int result;

        fill();
        for (size_t i = 0; i < bytes; i++)
            area[b + i] = area[a + i];
        area[b + bytes] = (unsigned char)~area[a + bytes];
        result = memcmp(area + a, area + b, bytes);
        CHECK(result == 0);
        if (different >= bytes)
            continue;
        area[b + different] = (unsigned char)(area[a + different] ^ (1u << test_below(8)));
        /* What is behind the first difference does not count. */
        for (size_t i = different + 1; i < bytes; i++)
            area[b + i] = (unsigned char)test_random();
        result = memcmp(area + a, area + b, bytes);
        CHECK(area[a + different] < area[b + different] ? result < 0 : result > 0);
    }
    test_passed("memcmp: the first difference decides, as unsigned bytes");
}

static void test_strings(void)
{
    const char *text = "hello, world";

    CHECK(strlen("") == 0 && strlen("a") == 1 && strlen(text) == 12);
    CHECK(strcmp("", "") == 0 && strcmp("a", "") > 0 && strcmp("", "a") < 0);
    CHECK(strcmp("abc", "abd") < 0 && strcmp("abc", "ab") > 0 && strcmp("abc", "abc") == 0);
    CHECK(strcmp("\x80", "a") > 0 && strncmp("\x80", "a", 1) > 0);
    CHECK(strncmp("abc", "abd", 2) == 0 && strncmp("abc", "abd", 3) < 0 && strncmp("x", "y", 0) == 0);
    CHECK(strncmp("ab\0x", "ab\0y", 4) == 0);
    test_passed("strlen, strcmp, strncmp");
}

static void test_string_copy(void)
{
    char room[8];

    for (size_t bytes = 1; bytes <= sizeof(room); bytes++) {
        for (size_t length = 0; length <= 8; length++) {
            const char *text = "abcdefgh" + 8 - length;
            size_t kept = length < bytes ? length : bytes - 1;

            for (size_t i = 0; i < sizeof(room); i++)
                room[i] = '#';
            CHECK(lib_string_copy(room, text, bytes) == (length < bytes));
            for (size_t i = 0; i < kept; i++)
                CHECK(room[i] == text[i]);
            CHECK(room[kept] == 0);
            for (size_t i = kept + 1; i < sizeof(room); i++)
                CHECK(room[i] == '#');
        }
    }
    test_passed("lib_string_copy: always terminates, says whether all fitted");
}

int main(void)
{
    test_memcpy();
    test_memmove();
    test_memset();
    test_memcmp();
    test_strings();
    test_string_copy();
    return test_done();
}
