/* EPT violations: which accesses cause one, and what the exit tells of it. */
#include "guests/tests/ept.h"

#include <string.h>

#include "guests/lib/lab/lab.h"

#define VIOLATIONS "EPT Violations"
#define QUALIFICATION "Exit Qualification for EPT Violations"

enum { PERMISSION_BITS_SHIFT = 3, WALK = EPT_LINEAR_VALID, TRANSLATED = EPT_LINEAR_VALID | EPT_TRANSLATED };

/* A read-modify-write sets "data write"; whether it sets "data read" is up to the CPU. */
static void expect_violation(const struct exit_record *e, unsigned access, bool any_read, unsigned permissions,
                             unsigned kind, uint64_t gpa, uint64_t linear)
{
    const uint64_t mask =
        (any_read ? 0 : EPT_READ) | EPT_WRITE | EPT_FETCH | EPT_RWX << PERMISSION_BITS_SHIFT | TRANSLATED;

    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_BITS(e->qualification, mask, (access | permissions << PERMISSION_BITS_SHIFT | kind) & mask);
    EXPECT_EQ(e->physical, gpa);
    EXPECT_EQ(e->linear, linear);
    EXPECT_EQ(e->vectoring_info, 0);
}

/* ---- Data and code ---------------------------------------------------------------------------------------------- */

enum { AT_PLACE, AT_PERMISSION, AT_ACCESS, AT_CPL };
static const struct feature_axis permission_axes[] = {PLACES, PERMISSIONS, ACCESSES, AXIS("kernel", "user"), {0}};

static const uint16_t *permission_needs(const void *at)
{
    return ept_permission_needs(((const unsigned *)at)[AT_PERMISSION]);
}

FEATURE_GRID(ept_permission, VMX, NEEDS(), VIOLATIONS,
             "an access that the EPT entries do not allow exits, and is not made", permission_axes,
             .row_needs = permission_needs)
{
    const unsigned permissions = ept_permissions[at[AT_PERMISSION]];
    const enum ept_access access = (enum ept_access)at[AT_ACCESS];
    const unsigned needed = ept_needed(access);
    const bool allowed = (permissions & needed) == needed;
    const struct ept_place place = ept_open((enum ept_where)at[AT_PLACE]);
    struct exit_record e;

    ept_set(&place, EPT_RWX, permissions);
    if (at[AT_CPL])
        e = OBSERVE(IN_USER(ept_touch(access, &place)));
    else
        e = OBSERVE(ept_touch(access, &place));
    if (allowed) {
        EXPECT_NO_EXIT();
    } else {
        expect_violation(&e, needed, access == ACCESS_MODIFY, permissions, TRANSLATED, place.gpa + EPT_OFFSET,
                         (uint64_t)place.linear + EPT_OFFSET);
        if (access == ACCESS_FETCH)
            EXPECT_EQ(e.rip, (uint64_t)place.linear + EPT_OFFSET);
    }
    ept_expect_byte(&place, access, allowed);
}

static const struct feature_axis hole_axes[] = {AXIS("below-4g", "behind-memory"), ACCESSES, {0}};

FEATURE_GRID(ept_hole, VMX, NEEDS(), VIOLATIONS, "where nothing is mapped, all permissions are told as missing",
             hole_axes)
{
    const uint64_t gpa =
        at[0] ? ((uint64_t)hypercall(HC_MEMORY, 0, 0, 0) + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1ull) : 0xe0000000;
    char *linear = page_map(0, gpa, PAGE_PRESENT | PAGE_WRITE);
    const enum ept_access access = (enum ept_access)at[1];
    const struct exit_record e = OBSERVE(ept_do(access, linear + EPT_OFFSET));

    expect_violation(&e, ept_needed(access), access == ACCESS_MODIFY, 0, TRANSLATED, gpa + EPT_OFFSET,
                     (uint64_t)linear + EPT_OFFSET);
}

FEATURE_TEST(ept_crossing, VMX, NEEDS(), VIOLATIONS,
             "a write of which only the second page is forbidden writes nothing")
{
    const uint64_t second = EPT_TARGET + PAGE_BYTES, open = lab_nested_read(second, 1) | EPT_RWX;
    volatile uint64_t *word = (volatile uint64_t *)(second - 4);
    struct exit_record e;

    *word = 1;
    lab_nested_write(second, 1, (open & ~(uint64_t)EPT_RWX) | EPT_R);
    e = OBSERVE(*word = ~0ull);
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_EQ(e.physical, second);
    lab_nested_write(second, 1, open);
    EXPECT_EQ(*word, 1);
}

/* ---- The guest's own page tables -------------------------------------------------------------------------------- */

enum { SLOT = 5 };

