/* VMFUNC, and EPTP switching by it. Which view is in force shows in an accessed flag: view 2 sets it, view 1 not. */
#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"

#define SWITCHING "EPTP Switching"
#define FUNCTIONS "VM Functions"

enum { OWN_VIEW = 1, OTHER_VIEW, LIST_ENTRIES = 512 };

/* The EPTP list has this view, with these bits 11:0 of its EPT pointer, at one index; view 0 is none. */
static void put_view(unsigned index, unsigned view, uint64_t bits)
{
    LAB_WRITE({EPT_POINTER, bits}, {LAB_WHAT(LAB_EPTP, index), view}, {EPT_POINTER, EPTP_PLAIN});
}

static void enable(void)
{
    lab_set(PROC2_VMFUNC);
    lab_set(FUNCTION_EPTP_SWITCHING);
}

static struct ept_place begin(void)
{
    const struct ept_place place = ept_open(PLACE_4K);

    ept_reopen(&place);
    enable();
    return place;
}

/* A view with accessed flags is in force, or one without. */
static void expect_view(const struct ept_place *place, bool with_flags)
{
    ept_reopen(place);
    ept_touch(ACCESS_READ, place);
    EXPECT_BITS(ept_entry(place), EPT_A, with_flags ? EPT_A : 0);
}

/* ---- The list --------------------------------------------------------------------------------------------------- */

static const struct index {
    const char *label;
    unsigned index;
} indices[] = {
#define LIST(X)                                                                                                       \
    X(0) X(1) X(2) X(3) X(4) X(7) X(8) X(15) X(16) X(31) X(32) X(63) X(64) X(127) X(128) X(255) X(256) X(257) X(383)  \
    X(384) X(510) X(511)
#define ROW(n) {#n, n},
    LIST(ROW)
};
#define LABEL(n) #n,
#define INDICES {(const char *const[]){LIST(LABEL)}, sizeof indices / sizeof *indices}
static const struct feature_axis index_axes[] = {INDICES, AXIS("kernel", "user"), {0}};

FEATURE_GRID(ept_vmfunc_index, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), SWITCHING,
             "ECX chooses an entry of the list, in any CPL", index_axes)
{
    const unsigned index = indices[at[0]].index;
    const struct ept_place place = begin();

    put_view(index, OTHER_VIEW, EPTP_FLAGS);
    expect_view(&place, false);
    if (at[1])
        OBSERVE(IN_USER(ept_vmfunc(0, index)));
    else
        OBSERVE(ept_vmfunc(0, index));
    EXPECT_NO_EXIT();
    expect_view(&place, true);
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    if (feature_has(PROC2_EPT_VIOLATION_VE))
        EXPECT_EQ(lab_read(EPTP_INDEX), index);
}

static const struct feature_axis other_axes[] = {INDICES, {0}};

/* All others are none. */
FEATURE_GRID(ept_vmfunc_other, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), SWITCHING,
             "an entry beside the one that is good is not it", other_axes)
{
    const unsigned index = indices[at[0]].index, other = index < LIST_ENTRIES / 2 ? index + 1 : index - 1;
    const struct ept_place place = begin();

    put_view(index, OTHER_VIEW, EPTP_FLAGS);
    OBSERVE(ept_vmfunc(0, other));
    EXPECT_EXIT(EXIT_VMFUNC);
    expect_view(&place, false);
}

FEATURE_TEST(ept_vmfunc_back, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), SWITCHING,
             "there and back, and to the view that is in force, without exits")
{
    const struct ept_place place = begin();

    put_view(3, OTHER_VIEW, EPTP_FLAGS);
    put_view(4, OWN_VIEW, EPTP_PLAIN);
    OBSERVE(ept_vmfunc(0, 3); ept_vmfunc(0, 3); ept_vmfunc(0, 4); ept_vmfunc(0, 4));
    EXPECT_NO_EXIT();
    expect_view(&place, false);
    OBSERVE(ept_vmfunc(0, 4); ept_vmfunc(0, 3));
    EXPECT_NO_EXIT();
    expect_view(&place, true);
}

/* What a view's tables say holds as soon as it is in force, for what has been translated by another before, too. */
static const struct feature_axis rights_axes[] = {AXIS("before", "behind"), {0}};

