/* Accessed and dirty flags for EPT. */
#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"

#define FLAGS "Accessed and Dirty Flags for EPT"

enum { BOTH = EPT_A | EPT_D };

/* ---- Data and code ---------------------------------------------------------------------------------------------- */

enum { AT_PLACE, AT_ACCESS, AT_BEFORE, AT_EPTP };
static const struct feature_axis flag_axes[] = {
    PLACES, ACCESSES, AXIS("clean", "accessed", "dirty", "only-dirty"), AXIS("off", "on"), {0}};
static const uint64_t befores[] = {0, EPT_A, EPT_A | EPT_D, EPT_D};

FEATURE_GRID(
    ept_flags, VMX, NEEDS(EPT_ACCESSED_DIRTY), FLAGS,
    "with the flags on, each entry that is used gets the accessed one, that of a page that is written the dirty one; "
    "with them off, none does",
    flag_axes)
{
    const enum ept_where where = (enum ept_where)at[AT_PLACE];
    const enum ept_access access = (enum ept_access)at[AT_ACCESS];
    const bool writes = access == ACCESS_WRITE || access == ACCESS_MODIFY;
    const struct ept_place place = ept_open(where);
    uint64_t flags = befores[at[AT_BEFORE]];

    lab_write(EPT_POINTER, at[AT_EPTP] ? EPTP_FLAGS : EPTP_PLAIN);
    ept_set(&place, 0, flags);
    OBSERVE(ept_touch(access, &place));
    EXPECT_NO_EXIT();
    if (at[AT_EPTP])
        flags |= EPT_A | (writes && ept_is_leaf(where) ? EPT_D : 0);
    EXPECT_EQ(ept_entry(&place), place.open | flags);
}

/* By what has come before in the TLB, no flag is lost. */
static const struct again_row {
    const char *label;
    enum ept_access first, second;
    bool clears; /* the flags, in between */
    uint64_t flags;
} again_rows[] = {
    {"read-write", ACCESS_READ, ACCESS_WRITE, false, BOTH},
    {"fetch-write", ACCESS_FETCH, ACCESS_WRITE, false, BOTH},
    {"read-modify", ACCESS_READ, ACCESS_MODIFY, false, BOTH},
    {"write-read", ACCESS_WRITE, ACCESS_READ, false, BOTH},
    {"read-clear-read", ACCESS_READ, ACCESS_READ, true, EPT_A},
    {"write-clear-read", ACCESS_WRITE, ACCESS_READ, true, EPT_A},
    {"fetch-clear-fetch", ACCESS_FETCH, ACCESS_FETCH, true, EPT_A},
    {"write-clear-write", ACCESS_WRITE, ACCESS_WRITE, true, BOTH},
};

FEATURE_TESTS(
    ept_flags_again, VMX, NEEDS(EPT_ACCESSED_DIRTY), FLAGS,
    "a second access sets what it has to, and so it is when the flags have been cleared and translations invalidated",
    again_rows)
{
    const struct ept_place place = ept_open(PLACE_4K);

    lab_write(EPT_POINTER, EPTP_FLAGS);
    ept_reopen(&place);
    ept_touch(row->first, &place);
    if (row->clears)
        ept_reopen(&place);
    OBSERVE(ept_touch(row->second, &place));
    EXPECT_NO_EXIT();
    EXPECT_EQ(ept_entry(&place), place.open | row->flags);
}

static const struct feature_axis denied_axes[] = {
    AXIS("4k", "2m"), AXIS("write-r", "write-rx", "modify-r", "modify-rx"), {0}};

FEATURE_GRID(ept_flags_denied, VMX, NEEDS(EPT_ACCESSED_DIRTY), FLAGS,
             "a write that is not allowed does not set the dirty flag", denied_axes)
{
    const struct ept_place place = ept_open(at[0] ? PLACE_2M : PLACE_4K);

    lab_write(EPT_POINTER, EPTP_FLAGS);
    ept_set(&place, at[1] & 1 ? EPT_W : EPT_W | EPT_X, 0);
    OBSERVE(ept_touch(at[1] & 2 ? ACCESS_MODIFY : ACCESS_WRITE, &place));
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_BITS(ept_entry(&place), EPT_D, 0);
}

