/*
 * Nested entries that map 1 GiB: what is allowed, what is reserved, accessed and dirty flags. Guests of the lab have
 * little memory, so a guest of the probe has such an entry beside its own ones: its page of data is in that gigabyte,
 * too.
 */
#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"
#include "guests/tests/probe.h"

enum { LEVEL_2M = 2, LEVEL_1G = 3 };

static struct probe_place begin(enum probe_access access) { return probe_place_begin(LEVEL_1G, access); }

#define THREE AXIS("read", "write", "fetch")

static void expect_done(enum probe_access access, struct probe_result result)
{
    EXPECT(result.exited);
    EXPECT_EQ(result.reason, EXIT_CPUID);
    EXPECT_EQ(probe_guest_data()[EPT_OFFSET], EPT_BYTE + (access == PROBE_WRITE));
}

static void expect_exit(const struct probe_place *place, struct probe_result result, uint64_t reason)
{
    EXPECT(result.exited);
    EXPECT_EQ(result.reason, reason);
    EXPECT_EQ(probe_guest_field(GUEST_PHYSICAL_ADDRESS), place->gpa + EPT_OFFSET);
    EXPECT_EQ(probe_guest_data()[EPT_OFFSET], EPT_BYTE);
}

/* ---- Permissions ---- */

static const struct feature_axis permission_axes[] = {PERMISSIONS, THREE, {0}};

static const uint16_t *permission_needs(const void *at) { return ept_permission_needs(*(const unsigned *)at); }

FEATURE_GRID(probe_gigabyte, VMX, NEEDS(EPT_1G), "EPT Violations",
             "an access that a 1 GiB entry does not allow exits, and is not made", permission_axes,
             .row_needs = permission_needs)
{
    static const uint8_t needed[] = {EPT_R, EPT_W, EPT_X};
    const enum probe_access access = (enum probe_access)at[1];
    const unsigned permissions = ept_permissions[at[0]];
    const struct probe_place place = begin(access);
    struct probe_result result;

    *place.entry = (place.open & ~(uint64_t)EPT_RWX) | permissions;
    result = probe_guest_enter();
    if (permissions & needed[access]) {
        expect_done(access, result);
        return;
    }
    expect_exit(&place, result, EXIT_EPT_VIOLATION);
    EXPECT_BITS(result.qualification, EPT_RWX | EPT_RWX << 3 | EPT_LINEAR_VALID | EPT_TRANSLATED,
                needed[access] | permissions << 3 | EPT_LINEAR_VALID | EPT_TRANSLATED);
    EXPECT_EQ(probe_guest_field(GUEST_LINEAR_ADDRESS), PROBE_AT);
}

/* ---- Bits ---- */

static const struct bits {
    const char *label;
    uint64_t clear, set;
} reserved[] = {
    {"w", EPT_RWX, EPT_W},      {"wx", EPT_RWX, EPT_W | EPT_X}, {"type-2", 7 << 3, 2 << 3}, {"type-3", 7 << 3, 3 << 3},
    {"type-7", 7 << 3, 7 << 3}, {"bit-12", 0, 1 << 12},         {"bit-13", 0, 1 << 13},     {"bit-14", 0, 1 << 14},
    {"bit-15", 0, 1 << 15},     {"bit-16", 0, 1 << 16},         {"bit-17", 0, 1 << 17},     {"bit-18", 0, 1 << 18},
    {"bit-19", 0, 1 << 19},     {"bit-20", 0, 1 << 20},         {"bit-21", 0, 1 << 21},     {"bit-22", 0, 1 << 22},
    {"bit-23", 0, 1 << 23},     {"bit-24", 0, 1 << 24},         {"bit-25", 0, 1 << 25},     {"bit-26", 0, 1 << 26},
    {"bit-27", 0, 1 << 27},     {"bit-28", 0, 1 << 28},         {"bit-29", 0, 1 << 29},     {"bit-51", 0, 1ull << 51},
};