/* A slot of the window whose entry is in a page table at EPT_TABLE. */
static uint64_t *make_table(uint64_t flags, char **linear)
{
    uint64_t *table = (uint64_t *)EPT_TABLE;

    *linear = page_map(SLOT, EPT_TARGET, 0);
    memset(table, 0, PAGE_BYTES);
    table[SLOT] = EPT_TARGET | PAGE_PRESENT | PAGE_WRITE | flags;
    *page_entry(*linear, 2) = EPT_TABLE | PAGE_PRESENT | PAGE_WRITE | PAGE_ACCESSED;
    page_flush();
    return &table[SLOT];
}

struct walk {
    uint64_t *entry, open, address; /* of the guest's table; of the EPT, with all rights; linear */
    struct exit_record exit;
};

/* An access by way of a table whose page has these permissions, and all of them again. */
static struct walk do_walk(unsigned permissions, uint64_t flags, enum ept_access access, uint64_t eptp)
{
    struct walk walk;
    char *linear;

    ept_open(PLACE_4K);
    walk.open = lab_nested_read(EPT_TABLE, 1) | EPT_RWX;
    walk.entry = make_table(flags, &linear);
    walk.address = (uint64_t)linear + EPT_OFFSET;
    lab_write(EPT_POINTER, eptp);
    lab_nested_write(EPT_TABLE, 1, (walk.open & ~(uint64_t)EPT_RWX) | permissions);
    walk.exit = OBSERVE(ept_do(access, (void *)walk.address));
    lab_nested_write(EPT_TABLE, 1, walk.open);
    return walk;
}

static const uint16_t *walk_needs(const void *at) { return ept_permission_needs(*(const unsigned *)at); }

static const struct feature_axis walk_axes[] = {PERMISSIONS, AXIS("read", "write", "fetch"), {0}};
static const enum ept_access walk_accesses[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH};

FEATURE_GRID(ept_walk, VMX, NEEDS(), QUALIFICATION, "a walk of the guest's page tables reads them", walk_axes,
             .row_needs = walk_needs)
{
    const unsigned permissions = ept_permissions[at[0]];
    const uint64_t flags = PAGE_ACCESSED | PAGE_DIRTY;
    const struct walk walk = do_walk(permissions, flags, walk_accesses[at[1]], EPTP_PLAIN);

    if (permissions & EPT_R)
        EXPECT_NO_EXIT();
    else
        expect_violation(&walk.exit, EPT_READ, false, permissions, WALK, (uint64_t)walk.entry, walk.address);
    EXPECT_BITS(*walk.entry, flags, flags);
}

/* Those with a flag to set: the table's place has PAGE_ACCESSED already only if the label says so. */
static const struct feature_axis update_axes[] = {PERMISSIONS, AXIS("read", "write", "fetch", "accessed-write"), {0}};

FEATURE_GRID(ept_walk_update, VMX, NEEDS(), VIOLATIONS, "setting a flag in the guest's page tables is a write",
             update_axes, .row_needs = walk_needs)
{
    const unsigned permissions = ept_permissions[at[0]];
    const enum ept_access access = at[1] < 3 ? walk_accesses[at[1]] : ACCESS_WRITE;
    const uint64_t before = at[1] < 3 ? 0 : PAGE_ACCESSED;
    const uint64_t after = PAGE_ACCESSED | (access == ACCESS_WRITE ? PAGE_DIRTY : 0);
    const struct walk walk = do_walk(permissions, before, access, EPTP_PLAIN);
    const bool allowed = (permissions & EPT_R) && (permissions & EPT_W);

    if (allowed)
        EXPECT_NO_EXIT();
    else if (permissions & EPT_R)
        expect_violation(&walk.exit, EPT_WRITE, true, permissions, WALK, (uint64_t)walk.entry, walk.address);
    else
        expect_violation(&walk.exit, EPT_READ, false, permissions, WALK, (uint64_t)walk.entry, walk.address);
    EXPECT_BITS(*walk.entry, PAGE_ACCESSED | PAGE_DIRTY, allowed ? after : before);
}

FEATURE_GRID(ept_walk_flags, VMX, NEEDS(EPT_ACCESSED_DIRTY), "Accessed and Dirty Flags for EPT",
             "with accessed and dirty flags for EPT, a walk of the guest's page tables writes them, flag to set or not",
             walk_axes, .row_needs = walk_needs)
{
    const unsigned permissions = ept_permissions[at[0]];
    const struct walk walk = do_walk(permissions, PAGE_ACCESSED | PAGE_DIRTY, walk_accesses[at[1]], EPTP_FLAGS);

    if (permissions & EPT_W)
        EXPECT_NO_EXIT();
    else
        expect_violation(&walk.exit, EPT_WRITE, true, permissions, WALK, (uint64_t)walk.entry, walk.address);
}

static const struct feature_axis both_axes[] = {PERMISSIONS, {0}};

static bool is_read_only(const unsigned *at) { return !(ept_permissions[at[0]] & EPT_W); }

