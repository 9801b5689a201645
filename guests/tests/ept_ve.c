/* Virtualization exceptions: which EPT violations are #VE in the guest instead of an exit, and what it is told. */
#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"

#define CONVERTIBLE "Convertible EPT Violations"
#define INFORMATION "Virtualization-Exception Information"

enum { INFORMATION_PAGE = 0, PERMISSION_BITS_SHIFT = 3, BUSY = 0xffffffff };
enum { KIND = EPT_LINEAR_VALID | EPT_TRANSLATED, ACCESS_BITS = EPT_READ | EPT_WRITE | EPT_FETCH };
#define SUPPRESS (1ull << 63)

/* "Format of the Virtualization-Exception Information Area" */
struct information {
    uint32_t reason, busy;
    uint64_t qualification, linear, physical;
    uint16_t eptp_index;
};

static struct information *information(void) { return page_scratch(INFORMATION_PAGE); }

/* The control is on while the statement runs, and no longer: other violations would be #VE, too. */
static void enable(uint32_t busy)
{
    *information() = (struct information){.busy = busy};
    lab_write(VE_INFORMATION_ADDRESS, (uint64_t)information());
    lab_set(PROC2_EPT_VIOLATION_VE);
}

static void expect_exit(uint64_t reason, uint32_t busy)
{
    lab_clear(PROC2_EPT_VIOLATION_VE);
    EXPECT_EXIT(reason);
    EXPECT_EQ(information()->reason, 0);
    EXPECT_EQ(information()->busy, busy);
}

/* ---- What is an exception --------------------------------------------------------------------------------------- */

enum { AT_PLACE, AT_PERMISSION, AT_ACCESS, AT_CPL };
static const struct feature_axis axes[] = {
    PLACES, PERMISSIONS, AXIS("read", "write", "fetch"), AXIS("kernel", "user"), {0}};
static const enum ept_access accesses[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH};

static bool is_denied(const unsigned *at)
{
    return !(ept_permissions[at[AT_PERMISSION]] & ept_needed(accesses[at[AT_ACCESS]]));
}

static const uint16_t *permission_needs(const void *row)
{
    return ept_permission_needs(((const unsigned *)row)[AT_PERMISSION]);
}

FEATURE_GRID(ept_ve, VMX, NEEDS(PROC2_EPT_VIOLATION_VE), INFORMATION,
             "an EPT violation is #VE, and the information area tells what an exit would have told", axes,
             .exists = is_denied, .row_needs = permission_needs)
{
    const unsigned permissions = ept_permissions[at[AT_PERMISSION]];
    const enum ept_access access = accesses[at[AT_ACCESS]];
    const struct ept_place place = ept_open((enum ept_where)at[AT_PLACE]);
    const struct information *told = information();

    ept_set(&place, EPT_RWX, permissions);
    enable(0);
    if (at[AT_CPL])
        OBSERVE(IN_USER(ept_touch(access, &place)));
    else
        OBSERVE(ept_touch(access, &place));
    lab_clear(PROC2_EPT_VIOLATION_VE);
    EXPECT_FAULT(EXCEPTION_VE, 0);
    if (access == ACCESS_FETCH)
        EXPECT_EQ(lab_fault.rip, (uint64_t)place.linear + EPT_OFFSET);
    EXPECT_EQ(told->reason, EXIT_EPT_VIOLATION);
    EXPECT_EQ(told->busy, BUSY);
    EXPECT_BITS(told->qualification, ACCESS_BITS | EPT_RWX << PERMISSION_BITS_SHIFT | KIND,
                ept_needed(access) | permissions << PERMISSION_BITS_SHIFT | KIND);
    EXPECT_EQ(told->linear, (uint64_t)place.linear + EPT_OFFSET);
    EXPECT_EQ(told->physical, place.gpa + EPT_OFFSET);
    ept_expect_byte(&place, access, false);
}

static const struct index_row {
    const char *label;
    uint64_t index;
} index_rows[] = {{"0", 0}, {"1", 1}, {"255", 255}, {"256", 256}, {"511", 511}};

/* The row switches by itself, just before: Bochs 2.7 tells the index of the last switch of any VM. */
FEATURE_TESTS(ept_ve_index, VMX, NEEDS(PROC2_EPT_VIOLATION_VE, PROC2_VMFUNC, FUNCTION_EPTP_SWITCHING), INFORMATION,
              "the information area tells the index of the EPT pointer", index_rows)
{
    const struct ept_place place = ept_open(PLACE_4K);

    ept_set(&place, EPT_RWX, 0);
    lab_write(LAB_WHAT(LAB_EPTP, row->index), 2);
    lab_set(PROC2_VMFUNC);
    lab_set(FUNCTION_EPTP_SWITCHING);
    enable(0);
    OBSERVE(ept_vmfunc(0, row->index); ept_touch(ACCESS_READ, &place));
    lab_clear(PROC2_EPT_VIOLATION_VE);
    EXPECT_FAULT(EXCEPTION_VE, 0);
    EXPECT_EQ(information()->eptp_index, row->index);
}

/* ---- What is not ------------------------------------------------------------------------------------------------ */

static const struct feature_axis suppress_axes[] = {AXIS("4k", "2m"), AXIS("none", "r", "rx"), {0}};
static const uint8_t suppressed[] = {0, EPT_R, EPT_R | EPT_X};