FEATURE_TEST(ept_flags_fault, VMX, NEEDS(EPT_ACCESSED_DIRTY), FLAGS,
             "a write that the guest's own tables forbid does not set the dirty flag")
{
    enum { CR0_WP = 1 << 16 };
    const struct ept_place place = ept_open(PLACE_4K);
    char *linear = page_map(0, place.gpa, PAGE_PRESENT);

    insn_write_cr0(insn_read_cr0() | CR0_WP);
    lab_write(EPT_POINTER, EPTP_FLAGS);
    ept_reopen(&place);
    OBSERVE(ept_do(ACCESS_WRITE, linear));
    EXPECT_FAULT(EXCEPTION_PF, 3);
    EXPECT_BITS(ept_entry(&place), EPT_D, 0);
}

/* ---- The guest's own page tables -------------------------------------------------------------------------------- */

enum { SLOT = 5 };
static const struct feature_axis walk_axes[] = {
    AXIS("read", "write", "fetch"), AXIS("flags-clear", "flags-set"), AXIS("off", "on"), {0}};
static const enum ept_access walk_accesses[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH};

FEATURE_GRID(
    ept_flags_walk, VMX, NEEDS(EPT_ACCESSED_DIRTY), FLAGS,
    "a walk of the guest's page tables counts as a write of them, whether it has a flag of the guest's to set or not",
    walk_axes)
{
    const struct ept_place place = ept_open(PLACE_4K);
    uint64_t *table = (uint64_t *)place.linear;
    char *linear = page_map(SLOT, 0, 0);

    memset(table, 0, PAGE_BYTES);
    memset((void *)EPT_TABLE, EPT_BYTE, PAGE_BYTES);
    table[SLOT] = EPT_TABLE | PAGE_PRESENT | PAGE_WRITE | (at[1] ? PAGE_ACCESSED | PAGE_DIRTY : 0);
    *page_entry(linear, 2) = place.gpa | PAGE_PRESENT | PAGE_WRITE;
    page_flush();
    lab_write(EPT_POINTER, at[2] ? EPTP_FLAGS : EPTP_PLAIN);
    ept_reopen(&place);
    OBSERVE(ept_do(walk_accesses[at[0]], linear));
    EXPECT_NO_EXIT();
    EXPECT_EQ(ept_entry(&place), place.open | (at[2] ? BOTH : 0));
}

/* ---- What the processor writes by itself ------------------------------------------------------------------------ */

static const struct delivery_row {
    const char *label;
    bool stack; /* the page is that of the stack; else of the IDT */
    uint64_t flags;
} delivery_rows[] = {{"gate", false, EPT_A}, {"stack", true, BOTH}};

FEATURE_TESTS(ept_flags_event, VMX, NEEDS(EPT_ACCESSED_DIRTY), FLAGS,
              "the delivery of an event reads its gate and writes its frame", delivery_rows)
{
    enum { VECTOR = 0x40, IST = 7 };
    const struct ept_place place = ept_open(PLACE_4K);
    const struct table_register idt = {sizeof tables_idt - 1, place.gpa};

    if (row->stack) {
        tables_tss.tss.ist[IST - 1] = place.gpa + PAGE_BYTES / 2;
        tables_idt[VECTOR].ist = IST;
    } else {
        memcpy(place.linear, tables_idt, sizeof tables_idt);
        __asm__ volatile("lidt %0" : : "m"(idt));
    }
    lab_write(EPT_POINTER, EPTP_FLAGS);
    ept_reopen(&place);
    OBSERVE(__asm__ volatile("int %0" : : "i"(VECTOR) : "memory"));
    EXPECT_FAULT(VECTOR, 0);
    EXPECT_EQ(ept_entry(&place), place.open | row->flags);
}
