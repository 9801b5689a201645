/* sources: vmm/root/difference.c vmm/lib/files.c vmm/lib/glob.c tests/lib_support.c */
/* Known differences: what is read, what fits a platform, what is found by an id; and each mistake by file and line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/lib/glob.h"
#include "vmm/root/difference.h"

#define REST "seen = exits\nmanual = Use of I/O\nwhy = no\n"

/* Reads a copy, so that ASan sees each byte beyond it. The copy lives as long as what was read from it is looked at. */
static bool read_text(const char *text, size_t bytes, const char *platform, char why[DIFFERENCE_WHY_BYTES])
{
    static char *copy;

    free(copy);
    copy = malloc(bytes ? bytes : 1);
    memcpy(copy, text, bytes);
    why[0] = 0;
    return difference_read("known", copy, bytes, platform, why);
}

static bool found(const char *id) { return difference_find(id, strlen(id)) != NULL; }

static void test_platform(void)
{
    static const char text[] = "# a\n\n[difference]\nplatform = bochs vmx\nid = vmx.io.*\n" REST
                               "[difference]\r\nplatform=TCG\nid = svm.a.b\n" REST;
    char why[DIFFERENCE_WHY_BYTES];

    CHECK(read_text(text, sizeof text - 1, "bochs VMX Intel", why));
    CHECK(difference_count() == 1 && found("vmx.io.a") && found("vmx.io.") && !found("vmx.i") && !found("svm.a.b"));
    CHECK(strcmp(difference_find("vmx.io.a", 8)->seen, "exits") == 0);
    CHECK(read_text(text, sizeof text - 1, "qemu SVM AMD QEMU TCG", why));
    CHECK(difference_count() == 1 && found("svm.a.b") && !found("svm.a.bc") && !found("svm.a"));
    CHECK(read_text(text, sizeof text - 1, "pc VMX", why) && difference_count() == 0);
    CHECK(read_text("", 0, "pc", why) && difference_count() == 0);
    test_passed("differences are kept where each word of the platform occurs");
}

static void test_glob(void)
{
    static const char text[] = "[difference]\nplatform = p\nid = a*b*c?\n" REST;
    char why[DIFFERENCE_WHY_BYTES];

    CHECK(read_text(text, sizeof text - 1, "P", why));
    CHECK(found("abcd") && found("aXbYcd") && found("abbccc") && !found("abc") && !found("abcde") && !found("xabcd"));
    test_passed("a star stands for any text");
}

static void test_list(void)
{
    static const char text[] = "[difference]\nplatform = p\nid = a.b?  c.*\td\n" REST
                               "[difference]\nplatform = p\nid = e f*\nrun = no\n" REST;
    char why[DIFFERENCE_WHY_BYTES];

    CHECK(read_text(text, sizeof text - 1, "p", why) && difference_count() == 2);
    CHECK(found("a.b1") && found("c.") && found("c.x") && found("d") && found("e") && found("f1"));
    CHECK(!found("a.b") && !found("a.b1c") && !found("dd") && !found("") && !found("a.b? c.x"));
    CHECK(memcmp(difference_not_run(), "e\0f*\0", 6) == 0);
    test_passed("a difference may list several ids");
}

static void test_mistakes(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"id = x\n", "known:1: this stands before any [difference]: id = x"},
        {"[difference]\nplatform = p\nid = x\nseen = y\nmanual = z\n", "known:1: this [difference] does not say its why"},
        {"[difference]\nplatform = p\nid =\n" REST, "known:1: this [difference] does not say its id"},
        {"[difference]\nplatform = p\nid = x\nid = y\n" REST, "known:4: a second id"},
        {"[difference]\nplattform = p\n", "known:2: expected platform, id, seen, manual, why or run, not plattform"},
        {"[difference]\nplatform = p\nid = x\nrun = yes\n" REST, "known:1: `run` is `no` or not there, it is not yes"},
        {"[difference]\nhello\n", "known:2: expected `key = value`, not hello"},
        {"[vm a]\n", "known:1: expected [difference], not [vm a]"},
        {"[file b.conf]\n\n[vm a]\n", "b.conf:2: expected [difference], not [vm a]"},
        {"[difference]\nid = x", "known:2: the last line does not end"},
        {"[\n", "known:1: expected [difference], not ["},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[DIFFERENCE_WHY_BYTES];

        CHECK(!read_text(rows[i].text, strlen(rows[i].text), "p", why));
        if (strcmp(why, rows[i].why) != 0)
            printf("# row %zu: \"%s\"\n", i, why);
        CHECK(strcmp(why, rows[i].why) == 0);
    }
    CHECK(!read_text("a\0b\n", 4, "p", (char[DIFFERENCE_WHY_BYTES]){0}));
    test_passed("each mistake has its file and line");
}

static void test_not_run(void)
{
    static const char text[] = "[difference]\nplatform = p\nid = a*\nrun = no\n" REST "[difference]\nplatform = p\nid = b\n" REST
                               "[difference]\nplatform = q\nid = c\nrun = no\n" REST "[difference]\nplatform = p\nid = d\nrun = no\n" REST;
    char why[DIFFERENCE_WHY_BYTES], many[80 * 1000];
    size_t used = 0;

    CHECK(read_text(text, sizeof text - 1, "p", why));
    CHECK(memcmp(difference_not_run(), "a*\0d\0", 6) == 0);
    CHECK(!difference_find("abc", 3)->runs && difference_find("b", 1)->runs);
    CHECK(glob_matches_one(difference_not_run(), "abcd", 3) && glob_matches_one(difference_not_run(), "d", 1));
    CHECK(!glob_matches_one(difference_not_run(), "b", 1) && !glob_matches_one(difference_not_run(), "", 0));
    CHECK(read_text("", 0, "p", why) && difference_not_run()[0] == 0);
    for (int i = 0; i < 600; i++)
        used += (size_t)snprintf(many + used, sizeof many - used, "[difference]\nplatform = p\nid = z\nrun = no\n" REST);
    CHECK(!read_text(many, used, "p", why) && strstr(why, "too many tests with `run = no`"));
    test_passed("what is not to be run is a list of patterns");
}

/* Any bytes: no crash, and whatever it says is terminated. */
static void test_noise(void)
{
    static const char parts[][20] = {"[difference]\n", "[file x]\n", "id = a*\n", "platform = p\n", "seen = s\n", "=\n", "[", "\n",
                                     "manual = m\n", "why = w\n", "run = no\n", " \t", "\r\n"};
    unsigned state = 1;

    for (int round = 0; round < 20000; round++) {
        char text[200] = "", why[DIFFERENCE_WHY_BYTES];

        for (int i = 0; i < 9; i++) {
            state = state * 1103515245 + 12345;
            strcat(text, parts[(state >> 16) % (sizeof parts / sizeof *parts)]);
        }
        if (!read_text(text, strlen(text), "p", why))
            CHECK(strlen(why) > 0 && strlen(why) < DIFFERENCE_WHY_BYTES);
        found("abc");
    }
    test_passed("20000 files of noise are read without harm");
}

int main(void)
{
    test_platform();
    test_glob();
    test_list();
    test_mistakes();
    test_not_run();
    test_noise();
    return test_done();
}