static const struct bits ignored[] = {
    {"bit-8", 0, 1 << 8},      {"bit-9", 0, 1 << 9},      {"bit-11", 0, 1 << 11},
    {"bit-52", 0, 1ull << 52}, {"bit-59", 0, 1ull << 59}, {"bit-62", 0, 1ull << 62},
    {"bit-63", 0, 1ull << 63}, {"ignore-pat", 0, 1 << 6}, {"type-0", 7 << 3, 0},
};

FEATURE_TESTS(probe_gigabyte_reserved, VMX, NEEDS(EPT_1G), "EPT Misconfigurations",
              "a 1 GiB entry with what is reserved in it exits", reserved)
{
    const struct probe_place place = begin(PROBE_READ);

    if (row->set >> 30 && row->set < 1ull << (feature_capability(CAP_CPUID | 0x80000008) & 0xff))
        SKIP("the CPU has physical addresses with this bit");
    *place.entry = (place.open & ~row->clear) | row->set;
    expect_exit(&place, probe_guest_enter(), EXIT_EPT_MISCONFIGURATION);
}

/* The same bits of the address in a smaller page. */
static const struct bits reserved_2m[] = {
    {"bit-12", 0, 1 << 12}, {"bit-13", 0, 1 << 13}, {"bit-14", 0, 1 << 14},
    {"bit-15", 0, 1 << 15}, {"bit-16", 0, 1 << 16}, {"bit-17", 0, 1 << 17},
    {"bit-18", 0, 1 << 18}, {"bit-19", 0, 1 << 19}, {"bit-20", 0, 1 << 20},
};

FEATURE_TESTS(probe_2m_reserved, VMX, NEEDS(EPT_2M), "EPT Misconfigurations",
              "a 2 MiB entry with what is reserved in it exits", reserved_2m)
{
    const struct probe_place place = probe_place_begin(LEVEL_2M, PROBE_READ);

    *place.entry = place.open | row->set;
    expect_exit(&place, probe_guest_enter(), EXIT_EPT_MISCONFIGURATION);
}

FEATURE_TESTS(probe_gigabyte_ignored, VMX, NEEDS(EPT_1G), "EPT Misconfigurations",
              "a 1 GiB entry with what is ignored in it, or allowed, works", ignored)
{
    const struct probe_place place = begin(PROBE_READ);

    *place.entry = (place.open & ~row->clear) | row->set;
    expect_done(PROBE_READ, probe_guest_enter());
}

FEATURE_TEST(probe_gigabyte_unoffered, VMX, NEEDS(), "EPT Misconfigurations",
             "where there are no 1 GiB entries, bit 7 is reserved")
{
    const struct probe_place place = begin(PROBE_READ);

    if (feature_has(EPT_1G))
        SKIP("the CPU has 1 GiB entries");
    expect_exit(&place, probe_guest_enter(), EXIT_EPT_MISCONFIGURATION);
}

/* ---- Accessed and dirty ---- */

static const struct feature_axis flag_axes[] = {THREE, AXIS("off", "on"), {0}};

FEATURE_GRID(
    probe_gigabyte_flags, VMX, NEEDS(EPT_1G, EPT_ACCESSED_DIRTY), "Accessed and Dirty Flags for EPT",
    "an access sets the accessed flag of a 1 GiB entry, and a write the dirty flag, if the EPT pointer says so",
    flag_axes)
{
    enum { EPTP_FLAGS_BIT = 1 << 6 };
    const enum probe_access access = (enum probe_access)at[0];
    struct probe_place place = begin(access);

    if (at[1])
        probe_guest_set(&place.block, EPT_POINTER, EPTP_FLAGS_BIT);
    expect_done(access, probe_guest_enter());
    EXPECT_EQ(*place.entry, place.open | (at[1] ? EPT_A : 0) | (at[1] && access == PROBE_WRITE ? EPT_D : 0));
}

/* ---- What it maps ---- */

static const struct offset {
    const char *label;
    uint64_t offset;
} offsets[] = {
    {"first", 0}, {"2m", PAGE_LARGE_BYTES}, {"middle", PROBE_GIGABYTE / 2}, {"last", PROBE_GIGABYTE - PAGE_BYTES}};

