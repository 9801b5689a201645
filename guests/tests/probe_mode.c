/*
 * Mode-based execute control: bit 2 of an EPT entry is about code at supervisor-mode linear addresses then, and bit
 * 10 about that at user-mode ones. Which it is, the guest's own page tables say: U/S in all of their entries. A lab's
 * own memory has no bit 10, so this takes a guest of the probe.
 */
#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"
#include "guests/tests/probe.h"

#define MANUAL "EPT Violations"

enum { USER_X = 1 << 10 };

/* At each level, the entry that maps the page, or one that leads to it. */
static const struct level {
    unsigned map, entry;
} levels[] = {{1, 1}, {1, 2}, {1, 3}, {2, 2}, {3, 3}};
#define LEVELS AXIS("4k", "table", "directory", "2m", "1g")

static const uint64_t rights[] = {
    EPT_R,         EPT_R | EPT_X, EPT_R | USER_X,         EPT_R | EPT_X | USER_X,
    EPT_R | EPT_W, EPT_RWX,       EPT_R | EPT_W | USER_X, EPT_RWX | USER_X,
};
#define RIGHTS AXIS("r", "rx", "ru", "rxu", "rw", "rwx", "rwu", "rwxu")

enum { AT_LEVEL, AT_RIGHTS, AT_PAGE, AT_CPL, AT_CONTROL };
static const struct feature_axis axes[] = {
    LEVELS, RIGHTS, AXIS("supervisor-page", "user-page"), AXIS("kernel", "user"), AXIS("off", "on"), {0}};

/* CPL 3 gets nowhere in a supervisor page. */
static bool exists(const unsigned *at) { return at[AT_PAGE] || !at[AT_CPL]; }

static const uint16_t *row_needs(const void *row)
{
    static const uint16_t level_needs[] = {0, 0, 0, EPT_2M, EPT_1G};
    static uint16_t needs[3];
    const unsigned *at = row;

    needs[0] = at[AT_CONTROL] ? PROC2_MODE_BASED_EXECUTE : NOT(PROC2_MODE_BASED_EXECUTE);
    needs[1] = level_needs[at[AT_LEVEL]];
    return needs;
}

static void expect_violation(const struct probe_place *place, struct probe_result result, uint64_t access,
                             uint64_t bits)
{
    EXPECT_EQ(result.reason, EXIT_EPT_VIOLATION);
    EXPECT_EQ(probe_guest_field(GUEST_PHYSICAL_ADDRESS), place->gpa + EPT_OFFSET);
    EXPECT_BITS(result.qualification, EPT_RWX | EPT_RWX << 3, access | (bits & EPT_RWX) << 3);
}

/* Of the qualification, bit 6 is defined with the control only. */
FEATURE_GRID(probe_mode, VMX, NEEDS(), MANUAL,
             "which bit of the entry a fetch needs: by the control, and by the guest's U/S", axes, .exists = exists,
             .row_needs = row_needs)
{
    const struct level *level = &levels[at[AT_LEVEL]];
    const bool on = at[AT_CONTROL], user_page = at[AT_PAGE];
    const uint64_t bits = rights[at[AT_RIGHTS]];
    struct probe_place place = probe_place_begin(level->map, PROBE_FETCH);
    uint64_t *entry = probe_guest_entry(place.gpa, level->entry);
    struct probe_result result;

    *entry = (*entry & ~(uint64_t)(EPT_RWX | USER_X)) | bits;
    probe_guest_window(place.gpa, user_page ? PAGE_USER : 0);
    if (on)
        probe_guest_control(&place.block, PROC2_MODE_BASED_EXECUTE);
    if (at[AT_CPL])
        probe_guest_in_user_mode(&place.block);
    result = probe_guest_enter();
    EXPECT(result.exited);
    if (bits & (on && user_page ? (uint64_t)USER_X : (uint64_t)EPT_X)) {
        EXPECT_EQ(result.reason, EXIT_CPUID);
        return;
    }
    expect_violation(&place, result, EPT_FETCH, bits);
    if (on)
        EXPECT_EQ(!!(result.qualification & EPT_USER_EXECUTABLE), !!(bits & USER_X));
}

/* The access, with the control, to a page whose entry has these rights. */
static struct probe_result enter_with(const struct probe_place *place, uint64_t bits)
{
    struct entry_block block = place->block;
    struct probe_result result;

    *place->entry = (place->open & ~(uint64_t)(EPT_RWX | USER_X)) | bits;
    probe_guest_control(&block, PROC2_MODE_BASED_EXECUTE);
    result = probe_guest_enter();
    EXPECT(result.exited);
    return result;
}

static const struct data {
    const char *label;
    uint64_t bits;
    enum probe_access access;
    uint64_t reason;
} datas[] = {
    {"ru-read", EPT_R | USER_X, PROBE_READ, EXIT_CPUID},
    {"ru-write", EPT_R | USER_X, PROBE_WRITE, EXIT_EPT_VIOLATION},
    {"wu", EPT_W | USER_X, PROBE_READ, EXIT_EPT_MISCONFIGURATION},
    {"wxu", EPT_W | EPT_X | USER_X, PROBE_READ, EXIT_EPT_MISCONFIGURATION},
};

FEATURE_TESTS(probe_mode_data, VMX, NEEDS(PROC2_MODE_BASED_EXECUTE), MANUAL,
              "no right to execute is one to read or write, and what can be written has to be readable", datas)
{
    const struct probe_place place = probe_place_begin(1, row->access);

    EXPECT_EQ(enter_with(&place, row->bits).reason, row->reason);
}

static const struct only {
    const char *label;
    enum probe_access access;
} onlys[] = {{"fetch", PROBE_FETCH}, {"read", PROBE_READ}};

FEATURE_TESTS(probe_mode_user_only, VMX, NEEDS(PROC2_MODE_BASED_EXECUTE, EPT_EXECUTE_ONLY), MANUAL,
              "an entry with nothing but the right to execute in user mode is present", onlys)
{
    const struct probe_place place = probe_place_begin(1, row->access);
    const struct probe_result result = enter_with(&place, USER_X);

    if (row->access == PROBE_FETCH)
        EXPECT_EQ(result.reason, EXIT_CPUID);
    else
        expect_violation(&place, result, EPT_READ, 0);
}
