/* sources: guests/lib/feature/select.c guests/lib/feature/outcome.c guests/lib/common/format.c tests/lib_support.c */
/* Feature tests without a machine: rows and their ids, what a choice means, and what becomes of verdicts. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "guests/lib/feature/outcome.h"
#include "guests/lib/feature/select.h"
#include "tests/lib_support.h"

static const void *ran_with;

#define RECORD_ONLY(identifier) (identifier##_pointer)

FEATURE_TEST(io_alone, VMX, ((const uint16_t[]){0}), "section", "text")
{
    ran_with = NULL;
}

static const struct entry {
    const char *label;
    int value;
} entries[] = {{"7fff-4-out", 1}, {"0", 2}, {"GUEST_RIP", 3}};

FEATURE_TESTS(io_table, SVM, ((const uint16_t[]){0}), "section", "text", entries, .milliseconds = 7)
{
    ran_with = row;
}

static bool is_not_diagonal(const unsigned *at) { return at[0] != at[1]; }

static const struct feature_axis axes[] = {AXIS("a", "b"), AXIS("x", "y", "z"), {0}};

FEATURE_GRID(grid, ANY, ((const uint16_t[]){0}), "section", "text", axes, .exists = is_not_diagonal)
{
    ran_with = at;
}

static unsigned count_made(void) { return 12; }

static void name_made(unsigned number, char label[FEATURE_LABEL])
{
    snprintf(label, FEATURE_LABEL, "E%u.EPT_POINTER.near", number);
}

static bool is_last(unsigned number) { return number == 3; }

static unsigned ran_number;

FEATURE_MADE(made, VMX, ((const uint16_t[]){0}), "section", "text", count_made, name_made,
             .last = is_last)
{
    ran_number = number;
}

static void check_id(const struct feature_test *test, unsigned number, const char *wanted)
{
    struct feature_row row;
    char id[FEATURE_ID];

    CHECK(feature_row(test, number, &row));
    CHECK(feature_id(&row, id) == strlen(wanted));
    CHECK(strcmp(id, wanted) == 0);
}

static void test_rows(void)
{
    struct feature_row row;
    char family[FEATURE_LABEL];

    CHECK(__stop_feature_tests - __start_feature_tests == 4);
    CHECK(feature_rows(RECORD_ONLY(io_alone)) == 1);
    check_id(RECORD_ONLY(io_alone), 0, "vmx.io.alone");
    CHECK(feature_rows(RECORD_ONLY(io_table)) == 3);
    check_id(RECORD_ONLY(io_table), 0, "svm.io.table.7fff-4-out");
    check_id(RECORD_ONLY(io_table), 1, "svm.io.table.0");
    check_id(RECORD_ONLY(io_table), 2, "svm.io.table.guest-rip");
    CHECK(RECORD_ONLY(io_table)->milliseconds == 7);
    CHECK(feature_row(RECORD_ONLY(io_table), 1, &row));
    row.test->run(feature_row_argument(&row));
    CHECK(ran_with == &entries[1]);
    CHECK(feature_rows(RECORD_ONLY(grid)) == 6);
    CHECK(!feature_row(RECORD_ONLY(grid), 0, &row) && !feature_row(RECORD_ONLY(grid), 4, &row));
    check_id(RECORD_ONLY(grid), 1, "any.grid.a-y");
    check_id(RECORD_ONLY(grid), 5, "any.grid.b-z");
    CHECK(feature_row(RECORD_ONLY(grid), 5, &row));
    row.test->run(feature_row_argument(&row));
    CHECK(ran_with == row.at && row.at[0] == 1 && row.at[1] == 2);
    CHECK(feature_rows(RECORD_ONLY(made)) == 12);
    CHECK(feature_is_last(RECORD_ONLY(made), 3) && !feature_is_last(RECORD_ONLY(made), 4));
    CHECK(!feature_is_last(RECORD_ONLY(io_table), 3));
    check_id(RECORD_ONLY(made), 11, "vmx.made.e11.ept-pointer.near");
    CHECK(feature_row(RECORD_ONLY(made), 10, &row));
    row.test->run(feature_row_argument(&row));
    CHECK(ran_number == 10);
    feature_family(RECORD_ONLY(grid), family);
    CHECK(strcmp(family, "guests_feature_test") == 0);
    test_passed("rows and ids");
}

static void test_globs(void)
{
    static const struct {
        const char *patterns, *text;
        bool matches;
    } cases[] = {
        {"io_*", "io_bitmap", true},     {"io_*", "io_", true},           {"io_*", "aio_b", false},
        {"*", "", true},                 {"", "a", false},                {"", "", false},
        {"a,b", "b", true},              {"a,b", "a,b", false},           {"a,,b", "b", true},
        {"*.x.*.y", "vmx.x.1.2.y", true}, {"*.x.*.y", "vmx.x.y", false},  {"?x", "ax", true},
        {"?x", "x", false},              {"abc", "ab", false},            {"ab", "abc", false},
        {"*ab", "aab", true},            {"*a*b*c", "xaybzcc", true},     {"*a*b*c", "xaybzcd", false},
        {"**", "abc", true},             {"a*", "a", true},               {"a?", "a", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(feature_glob(cases[i].patterns, cases[i].text) == cases[i].matches);
    test_passed("patterns");
}

static bool is_chosen(const char *tests, const char *families, const struct feature_test *test, unsigned number)
{
    const struct feature_choice choice = {tests, families};

    return feature_chosen_family(&choice, test) && feature_chosen(&choice, test, number);
}

static void test_choice(void)
{
    const struct feature_test *table = RECORD_ONLY(io_table);

    CHECK(is_chosen(NULL, NULL, table, 0));
    CHECK(is_chosen("io_*", NULL, table, 0) && is_chosen("grid,io_table", NULL, table, 0));
    CHECK(!is_chosen("grid", NULL, table, 0) && !is_chosen("table", NULL, table, 0));
    CHECK(is_chosen("svm.io.*", NULL, table, 1) && !is_chosen("vmx.*", NULL, table, 1));
    CHECK(is_chosen("*7fff*", NULL, table, 0) && !is_chosen("*7fff*", NULL, table, 1));
    CHECK(is_chosen(NULL, "guests_*", table, 0) && !is_chosen(NULL, "io", table, 0));
    CHECK(feature_chosen_family(&(struct feature_choice){"x", "other,guests_*"}, table));
    CHECK(feature_chosen_family(&(struct feature_choice){"x", NULL}, table));
    CHECK(!feature_chosen_family(&(struct feature_choice){NULL, "other"}, table));
    CHECK(!is_chosen("grid", "guests_*", table, 0) && !is_chosen("io_*", "other", table, 0));
    test_passed("choices");
}

static void test_order(void)
{
    const struct feature_test *tests[] = {RECORD_ONLY(grid), RECORD_ONLY(io_table), RECORD_ONLY(io_alone)};
    uint64_t a = 7, b = 7, c = 8;
    bool differ = false;

    feature_sort(tests, 3);
    for (int again = 0; again < 2; again++) {
        CHECK(tests[0] == RECORD_ONLY(io_alone) && tests[1] == RECORD_ONLY(io_table) && tests[2] == RECORD_ONLY(grid));
        feature_sort(tests, 3);
    }
    for (int i = 0; i < 100; i++) {
        uint32_t x = feature_random(&a);

        CHECK(x == feature_random(&b));
        differ |= x != feature_random(&c);
    }
    CHECK(differ);
    test_passed("orders");
}

static jmp_buf left;

static void leave(void) { longjmp(left, 1); }

static void check_line(const char *wanted)
{
    char line[240];
    size_t length = outcome_line("vmx.a", line, sizeof line);

    if (strcmp(line, wanted) != 0)
        printf("# got \"%s\"\n# not \"%s\"\n", line, wanted);
    CHECK(length == strlen(line) && strcmp(line, wanted) == 0);
}

static void test_verdicts(void)
{
    outcome_leave = leave;
    outcome_begin();
    CHECK(outcome_expect(true, "so", "a/b.c", 1));
    check_line("ok vmx.a");
    outcome_begin();
    check_line("not ok vmx.a # ERROR the test expected nothing");

    outcome_begin();
    CHECK(!outcome_compare(RELATION_EQ, 1, 2, "x", "a/b.c", 9));
    CHECK(!outcome_expect(false, "y", "a/b.c", 10));
    CHECK(outcome_compare(RELATION_EQ, 2, 2, "z", "a/b.c", 11));
    check_line("not ok vmx.a # b.c:9: x is 0x1, expected 0x2 (and 1 more)");

    outcome_begin();
    if (setjmp(left) == 0)
        outcome_end(VERDICT_SKIP, NULL, 0, "needs %s", "X");
    check_line("ok vmx.a # SKIP needs X");
    outcome_worsen(VERDICT_ERROR, "b.c", 3, "worse");
    check_line("not ok vmx.a # ERROR b.c:3: worse");
    outcome_worsen(VERDICT_SKIP, NULL, 0, "better does not count");
    check_line("not ok vmx.a # ERROR b.c:3: worse");
    outcome_fail("b.c", 4, "worse still");
    check_line("not ok vmx.a # b.c:4: worse still");
    outcome_worsen(VERDICT_ERROR, NULL, 0, "nor here");
    outcome_worsen(VERDICT_TIMEOUT, NULL, 0, "the worst");
    check_line("not ok vmx.a # TIMEOUT the worst");
    test_passed("verdicts");
}

static void test_relations(void)
{
    static const uint64_t big = UINT64_MAX;
    static const struct {
        enum relation relation;
        bool less, equal, more;
    } cases[] = {
        {RELATION_EQ, false, true, false}, {RELATION_NE, true, false, true}, {RELATION_LT, true, false, false},
        {RELATION_LE, true, true, false},  {RELATION_GT, false, false, true}, {RELATION_GE, false, true, true},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(outcome_compare(cases[i].relation, 1, big, "x", "c", 1) == cases[i].less);
        CHECK(outcome_compare(cases[i].relation, big, big, "x", "c", 1) == cases[i].equal);
        CHECK(outcome_compare(cases[i].relation, big, 1, "x", "c", 1) == cases[i].more);
    }
    test_passed("relations, without sign");
}

/* However long a reason is, the line fits. */
static void test_long(void)
{
    char what[400], line[240], id[FEATURE_ID];

    memset(what, 'w', sizeof what);
    what[sizeof what - 1] = 0;
    memset(id, 'i', sizeof id);
    id[sizeof id - 1] = 0;
    outcome_begin();
    outcome_expect(false, what, "a/b.c", 1);
    CHECK(outcome_line(id, line, sizeof line) == sizeof line - 1 && strlen(line) == sizeof line - 1);
    test_passed("a long reason is cut");
}

int main(void)
{
    test_rows();
    test_globs();
    test_choice();
    test_order();
    test_verdicts();
    test_relations();
    test_long();
    return test_done();
}
