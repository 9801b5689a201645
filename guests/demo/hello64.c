/* guest: newlib64 */
/* The C library in a guest: printf with floating point, malloc and its kin, qsort, strings. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests/lib/common/test.h"

static void test_printf(void)
{
    char text[64];
    double third = 1.0 / 3.0;

    snprintf(text, sizeof text, "%.6f %g %e", third, 1e100, -2.5);
    test_result(strcmp(text, "0.333333 1e+100 -2.500000e+00") == 0, "printf writes floating point: %s", text);
    snprintf(text, sizeof text, "%5d|%-5d|%05d|%llx", -42, 42, 42, 0xfedcba9876543210ull);
    test_result(strcmp(text, "  -42|42   |00042|fedcba9876543210") == 0, "printf writes integers: %s", text);
}

static void test_malloc(void)
{
    enum { BLOCKS = 64 };
    unsigned char *block[BLOCKS];
    bool ok = true;

    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = malloc(i + 1);
        if (!block[i]) {
            test_result(false, "malloc gives block %zu of %d", i, BLOCKS);
            return;
        }
        memset(block[i], (int)i, i + 1);
    }
    for (size_t i = 0; i < BLOCKS; i += 2)
        free(block[i]);
    for (size_t i = 1; i < BLOCKS; i += 2) {
        unsigned char *bigger = realloc(block[i], 4 * i);

        ok = ok && bigger;
        block[i] = bigger ? bigger : block[i];
        for (size_t byte = 0; byte <= i; byte++)
            ok = ok && block[i][byte] == i;
        free(block[i]);
    }
    test_result(ok, "realloc keeps what %d blocks held", BLOCKS / 2);
    test_result(!malloc(SIZE_MAX / 4), "malloc refuses more than there is");
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void test_qsort(void)
{
    enum { NUMBERS = 500 };
    static double numbers[NUMBERS];
    double before = 0, after = 0;
    bool ascending = true;

    srand(1);
    for (int i = 0; i < NUMBERS; i++)
        before += numbers[i] = rand() % 10000 / 8.0; /* eighths: sums are exact in any order */
    qsort(numbers, NUMBERS, sizeof numbers[0], compare);
    for (int i = 0; i < NUMBERS; i++) {
        after += numbers[i];
        ascending = ascending && (i == 0 || numbers[i - 1] <= numbers[i]);
    }
    test_result(ascending && before == after, "qsort sorts %d numbers and loses none", NUMBERS);
}

static void test_strings(void)
{
    char text[] = "one guest,of,many";
    char *comma = strchr(text, ',');
    char *end;

    test_result(comma && strlen(comma) == 8 && strstr(text, "guest") == text + 4, "strchr, strlen and strstr find");
    test_result(memcmp(memmove(text + 1, text, 8), "one gues", 8) == 0, "memmove moves between places that overlap");
    test_result(strtod("6.25e2 rest", &end) == 625 && strcmp(end, " rest") == 0, "strtod reads 625");
    test_result(strtol("-7fff", NULL, 16) == -0x7fff, "strtol reads -7fff");
}

static double euler(void)
{
    double sum = 1;

    for (int n = 20; n > 0; n--)
        sum = 1 + sum / n;
    return sum;
}

int main(int argc, char **argv)
{
    printf("hello from 64-bit mode: e is %.15f\n", euler());
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    test_printf();
    test_malloc();
    test_qsort();
    test_strings();
    return test_status();
}