FEATURE_GRID(ept_vmfunc_rights, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), SWITCHING,
             "an EPT violation behind a switch is as one before", rights_axes)
{
    const struct ept_place place = begin();
    struct exit_record e;

    put_view(3, OTHER_VIEW, EPTP_FLAGS);
    ept_vmfunc(0, 3);
    ept_touch(ACCESS_READ, &place);
    ept_touch(ACCESS_WRITE, &place);
    if (at[0])
        ept_vmfunc(0, 3);
    ept_set(&place, EPT_W, 0);
    e = OBSERVE(ept_touch(ACCESS_WRITE, &place));
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_EQ(e.physical, place.gpa + EPT_OFFSET);
    EXPECT_BITS(e.qualification, EPT_READ | EPT_WRITE | EPT_FETCH, EPT_WRITE);
}

/* ---- What exits ------------------------------------------------------------------------------------------------- */

static void expect_exit(const struct ept_place *place, const struct exit_record *e)
{
    EXPECT_EXIT(EXIT_VMFUNC);
    EXPECT_EXITS(1);
    EXPECT_EQ(e->instruction_length, 3);
    expect_view(place, false);
}

/* Bits 11:0 of an EPT pointer with which a VM entry would fail: "Extended-Page-Table Pointer (EPTP)". */
static const struct pointer_row {
    const char *label;
    unsigned view;
    uint64_t bits;
} pointer_rows[] = {
    {"none", 0, EPTP_FLAGS},
    {"type-1", OTHER_VIEW, 0x59},
    {"type-2", OTHER_VIEW, 0x5a},
    {"type-3", OTHER_VIEW, 0x5b},
    {"type-4", OTHER_VIEW, 0x5c},
    {"type-5", OTHER_VIEW, 0x5d},
    {"type-7", OTHER_VIEW, 0x5f},
    {"levels-1", OTHER_VIEW, 0x46},
    {"levels-2", OTHER_VIEW, 0x4e},
    {"levels-3", OTHER_VIEW, 0x56},
    {"levels-6", OTHER_VIEW, 0x6e},
    {"levels-7", OTHER_VIEW, 0x76},
    {"levels-8", OTHER_VIEW, 0x7e},
    {"bit-8", OTHER_VIEW, 0x15e},
    {"bit-9", OTHER_VIEW, 0x25e},
    {"bit-10", OTHER_VIEW, 0x45e},
    {"bit-11", OTHER_VIEW, 0x85e},
};

FEATURE_TESTS(ept_vmfunc_pointer, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), SWITCHING,
              "an entry with which a VM entry would fail exits, and nothing is switched", pointer_rows)
{
    const struct ept_place place = begin();
    struct exit_record e;

    put_view(5, row->view, row->bits);
    e = OBSERVE(ept_vmfunc(0, 5));
    expect_exit(&place, &e);
}

static const struct feature_axis far_axes[] = {
    AXIS("512", "513", "1023", "1024", "8000", "10000", "10005", "80000000", "ffffffff"), AXIS("kernel", "user"), {0}};
static const uint64_t fars[] = {512, 513, 1023, 1024, 0x8000, 0x10000, 0x10005, 0x80000000, 0xffffffff};

FEATURE_GRID(ept_vmfunc_far, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), SWITCHING,
             "an index behind the list exits", far_axes)
{
    const struct ept_place place = begin();
    struct exit_record e;

    put_view(0, OTHER_VIEW, EPTP_FLAGS);
    put_view(5, OTHER_VIEW, EPTP_FLAGS);
    put_view(511, OTHER_VIEW, EPTP_FLAGS);
    if (at[1])
        e = OBSERVE(IN_USER(ept_vmfunc(0, fars[at[0]])));
    else
        e = OBSERVE(ept_vmfunc(0, fars[at[0]]));
    expect_exit(&place, &e);
}

static const struct upper_row {
    const char *label;
    uint64_t rax, rcx;
} upper_rows[] = {{"rax", 1ull << 32, 5}, {"rcx", 0, 1ull << 32 | 5}, {"both", 1ull << 63, 1ull << 63 | 5}};

FEATURE_TESTS(ept_vmfunc_upper, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), SWITCHING,
              "bits 63:32 of RAX and RCX do not matter", upper_rows)
{
    const struct ept_place place = begin();

    put_view(5, OTHER_VIEW, EPTP_FLAGS);
    OBSERVE(ept_vmfunc(row->rax, row->rcx));
    EXPECT_NO_EXIT();
    expect_view(&place, true);
}

/* ---- The function ----------------------------------------------------------------------------------------------- */

static const struct feature_axis leaf_axes[] = {
    AXIS("1", "2", "8", "16", "31", "32", "62", "63", "64", "65", "128", "40000000", "80000000", "ffffffff"),
    AXIS("kernel", "user"),
    {0}};
