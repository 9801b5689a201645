/*
 * Mode-based execute control: bit 2 of an EPT entry is about code at supervisor-mode linear addresses then, and bit
 * 10 about that at user-mode ones. Which it is, the guest's own page tables say: U/S in all of their entries.
 */
#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"

#define MANUAL "EPT Violations"

enum { USER_X = 1 << 10, SLOT = 9 };

static const struct rights {
    const char *label;
    uint64_t bits;
} rights[] = {
#define LIST(X)                                                                                                        \
    X("r", EPT_R)                                                                                                      \
    X("rx", EPT_R | EPT_X) X("ru", EPT_R | USER_X) X("rxu", EPT_R | EPT_X | USER_X) X("rw", EPT_R | EPT_W)             \
        X("rwx", EPT_RWX) X("rwu", EPT_R | EPT_W | USER_X) X("rwxu", EPT_RWX | USER_X)
#define ROW(label, bits) {label, bits},
    LIST(ROW)};
#define LABEL(label, bits) label,

static const struct feature_axis axes[] = {
    AXIS("4k", "table", "directory", "2m"),
    AXIS(LIST(LABEL)),
    AXIS("supervisor-page", "user-page"),
    AXIS("kernel", "user"),
    AXIS("off", "on"),
    {0},
};
enum { AT_PLACE, AT_RIGHTS, AT_PAGE, AT_CPL, AT_CONTROL };

/* CPL 3 gets nowhere in a supervisor page. */
static bool exists(const unsigned *at) { return at[AT_PAGE] || !at[AT_CPL]; }

static const uint16_t *row_needs(const void *at)
{
    static const uint16_t needs[][2] = {{NOT(PROC2_MODE_BASED_EXECUTE)}, {PROC2_MODE_BASED_EXECUTE}};

    return needs[((const unsigned *)at)[AT_CONTROL]];
}

/* The qualification has the rights as they are, bit 6 only with the control. */
FEATURE_GRID(ept_mode, VMX, NEEDS(), MANUAL,
             "which bit of the entry a fetch needs: by the control, and by the guest's U/S", axes, .exists = exists,
             .row_needs = row_needs)
{
    const struct ept_place place = ept_open((enum ept_where)at[AT_PLACE]);
    const bool on = at[AT_CONTROL], user_page = at[AT_PAGE];
    const uint64_t bits = rights[at[AT_RIGHTS]].bits;
    const bool allowed = bits & (on && user_page ? (uint64_t)USER_X : (uint64_t)EPT_X);
    uint8_t *at_linear = page_map(SLOT, place.gpa, PAGE_PRESENT | PAGE_WRITE | (user_page ? PAGE_USER : 0));
    struct exit_record e;

    lab_set_to(PROC2_MODE_BASED_EXECUTE, on);
    ept_set(&place, EPT_RWX | USER_X, bits);
    if (at[AT_CPL])
        e = OBSERVE(IN_USER(ept_do(ACCESS_FETCH, at_linear + EPT_OFFSET)));
    else
        e = OBSERVE(ept_do(ACCESS_FETCH, at_linear + EPT_OFFSET));
    if (allowed) {
        EXPECT_NO_EXIT();
        return;
    }
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_EQ(e.physical, place.gpa + EPT_OFFSET);
    EXPECT_BITS(e.qualification, EPT_RWX | EPT_RWX << 3, EPT_FETCH | (bits & EPT_RWX) << 3);
    if (on)
        EXPECT_EQ(!!(e.qualification & EPT_USER_EXECUTABLE), !!(bits & USER_X));
}

static const struct feature_axis data_axes[] = {AXIS("4k", "2m"), AXIS("read", "write"), {0}};

FEATURE_GRID(ept_mode_data, VMX, NEEDS(PROC2_MODE_BASED_EXECUTE), MANUAL,
             "neither right to execute is one to read or write", data_axes)
{
    const struct ept_place place = ept_open(at[0] ? PLACE_2M : PLACE_4K);

    lab_set(PROC2_MODE_BASED_EXECUTE);
    ept_set(&place, EPT_RWX, EPT_R | USER_X);
    OBSERVE(ept_touch(at[1] ? ACCESS_WRITE : ACCESS_READ, &place));
    if (at[1])
        EXPECT_EXIT(EXIT_EPT_VIOLATION);
    else
        EXPECT_NO_EXIT();
}

static const struct kind {
    const char *label;
    uint64_t bits;
} kinds[] = {{"wu", EPT_W | USER_X}, {"wxu", EPT_W | EPT_X | USER_X}};

FEATURE_TESTS(ept_mode_misconfig, VMX, NEEDS(PROC2_MODE_BASED_EXECUTE), "EPT Misconfigurations",
              "an entry that can be written but not read is misconfigured with a right to execute in user mode, too",
              kinds)
{
    const struct ept_place place = ept_open(PLACE_4K);

    lab_set(PROC2_MODE_BASED_EXECUTE);
    ept_set(&place, EPT_RWX, row->bits);
    OBSERVE(ept_touch(ACCESS_READ, &place));
    EXPECT_EXIT(EXIT_EPT_MISCONFIGURATION);
}

FEATURE_TEST(ept_mode_user_only, VMX, NEEDS(PROC2_MODE_BASED_EXECUTE, EPT_EXECUTE_ONLY), MANUAL,
             "an entry with nothing but the right to execute in user mode is present")
{
    const struct ept_place place = ept_open(PLACE_4K);
    uint8_t *linear = page_map(SLOT, place.gpa, PAGE_PRESENT | PAGE_USER);

    lab_set(PROC2_MODE_BASED_EXECUTE);
    ept_set(&place, EPT_RWX, USER_X);
    OBSERVE(IN_USER(ept_do(ACCESS_FETCH, linear + EPT_OFFSET)));
    EXPECT_NO_EXIT();
    OBSERVE(ept_do(ACCESS_READ, linear + EPT_OFFSET));
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
}
