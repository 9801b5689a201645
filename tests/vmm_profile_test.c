/* sources: vmm/passport/profile.c vmm/passport/profile_compare.c vmm/lib/files.c tests/lib_support.c */
/* Profiles: what is read, each mistake by file and line, and what is told of a machine that differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/passport/profile.h"

static char complaints[2000];
static struct profile *list;
static size_t count;

static void collect(const char *why)
{
    size_t used = strlen(complaints);

    CHECK(strlen(why) < PROFILE_WHY_BYTES);
    snprintf(complaints + used, sizeof complaints - used, "%s\n", why);
}

/* Reads a copy, so that ASan sees each byte beyond it. The copy lives as long as what was read from it is looked at. */
static void read_text(const char *text, size_t bytes)
{
    static char *copy;

    free(copy);
    free(list);
    copy = malloc(bytes ? bytes : 1);
    memcpy(copy, text, bytes);
    complaints[0] = 0;
    count = profile_read("profiles", copy, bytes, &list, collect);
}

static void read_string(const char *text) { read_text(text, strlen(text)); }

static bool has(const char *name) { return profile_find(list, count, name) != NULL; }

static void test_read(void)
{
    read_string("[file a.conf]\n# text\n\n  CPU = Some CPU \t\nBack end=VMX\r\n[file b]\nPIN = NMI = x\n[file c.conf]\n# nothing\n");
    CHECK(complaints[0] == 0 && count == 2 && has("a") && has("b") && !has("a.conf") && !has("c") && !has("") && !has("ab"));
    CHECK(strcmp(profile_words(&list[0], "CPU"), "Some CPU") == 0 && strcmp(profile_words(&list[0], "Back end"), "VMX") == 0);
    CHECK(list[0].lines == 2 && !profile_words(&list[0], "PIN") && strcmp(profile_words(&list[1], "PIN"), "NMI = x") == 0);
    read_string("PIN = NMI\n");
    CHECK(count == 1 && has("profiles"));
    read_string("");
    CHECK(count == 0 && complaints[0] == 0);
    test_passed("profiles are read, several or one, and empty ones are left out");
}

static void test_mistakes(void)
{
    static const struct {
        const char *text, *why;
        bool others; /* the profile before the mistake, and the one after it, are there */
    } rows[] = {
        {"what\n", "x.conf:1: expected `key = words`, not what\n", true},
        {"A = b\n\n = c\n", "x.conf:3: expected `key = words`, not = c\n", true},
        {"A-b = c\n", "x.conf:1: expected `key = words`, not A-b = c\n", true},
        {"A = b\nA = c\n1\n", "x.conf:2: a second A\nx.conf:3: expected `key = words`, not 1\n", true},
        {"A = b\001\n", "x.conf:1: this line holds what is no text\n", true},
        {"A = b", "x.conf:1: the last line does not end\n", false},
    };

    static const char zero[] = "[file x.conf]\nA = b\0c\nB = d\n[file y.conf]\nC = e\n";

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[300];

        snprintf(text, sizeof text, "[file before.conf]\nA = b\n[file x.conf]\n%s%s", rows[i].text,
                 rows[i].others ? "[file after.conf]\nA = b\n" : "");
        read_string(text);
        if (strcmp(complaints, rows[i].why) != 0)
            printf("# row %zu: \"%s\"\n", i, complaints);
        CHECK(strcmp(complaints, rows[i].why) == 0 && has("before") && !has("x") && has("after") == rows[i].others);
    }
    read_text(zero, sizeof zero - 1);
    CHECK(strcmp(complaints, "x.conf:1: the line holds a 0 byte; expected text\n") == 0 && count == 1 && has("y"));
    test_passed("each mistake has its file and line, and costs that profile only");
}

static void test_limits(void)
{
    char text[4000] = "[file x.conf]\nA =";

    for (int i = 0; i < PROFILE_WORDS; i++)
        strcat(text, " w");
    strcat(text, "\n");
    read_string(text);
    CHECK(count == 1 && complaints[0] == 0);
    strcpy(text + strlen(text) - 1, " w\n");
    read_string(text);
    CHECK(count == 0 && strcmp(complaints, "x.conf:1: too many words: A\n") == 0);
    strcpy(text, "[file x.conf]\n");
    for (int i = 0; i < PROFILE_LINES; i++)
        sprintf(text + strlen(text), "A%d = b\n", i);
    read_string(text);
    CHECK(count == 1 && list[0].lines == PROFILE_LINES);
    strcat(text, "B = c\n");
    read_string(text);
    CHECK(count == 0 && strcmp(complaints, "x.conf:33: a passport has not so many lines: B\n") == 0);
    test_passed("more lines or words than a passport has");
}

/* ---- Differences ------------------------------------------------------------------------------------------- */

static struct profile machine(void)
{
    struct profile m = {.lines = 0};

    profile_add(&m, "CPU", "Some CPU");
    profile_add(&m, "Hypervisor", "KVM");
    profile_add(&m, "Back end", "VMX");
    profile_add(&m, "Passport", "nestor-00000001");
    profile_add(&m, "CPUID", "GenuineIntel family=6 stepping=10");
    profile_add(&m, "PROC2", "48BH=0000000200000000 EPT VPID NE!");
    return m;
}

