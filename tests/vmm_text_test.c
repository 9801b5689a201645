/* sources: vmm/root/escape.c vmm/lib/end.c vmm/lib/error.c tests/lib_support.c */
/* Small texts: what a guest printed made printable, the words for ends, the words for errors. */
#include <stdio.h>
#include <string.h>

#include "config/abi.h"
#include "tests/lib_support.h"
#include "vmm/lib/end.h"
#include "vmm/lib/error.h"
#include "vmm/root/console.h"

static void test_escape(void)
{
    char all[256], to[1100], small[8];

    CHECK(strcmp(console_escape(to, sizeof(to), "4\n\tz\0\x1b[#\xff", 9, false), "4\\n\\tz\\x00\\x1B[#\\xFF") == 0);
    CHECK(strcmp(console_escape(to, sizeof(to), "a # SKIP", 8, true), "a \\x23 SKIP") == 0);
    for (unsigned i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    console_escape(to, sizeof(to), all, sizeof(all), false);
    for (const char *c = to; *c; c++)
        CHECK(*c >= ' ' && *c <= '~');
    CHECK(strcmp(console_escape(small, sizeof(small), "abcdefghij", 10, false), "abcdefg") == 0);
    CHECK(strcmp(console_escape(small, sizeof(small),
                                "abcd\x01"
                                "efgh",
                                9, false),
                 "abcd") == 0);
    CHECK(strcmp(console_escape(small, sizeof(small), "", 0, false), "") == 0);
    test_passed("text of a guest is made printable, and cut between characters");
}

static void test_ends(void)
{
    static const char *const wrong[] = {"",
                                        "exit",
                                        "exit ",
                                        "exit x",
                                        "exit 1 ",
                                        "exit -",
                                        "exit --1",
                                        "exit 2147483648",
                                        "exit -2147483649",
                                        "exit 99999999999999999999",
                                        "halt 0",
                                        "Halt",
                                        "none",
                                        "hal"};
    char text[END_TEXT_BYTES];
    struct end end, back;

    for (enum end_kind kind = END_EXIT; kind < END_KINDS; kind++) {
        end = (struct end){kind, kind == END_EXIT ? INT32_MIN : 0};
        end_format(&end, text);
        CHECK(end_parse(text, strlen(text), &back) && end_equal(&end, &back));
    }
    CHECK(end_parse("exit 2147483647x", 15, &back) && back.status == INT32_MAX);
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        back = (struct end){END_HOLE, 0};
        CHECK(!end_parse(wrong[i], strlen(wrong[i]), &back) && back.kind == END_HOLE);
    }
    CHECK(!end_equal(&(struct end){END_EXIT, 0}, &(struct end){END_EXIT, 1}));
    CHECK(end_equal(&(struct end){END_HALT, 0}, &(struct end){END_HALT, 1}));
    test_passed("the words for ends are read back, others are refused");
}

static void test_errors(void)
{
    for (int64_t error = 1; error <= ABI_ENTRY; error++)
        CHECK(strcmp(error_text(-error), error_text(0)) != 0);
    CHECK(strcmp(error_text(-1000), error_text(0)) == 0 && strcmp(error_text(INT64_MIN), error_text(0)) == 0);
    test_passed("each error has its words");
}

int main(void)
{
    test_escape();
    test_ends();
    test_errors();
    return test_done();
}