static const uint64_t leaves[] = {1, 2, 8, 16, 31, 32, 62, 63, 64, 65, 128, 0x40000000, 0x80000000, 0xffffffff};

FEATURE_GRID(ept_vmfunc_leaf, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), FUNCTIONS,
             "a function up to 63 that is not enabled exits, one above is #UD", leaf_axes)
{
    const struct ept_place place = begin();
    struct exit_record e;

    put_view(5, OTHER_VIEW, EPTP_FLAGS);
    if (at[1])
        e = OBSERVE(IN_USER(ept_vmfunc(leaves[at[0]], 5)));
    else
        e = OBSERVE(ept_vmfunc(leaves[at[0]], 5));
    if (leaves[at[0]] < 64) {
        expect_exit(&place, &e);
    } else {
        EXPECT_FAULT(EXCEPTION_UD, 0);
        expect_view(&place, false);
    }
}

static const struct feature_axis off_axes[] = {
    AXIS("function", "control"), AXIS("0", "1", "63", "64"), AXIS("kernel", "user"), {0}};
static const uint64_t off_leaves[] = {0, 1, 63, 64};

FEATURE_GRID(ept_vmfunc_off, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), FUNCTIONS,
             "without its function control EPTP switching exits; without VM functions VMFUNC is #UD", off_axes)
{
    const struct ept_place place = begin();
    struct exit_record e;

    put_view(5, OTHER_VIEW, EPTP_FLAGS);
    if (at[0])
        lab_clear(PROC2_VMFUNC);
    else
        lab_clear(FUNCTION_EPTP_SWITCHING);
    if (at[2])
        e = OBSERVE(IN_USER(ept_vmfunc(off_leaves[at[1]], 5)));
    else
        e = OBSERVE(ept_vmfunc(off_leaves[at[1]], 5));
    if (at[0] || off_leaves[at[1]] > 63) {
        EXPECT_FAULT(EXCEPTION_UD, 0);
        expect_view(&place, false);
    } else {
        expect_exit(&place, &e);
    }
}

/* ---- Forms and modes -------------------------------------------------------------------------------------------- */

static const struct prefix_row {
    const char *label;
    uint8_t prefix;
    bool fault;
} prefix_rows[] = {{"66", 0x66, true}, {"f2", 0xf2, true}, {"f3", 0xf3, true}, {"lock", 0xf0, true},
                   {"cs", 0x2e, false}, {"67", 0x67, false}, {"rex", 0x40, false}, {"rex-w", 0x48, false}};

FEATURE_TESTS(ept_vmfunc_prefix, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY),
              "VMFUNC--Invoke VM Function", "operand-size, repeat and LOCK prefixes are #UD, others do nothing",
              prefix_rows)
{
    const uint8_t code[] = {row->prefix, 0x0f, 0x01, 0xd4};
    const struct ept_place place = begin();
    struct code_registers registers = {.rax = 0, .rcx = 5};

    put_view(5, OTHER_VIEW, EPTP_FLAGS);
    code_put(code, sizeof code);
    OBSERVE(code_run(&registers));
    if (row->fault)
        EXPECT_FAULT(EXCEPTION_UD, 0);
    else
        EXPECT_NO_EXIT();
    expect_view(&place, !row->fault);
}

MODE_CODE(vmfunc_16, 16, ".byte 0x0f, 0x01, 0xd4")
MODE_CODE(vmfunc_32, 32, ".byte 0x0f, 0x01, 0xd4")
static const struct feature_axis mode_axes[] = {
    AXIS("compatibility-32", "compatibility-16", "protected-32", "protected-16", "real", "v86"),
    AXIS("good", "bad"),
    {0}};

FEATURE_GRID(ept_vmfunc_mode, VMX, NEEDS(PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING, EPT_ACCESSED_DIRTY), SWITCHING,
             "it is the same in all modes", mode_axes)
{
    const enum mode mode = (enum mode)at[0];
    const struct ept_place place = begin();
    struct mode_registers registers = {.ecx = at[1] ? 6 : 5};
    struct exit_record e;

    put_view(5, OTHER_VIEW, EPTP_FLAGS);
    e = OBSERVE(mode_run(mode, mode == MODE_COMPATIBILITY_32 || mode == MODE_PROTECTED_32 ? &vmfunc_32 : &vmfunc_16,
                         &registers));
    if (at[1]) {
        expect_exit(&place, &e);
    } else {
        EXPECT_NO_EXIT();
        expect_view(&place, true);
    }
}