/* The difference from a profile of these lines. */
static struct profile_difference differ(const char *lines)
{
    struct profile m = machine();
    struct profile_difference d;
    char text[2000];

    snprintf(text, sizeof text, "[file x.conf]\n%s", lines);
    read_string(text);
    CHECK(count == 1);
    profile_compare(&m, &list[0], &d);
    CHECK(d.used == strlen(d.tells) && d.keys >= d.left_out);
    return d;
}

static void test_differences(void)
{
    static const struct {
        const char *lines, *tells;
        unsigned distance;
    } rows[] = {
        {"CPU = Some CPU\n", "", 0},
        {"CPU = Another CPU\nPROC2 = EPT VPID NE!\n", "CPU Some CPU instead of Another CPU", 5},
        {"Hypervisor = none\n", "Hypervisor KVM instead of none", 10},
        {"Back end = SVM\nPROC2 = PML\n", "Back end VMX instead of SVM", 1000},
        {"PROC2 = PML NE! EPT\n", "PROC2 without PML, also VPID", 3},
        {"PROC2 =\tZZ AA EPT\tVPID NE! MM\n", "PROC2 without AA MM ZZ", 3},
        {"PROC2 = EPT! VPID NE\n", "PROC2 EPT need not be 1, NE must be 1", 8},
        {"PROC2 = 48BH=0000000200000001 EPT VPID NE!\n", "PROC2 48BH=0000000200000000 instead of 0000000200000001", 3},
        {"PROC2 = 48BH=0000000200000001 EPT NE!\n", "PROC2 also VPID", 1},
        {"CPUID = GenuineIntel family=15 stepping=1 model=2\n", "CPUID family=6 instead of 15, stepping=10 instead of 1", 7},
        {"CPUID = AuthenticAMD\n", "CPUID without AuthenticAMD, also GenuineIntel", 3},
        {"FUNCTION = EPTP_SWITCHING\nPROC2 = EPT VPID NE!\n", "FUNCTION missing", 0},
        {"Passport = nestor-00000002\nPROC2 = 48BH=0000000200000000 EPT VPID NE!\n",
         "CPU also there; Hypervisor also there; Back end also there; CPUID also there", 4},
        {"Microcode = x\nHypervisor = Xen\n", "Hypervisor KVM instead of Xen; Microcode missing", 10},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct profile_difference d = differ(rows[i].lines);

        if (strcmp(d.tells, rows[i].tells) != 0 || d.distance != rows[i].distance)
            printf("# row %zu: %u \"%s\"\n", i, d.distance, d.tells);
        CHECK(strcmp(d.tells, rows[i].tells) == 0 && d.distance == rows[i].distance && d.left_out == 0);
    }
    test_passed("differences by words, and how far they are");
}

static void test_room(void)
{
    char lines[3000] = "PROC2 =";
    struct profile_difference d;

    for (int i = 0; i < PROFILE_WORDS; i++)
        strcat(lines, " WORD_THAT");
    strcat(lines, "\nCPUID = AuthenticAMD\n");
    d = differ(lines);
    CHECK(d.keys == 2 && d.left_out == 2 && d.tells[0] == 0 && d.distance == 103);
    d = differ("Hypervisor = Xen\nCPUID = AuthenticAMD\n");
    CHECK(d.keys == 2 && d.left_out == 0);
    test_passed("what has no room is counted");
}

static void test_nearest(void)
{
    struct profile m = machine();

    read_string("[file far.conf]\nBack end = SVM\n[file near.conf]\nPROC2 = EPT NE!\n[file other.conf]\nPROC2 = VPID NE!\n");
    CHECK(strncmp(profile_nearest(&m, list, count)->name, "near", 4) == 0);
    read_string("[file a.conf]\nCPU = Some CPU\n[file b.conf]\nPassport = nestor-00000001\nCPU = Another\n");
    CHECK(strncmp(profile_nearest(&m, list, count)->name, "b.conf", 6) == 0);
    CHECK(!profile_nearest(&m, list, 0));
    test_passed("the nearest one, or the same machine");
}

/* Any bytes: no crash. */
static void test_noise(void)
{
    static const char parts[][20] = {"[file x.conf]\n", "[file ", "PROC2 = ", "A! ", "=", "48BH=12 ", "EPT ", "\n", "!", " = ",
                                     "x=", "H=", "CPUID =", "]", "#", "Passport = a\n"};
    struct profile m = machine();

    test_seed(1);
    for (int round = 0; round < 20000; round++) {
        char text[300] = "";
        struct profile_difference d;

        for (int i = 0; i < 14; i++)
            strcat(text, parts[test_below(sizeof parts / sizeof *parts)]);
        read_string(text);
        for (size_t i = 0; i < count; i++) {
            profile_compare(&m, &list[i], &d);
            CHECK(strlen(d.tells) == d.used);
        }
        profile_nearest(&m, list, count);
    }
    test_passed("20000 texts of noise are read and compared without harm");
}

int main(void)
{
    test_read();
    test_mistakes();
    test_limits();
    test_differences();
    test_room();
    test_nearest();
    test_noise();
    read_string("");
    free(list);
    return test_done();
}