FEATURE_GRID(ept_ve_suppress, VMX, NEEDS(PROC2_EPT_VIOLATION_VE), CONVERTIBLE,
             "with bit 63 of the entry for the page it is an exit", suppress_axes)
{
    const struct ept_place place = ept_open(at[0] ? PLACE_2M : PLACE_4K);

    ept_set(&place, EPT_RWX, SUPPRESS | suppressed[at[1]]);
    enable(0);
    OBSERVE(ept_touch(ACCESS_WRITE, &place));
    expect_exit(EXIT_EPT_VIOLATION, 0);
    ept_expect_byte(&place, ACCESS_WRITE, false);
}

FEATURE_GRID(ept_ve_suppress_table, VMX, NEEDS(PROC2_EPT_VIOLATION_VE), CONVERTIBLE,
             "bit 63 of an entry for a table counts only if the entry is not present",
             ((const struct feature_axis[]){AXIS("none", "r"), {0}}))
{
    const struct ept_place place = ept_open(PLACE_TABLE);

    ept_set(&place, EPT_RWX, SUPPRESS | (at[0] ? EPT_R : 0));
    enable(0);
    OBSERVE(ept_touch(ACCESS_WRITE, &place));
    if (at[0]) {
        lab_clear(PROC2_EPT_VIOLATION_VE);
        EXPECT_FAULT(EXCEPTION_VE, 0);
    } else {
        expect_exit(EXIT_EPT_VIOLATION, 0);
    }
}

static const struct busy_row {
    const char *label;
    uint32_t busy;
} busy_rows[] = {{"1", 1}, {"80000000", 0x80000000}, {"ffffffff", 0xffffffff}};

FEATURE_TESTS(ept_ve_busy, VMX, NEEDS(PROC2_EPT_VIOLATION_VE), CONVERTIBLE,
              "as long as the information area is not free, it is an exit", busy_rows)
{
    const struct ept_place place = ept_open(PLACE_4K);

    ept_set(&place, EPT_RWX, 0);
    enable(row->busy);
    OBSERVE(ept_touch(ACCESS_WRITE, &place));
    expect_exit(EXIT_EPT_VIOLATION, row->busy);
}

FEATURE_TEST(ept_ve_misconfig, VMX, NEEDS(PROC2_EPT_VIOLATION_VE), CONVERTIBLE, "an EPT misconfiguration is an exit")
{
    const struct ept_place place = ept_open(PLACE_4K);

    ept_set(&place, EPT_RWX, EPT_W);
    enable(0);
    OBSERVE(ept_touch(ACCESS_WRITE, &place));
    expect_exit(EXIT_EPT_MISCONFIGURATION, 0);
}

FEATURE_TEST(ept_ve_event, VMX, NEEDS(PROC2_EPT_VIOLATION_VE), CONVERTIBLE,
             "a violation in the delivery of an event is an exit")
{
    enum { VECTOR = 0x40, IST = 7 };
    const struct ept_place place = ept_open(PLACE_4K);

    tables_tss.tss.ist[IST - 1] = place.gpa + PAGE_BYTES / 2;
    tables_idt[VECTOR].ist = IST;
    ept_set(&place, EPT_RWX, 0);
    enable(0);
    OBSERVE(__asm__ volatile("int %0" : : "i"(VECTOR) : "memory"));
    expect_exit(EXIT_EPT_VIOLATION, 0);
    EXPECT_EQ(lab_seen.exit[0].vectoring_info, EVENT(EVENT_SOFTWARE_INTERRUPT, VECTOR));
}

MODE_CODE(ve_real, 16, "movb 0x5000, %al")
MODE_CODE(ve_protected, 32, "movb 0x5000, %al")

FEATURE_GRID(ept_ve_mode, VMX, NEEDS(PROC2_EPT_VIOLATION_VE), CONVERTIBLE,
             "in real mode it is an exit, in protected mode without paging it is #VE",
             ((const struct feature_axis[]){AXIS("real", "protected"), {0}}))
{
    enum { TARGET = 0x5000 };
    const uint64_t open = lab_nested_read(TARGET, 1);

    OBSERVE(mode_run(at[0] ? MODE_PROTECTED_32 : MODE_REAL, at[0] ? &ve_protected : &ve_real, NULL));
    EXPECT_NO_EXIT();
    lab_nested_write(TARGET, 1, open & ~(uint64_t)EPT_RWX);
    enable(0);
    OBSERVE(mode_run(at[0] ? MODE_PROTECTED_32 : MODE_REAL, at[0] ? &ve_protected : &ve_real, NULL));
    if (at[0]) {
        lab_clear(PROC2_EPT_VIOLATION_VE);
        EXPECT_FAULT(EXCEPTION_VE, 0);
    } else {
        expect_exit(EXIT_EPT_VIOLATION, 0);
    }
}

FEATURE_TEST(ept_ve_intercepted, VMX, NEEDS(PROC2_EPT_VIOLATION_VE), CONVERTIBLE,
             "#VE exits by the exception bitmap, and the area is filled all the same")
{
    const struct ept_place place = ept_open(PLACE_4K);
    struct exit_record e;

    ept_set(&place, EPT_RWX, 0);
    lab_trap_exceptions(1u << EXCEPTION_VE);
    enable(0);
    e = OBSERVE(ept_touch(ACCESS_WRITE, &place));
    lab_clear(PROC2_EPT_VIOLATION_VE);
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EQ(e.interruption_info, EVENT(EVENT_HARDWARE_EXCEPTION, EXCEPTION_VE));
    EXPECT_EQ(information()->reason, EXIT_EPT_VIOLATION);
    EXPECT_EQ(information()->physical, place.gpa + EPT_OFFSET);
}