FEATURE_GRID(ept_walk_both, VMX, NEEDS(EPT_ACCESSED_DIRTY), QUALIFICATION,
             "with accessed and dirty flags for EPT, a violation by a walk is told as both a read and a write",
             both_axes, .exists = is_read_only, .row_needs = walk_needs)
{
    const struct walk walk = do_walk(ept_permissions[at[0]], 0, ACCESS_READ, EPTP_FLAGS);

    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_BITS(walk.exit.qualification, EPT_READ | EPT_WRITE | EPT_FETCH, EPT_READ | EPT_WRITE);
}

/* ---- Order ------------------------------------------------------------------------------------------------------ */

static const struct fault_row {
    const char *label;
    uint64_t flags, error; /* of the guest's page-table entry, and of the #PF */
    enum ept_access access;
    bool user;
} fault_rows[] = {
    {"absent-read", 0, 0, ACCESS_READ, false},
    {"absent-write", 0, 2, ACCESS_WRITE, false},
    {"absent-user", 0, 4, ACCESS_READ, true},
    {"read-only-write", PAGE_PRESENT, 3, ACCESS_WRITE, false},
    {"read-only-user-write", PAGE_PRESENT | PAGE_USER, 7, ACCESS_WRITE, true},
    {"supervisor-user-read", PAGE_PRESENT | PAGE_WRITE, 5, ACCESS_READ, true},
    {"supervisor-user-fetch", PAGE_PRESENT | PAGE_WRITE, 5, ACCESS_FETCH, true},
};

FEATURE_TESTS(ept_fault, VMX, NEEDS(), "EPT Violations",
              "a page fault by the guest's tables comes before the EPT violation", fault_rows)
{
    enum { CR0_WP = 1 << 16, FETCH_ERROR = 1 << 4 };
    char *linear = page_map(0, EPT_TARGET, row->flags);
    const struct ept_place place = ept_open(PLACE_4K);

    insn_write_cr0(insn_read_cr0() | CR0_WP);
    ept_set(&place, EPT_RWX, 0);
    if (row->user)
        OBSERVE(IN_USER(ept_do(row->access, linear + EPT_OFFSET)));
    else
        OBSERVE(ept_do(row->access, linear + EPT_OFFSET));
    EXPECT_EQ(lab_seen.exits, 0);
    EXPECT_EQ(lab_fault.vector, EXCEPTION_PF);
    EXPECT_BITS(lab_fault.error, ~(uint64_t)FETCH_ERROR, row->error);
    EXPECT_EQ(lab_fault.cr2, linear + EPT_OFFSET);
}

/* An event whose gate is in a page that can't be read: the IDT-vectoring information has the event. */
static const struct event_row {
    const char *label;
    uint8_t code[2];
    uint8_t vector, type, length; /* length: of software interrupts and exceptions */
    bool has_error;
} event_rows[] = {
    {"int", {0xcd, 0x30}, 0x30, EVENT_SOFTWARE_INTERRUPT, 2, false},
    {"int3", {0xcc, 0x90}, EXCEPTION_BP, EVENT_SOFTWARE_EXCEPTION, 1, false},
    {"icebp", {0xf1, 0x90}, EXCEPTION_DB, EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, 1, false},
    {"ud2", {0x0f, 0x0b}, EXCEPTION_UD, EVENT_HARDWARE_EXCEPTION, 0, false},
    {"pf", {0x8a, 0x03}, EXCEPTION_PF, EVENT_HARDWARE_EXCEPTION, 0, true},
};

FEATURE_TESTS(ept_event, VMX, NEEDS(), "Information for VM Exits That Occur During Event Delivery",
              "an EPT violation while an event is delivered tells the event, and the linear address of its gate",
              event_rows)
{
    enum { GATE_BYTES = 16, IDT_LIMIT = 256 * GATE_BYTES - 1 };
    const struct table_register idt = {IDT_LIMIT, EPT_TARGET};
    const uint64_t gate = EPT_TARGET + row->vector * GATE_BYTES, where = code_put(row->code, 2);
    const struct ept_place place = ept_open(PLACE_4K);
    struct code_registers registers = {.rbx = (uint64_t)page_map(0, 0, 0)};
    struct exit_record e;

    memcpy((void *)EPT_TARGET, tables_idt, IDT_LIMIT + 1);
    __asm__ volatile("lidt %0" : : "m"(idt));
    ept_set(&place, EPT_RWX, 0);
    e = OBSERVE(code_run(&registers));
    ept_reopen(&place);
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_BITS(e.qualification, EPT_READ | EPT_WRITE | EPT_FETCH | TRANSLATED, EPT_READ | TRANSLATED);
    EXPECT_EQ(e.physical, gate);
    EXPECT_EQ(e.linear, gate);
    EXPECT_EQ(e.rip, where);
    EXPECT_EQ(e.vectoring_info, EVENT(row->type, row->vector) | (row->has_error ? EVENT_ERROR_CODE : 0));
    if (row->length)
        EXPECT_EQ(e.instruction_length, row->length);
    if (row->has_error)
        EXPECT_EQ(e.vectoring_error, 0);
}
