/* sources: vmm/root/final_row.c vmm/root/row.c tests/lib_support.c */
/* The rows of the final screen: what they say, and that they say it within 80 columns. */
#include <stdio.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/root/final.h"

static screen_row guarded[3]; /* rows[1] is drawn; its neighbours must not change */

static char text[FINAL_ROWS][SCREEN_COLUMNS + 1]; /* '#' for a green background, '@' for a red one, '-' for the line */

static void draw(const struct final *final)
{
    for (unsigned at = 0; at < FINAL_ROWS; at++) {
        memset(guarded, 0xee, sizeof(guarded));
        final_row(guarded[1], at, final);
        for (unsigned i = 0; i < SCREEN_COLUMNS; i++) {
            uint16_t cell = guarded[1][i];

            text[at][i] = cell >> 12 == 2 ? '#' : cell >> 12 == 4 ? '@' : (cell & 0xff) == 0xc4 ? '-' : (char)cell;
            CHECK((cell & 0xff) >= ' ' && guarded[0][i] == 0xeeee && guarded[2][i] == 0xeeee);
        }
        for (size_t n = SCREEN_COLUMNS; n > 0 && text[at][n - 1] == ' '; n--)
            text[at][n - 1] = 0;
    }
}

static const char *failure(unsigned i)
{
    static const char *const failures[] = {"one: ends with exit 0", "two: vmx.cr.mov", "three: a", "four: b"};

    return i < 4 ? failures[i] : NULL;
}

static bool is(unsigned at, const char *expected)
{
    if (strcmp(text[at], expected) != 0)
        printf("# row %u: |%s|\n", at, text[at]);
    return strcmp(text[at], expected) == 0;
}

int main(void)
{
    struct final final = {{11, 0, 2, 100, 0, 3, 4}, 0, failure, "nestor-1a2b3c4d", "qemu SVM"};
    char platform[300];

    draw(&final);
    CHECK(is(0, ""));
    CHECK(is(1, "     ###############   ###############   ###############   ###############"));
    CHECK(is(3, "     ###         ###   ###         ###   ###               ###"));
    CHECK(is(8, "     ###############   ###############   ###############   ###############"));
    CHECK(is(14, "     ###               ###         ###   ###############   ###############") && is(15, ""));
    CHECK(is(16, " VMs:     11 passed, 0 failed, 2 skipped"));
    CHECK(is(17, " Results: 100 passed, 0 failed, 3 skipped, 4 known differences"));
    CHECK(is(18, "") && is(21, "") && is(22, " Machine: nestor-1a2b3c4d, qemu SVM") && strspn(text[23], "-") == SCREEN_COLUMNS);
    test_passed("a pass");
    final.tally.failed = 1;
    final.failures = 2;
    draw(&final);
    CHECK(is(1, "     @@@@@@@@@@@@@@@   @@@@@@@@@@@@@@@   @@@@@@@@@@@@@@@   @@@"));
    CHECK(is(18, " one: ends with exit 0") && is(19, " two: vmx.cr.mov") && is(20, ""));
    final.failures = 4;
    draw(&final);
    CHECK(is(20, " three: a") && is(21, " four: b"));
    final.failures = 5;
    draw(&final);
    CHECK(is(20, " three: a") && is(21, " and 2 more"));
    test_passed("a failure: the first ones, and how many more there are");
    memset(platform, 'x', sizeof(platform));
    platform[sizeof(platform) - 1] = 0;
    final.platform = platform;
    draw(&final);
    CHECK(strlen(text[22]) == SCREEN_COLUMNS);
    test_passed("a long line is cut");
    return test_done();
}