/* The entry maps the gigabyte around the data, and the window is elsewhere in there: nothing is read. */
FEATURE_TESTS(probe_gigabyte_extent, VMX, NEEDS(EPT_1G), "EPT Violations",
              "a 1 GiB entry is about each page of its gigabyte", offsets)
{
    struct probe_place place = begin(PROBE_READ);

    place.gpa = PROBE_FAR + row->offset;
    probe_guest_window(place.gpa, PAGE_USER);
    *place.entry = place.open & ~(uint64_t)EPT_RWX;
    expect_exit(&place, probe_guest_enter(), EXIT_EPT_VIOLATION);
}

/* ---- SVM ---- */

static void need_gigabytes(void)
{
    const uint64_t edx = CAP_CPUID | 3ull << 32 | 0x80000001;

    if (!(feature_capability(edx) >> 26 & 1))
        SKIP("the CPU has no 1 GiB pages");
}

/* Nested walks are those of a user. */
static void expect_npf(const struct probe_place *place, struct probe_result result, enum probe_access access,
                       uint64_t error)
{
    EXPECT_EQ(result.reason, VMEXIT_NPF);
    EXPECT_BITS(result.qualification, 0xffff,
                error | NPF_U | (access == PROBE_WRITE ? NPF_W : 0) | (access == PROBE_FETCH ? NPF_ID : 0));
    EXPECT_BITS(result.qualification, NPF_FINAL | NPF_TABLE, NPF_FINAL);
    EXPECT_EQ(probe_guest_field(VMCB_EXITINFO2), place->gpa + EPT_OFFSET);
    EXPECT_EQ(probe_guest_data()[EPT_OFFSET], EPT_BYTE);
}

static const struct npf {
    uint64_t clear, set, error;
    bool faults[3]; /* by access */
} npfs[] = {
    {0, 0, 0, {false, false, false}},
    {PAGE_PRESENT, 0, 0, {true, true, true}},
    {PAGE_WRITE, 0, NPF_P, {false, true, false}},
    {PAGE_USER, 0, NPF_P, {true, true, true}},
    {0, PAGE_NX, NPF_P, {false, false, true}},
};
static const struct feature_axis npf_axes[] = {
    AXIS("as-it-was", "not-present", "read-only", "supervisor", "no-execute"), THREE, {0}};

FEATURE_GRID(probe_gigabyte_npf, SVM, NEEDS(), "Nested versus Guest Page Faults, Fault Ordering",
             "an access that a 1 GiB nested entry does not allow exits with its error code and address", npf_axes)
{
    const enum probe_access access = (enum probe_access)at[1];
    const struct npf *npf = &npfs[at[0]];
    const struct probe_place place = begin(access);
    struct probe_result result;

    need_gigabytes();
    *place.entry = (place.open & ~npf->clear) | npf->set;
    result = probe_guest_enter();
    if (npf->faults[access]) {
        expect_npf(&place, result, access, npf->error);
        return;
    }
    EXPECT_EQ(result.reason, VMEXIT_CPUID);
    EXPECT_EQ(probe_guest_data()[EPT_OFFSET], EPT_BYTE + (access == PROBE_WRITE));
    EXPECT_BITS(*place.entry, PAGE_ACCESSED | PAGE_DIRTY, PAGE_ACCESSED | (access == PROBE_WRITE ? PAGE_DIRTY : 0));
}

static const struct feature_axis npf_bit_axes[] = {
    AXIS("13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29"), {0}};

FEATURE_GRID(probe_gigabyte_npf_reserved, SVM, NEEDS(), "1-Gbyte Page Translation",
             "bits 29:13 of a 1 GiB nested entry have to be 0", npf_bit_axes)
{
    enum { FIRST_BIT = 13 };
    const struct probe_place place = begin(PROBE_READ);

    need_gigabytes();
    *place.entry = place.open | 1ull << (FIRST_BIT + at[0]);
    expect_npf(&place, probe_guest_enter(), PROBE_READ, NPF_P | NPF_RSV);
}
