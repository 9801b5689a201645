/*
 * Feature tests. A test is a FEATURE_TEST (one row), a FEATURE_TESTS (a row for each entry of a table) or a FEATURE_GRID (a
 * row for each combination of some axes): the record that it leaves is the only place where it exists. docs/tests.md shows
 * how to write one.
 *
 *     FEATURE_TEST(cpuid_exits, ANY, NEEDS(), "Instructions That Cause VM Exits Unconditionally", "CPUID exits")
 *     {
 *         OBSERVE(cpu_id(0, 0));
 *         EXPECT_EXIT(VMX, EXIT_CPUID);
 *     }
 *
 * The id of a row is its platform, the identifier and the row's label, "any.cpuid.exits", "vmx.io.bitmap.7fff-4-out". Ids never
 * change their meaning. Each row begins with the vCPU as it was at the start, whatever the rows before did to it.
 *
 * The last arguments may set members of struct feature_test: `.milliseconds = 100, .row_needs = needs_of`.
 */
#ifndef GUESTS_LIB_FEATURE_RECORD_H
#define GUESTS_LIB_FEATURE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FEATURE_AXES = 8,     /* of a grid */
    FEATURE_LABEL = 80,   /* bytes of a row's label, with its 0 */
    FEATURE_ID = 128,     /* bytes of a row's id, with its 0 */
};

enum feature_platform { PLATFORM_ANY, PLATFORM_VMX, PLATFORM_SVM }; /* as enum backend */

/* The values of one axis of a grid, by their labels; the last axis of a grid has none. */
struct feature_axis {
    const char *const *labels;
    unsigned n;
};
#define AXIS(...) {(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)}

struct feature_test {
    const char *name;             /* the identifier */
    const char *file;             /* guests/tests/FAMILY.c */
    unsigned line;
    enum feature_platform platform;
    const uint16_t *needs;        /* see needs.h; ends with 0 */
    const char *manual;           /* title of the section of the manual that says so */
    const char *description;
    void (*run)(const void *row); /* a table's: its entry; a grid's: const unsigned at[], its place on each axis; made up: its
                                   * unsigned number; others': null */
    const void *table;            /* each entry begins with `const char *label` */
    size_t entries, entry_bytes;
    const struct feature_axis *axes;
    unsigned (*count)(void);                        /* of rows that are made up: FEATURE_MADE */
    void (*make)(unsigned number, char label[FEATURE_LABEL]);
    bool (*last)(unsigned number);                  /* whether such a row comes behind all that are not so, in any order: a
                                                     * machine may not survive it; null: none is so */
    void (*check)(unsigned number);                 /* may see, before such a row begins, that it can't run here, by
                                                     * outcome_worsen(VERDICT_SKIP, ...): without a guard, so by looking only;
                                                     * null: none does */
    bool (*exists)(const unsigned *at);             /* of a grid: whether there is this combination; null: there are all */
    const uint16_t *(*row_needs)(const void *row);  /* what this row needs, too; ends with 0 */
    uint64_t exits;               /* that a row may take; 0: 100,000 */
    unsigned milliseconds;        /* that it may take, of the machine's time: others run, too; 0: 20,000 */
};

/* What a test needs, a list of enum feature_need; NOT(need) is a control that can be cleared. What is missing is the SKIP. */
#define NEEDS(...) ((const uint16_t[]){__VA_ARGS__ __VA_OPT__(, ) 0})

#define FEATURE_TEST(identifier, on, needs_, manual_, description_, ...)                                              \
    static void identifier##_test(void);                                                                              \
    static void identifier##_run(const void *row)                                                                     \
    {                                                                                                                 \
        (void)row;                                                                                                    \
        identifier##_test();                                                                                          \
    }                                                                                                                 \
    FEATURE_RECORD(identifier, on, needs_, manual_, description_ __VA_OPT__(, ) __VA_ARGS__);                         \
    static void identifier##_test(void)

/* `entries_` is an array of structs, the first member of which is `const char *label`; the body gets its entry as *row. */
#define FEATURE_TESTS(identifier, on, needs_, manual_, description_, entries_, ...)                                   \
    _Static_assert(offsetof(__typeof__((entries_)[0]), label) == 0, "an entry begins with its label");                \
    static void identifier##_test(const __typeof__((entries_)[0]) *row);                                              \
    static void identifier##_run(const void *row) { identifier##_test(row); }                                         \
    FEATURE_RECORD(identifier, on, needs_, manual_, description_, .table = (entries_),                                \
                   .entries = sizeof(entries_) / sizeof((entries_)[0]),                                               \
                   .entry_bytes = sizeof((entries_)[0]) __VA_OPT__(, ) __VA_ARGS__);                                  \
    static void identifier##_test(const __typeof__((entries_)[0]) *row)

/* `axes_` is an array of struct feature_axis, {AXIS("in", "out"), ..., {0}}; at[n] is the place on axis n. */
#define FEATURE_GRID(identifier, on, needs_, manual_, description_, axes_, ...)                                       \
    static void identifier##_test(const unsigned *at);                                                                \
    static void identifier##_run(const void *row) { identifier##_test(row); }                                         \
    FEATURE_RECORD(identifier, on, needs_, manual_, description_, .axes = (axes_) __VA_OPT__(, ) __VA_ARGS__);        \
    static void identifier##_test(const unsigned *at)

/* Rows that other data has: count_() says how many, make_() writes the label of one; the body gets its number. */
#define FEATURE_MADE(identifier, on, needs_, manual_, description_, count_, make_, ...)                               \
    static void identifier##_test(unsigned number);                                                                   \
    static void identifier##_run(const void *row) { identifier##_test(*(const unsigned *)row); }                      \
    FEATURE_RECORD(identifier, on, needs_, manual_, description_, .count = (count_),                                  \
                   .make = (make_) __VA_OPT__(, ) __VA_ARGS__);                                                       \
    static void identifier##_test(unsigned number)

#define FEATURE_RECORD(identifier, on, needs_, manual_, description_, ...)                                            \
    static const struct feature_test identifier##_record = {.name = #identifier,                                     \
                                                            .file = __FILE__,                                         \
                                                            .line = __LINE__,                                         \
                                                            .platform = PLATFORM_##on,                                \
                                                            .needs = needs_,                                          \
                                                            .manual = manual_,                                        \
                                                            .description = description_,                              \
                                                            .run = identifier##_run __VA_OPT__(, ) __VA_ARGS__};      \
    __attribute__((section("feature_tests"), used)) static const struct feature_test *const identifier##_pointer =   \
        &identifier##_record

/* All records that are linked in, in no order: the linker names the ends of a section with such a name. */
extern const struct feature_test *const __start_feature_tests[], *const __stop_feature_tests[];

#endif
