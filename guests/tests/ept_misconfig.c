/* EPT misconfigurations: which bits of an entry that is present cause one, for any access; and which do not matter. */
#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"

#define MISCONFIGURATIONS "EPT Misconfigurations"

static const struct kind {
    const char *label;
    uint64_t clear, set;
    bool table, leaf; /* misconfigured in an entry that references a table; in one that maps a page */
} kinds[] = {
#define LIST(X)                                                                                                       \
    X("w", EPT_RWX, EPT_W, true, true)                                                                                \
    X("wx", EPT_RWX, EPT_W | EPT_X, true, true)                                                                       \
    X("x", EPT_RWX, EPT_X, true, true)                                                                                \
    X("type-2", 7 << 3, 2 << 3, false, true)                                                                          \
    X("type-3", 7 << 3, 3 << 3, false, true)                                                                          \
    X("type-7", 7 << 3, 7 << 3, false, true)                                                                          \
    X("bit-3", 0, 1 << 3, true, false)                                                                                \
    X("bit-4", 0, 1 << 4, true, false)                                                                                \
    X("bit-5", 0, 1 << 5, true, false)                                                                                \
    X("bit-6", 0, 1 << 6, true, false)                                                                                \
    X("bit-40", 0, 1ull << 40, true, true)                                                                            \
    X("bit-41", 0, 1ull << 41, true, true)                                                                            \
    X("bit-42", 0, 1ull << 42, true, true)                                                                            \
    X("bit-43", 0, 1ull << 43, true, true)                                                                            \
    X("bit-44", 0, 1ull << 44, true, true)                                                                            \
    X("bit-45", 0, 1ull << 45, true, true)                                                                            \
    X("bit-46", 0, 1ull << 46, true, true)                                                                            \
    X("bit-47", 0, 1ull << 47, true, true)                                                                            \
    X("bit-48", 0, 1ull << 48, true, true)                                                                            \
    X("bit-49", 0, 1ull << 49, true, true)                                                                            \
    X("bit-50", 0, 1ull << 50, true, true)                                                                            \
    X("bit-51", 0, 1ull << 51, true, true)
#define ROW(...) {__VA_ARGS__},
    LIST(ROW)
};
enum { KIND_X = 2 };
#define LABEL(label, ...) label,
#define KINDS {(const char *const[]){LIST(LABEL)}, sizeof kinds / sizeof *kinds}

enum { AT_PLACE, AT_KIND, AT_ACCESS };

static bool has_kind(const unsigned *at)
{
    return ept_is_leaf((enum ept_where)at[AT_PLACE]) ? kinds[at[AT_KIND]].leaf : kinds[at[AT_KIND]].table;
}

/* Bits of the address are none that is reserved. */
static void require_reserved(const struct kind *kind)
{
    unsigned width = (unsigned)feature_capability(LAB_CAP_CPUID | 0x80000008) & 0xff;

    if (kind == &kinds[KIND_X] && feature_has(EPT_EXECUTE_ONLY))
        SKIP("the CPU has execute-only pages");
    if (kind->set >> 12 && kind->set < 1ull << width)
        SKIP("the CPU has physical addresses of %u bits", width);
}

static const struct feature_axis kind_axes[] = {PLACES, KINDS, AXIS("read", "write", "fetch"), {0}};
static const enum ept_access accesses[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH};

FEATURE_GRID(ept_misconfig, VMX, NEEDS(), MISCONFIGURATIONS,
             "an entry that is present and has what is reserved exits, whatever the access", kind_axes,
             .exists = has_kind)
{
    const struct kind *kind = &kinds[at[AT_KIND]];
    const struct ept_place place = ept_open((enum ept_where)at[AT_PLACE]);
    const enum ept_access access = accesses[at[AT_ACCESS]];
    struct exit_record e;

    require_reserved(kind);
    ept_set(&place, kind->clear, kind->set);
    e = OBSERVE(ept_touch(access, &place));
    EXPECT_EXIT(EXIT_EPT_MISCONFIGURATION);
    EXPECT_EXITS(1);
    EXPECT_EQ(e.physical, place.gpa + EPT_OFFSET);
    EXPECT_BITS(e.vectoring_info, EVENT_VALID, 0);
    ept_expect_byte(&place, access, false);
}

/* ---- Misconfiguration or violation ------------------------------------------------------------------------------ */

static const struct feature_axis order_axes[] = {PLACES, KINDS, {0}};

/* Of these, the permissions are what is wrong: without them there is nothing. */
static bool has_other_kind(const unsigned *at) { return has_kind(at) && !(kinds[at[AT_KIND]].set & EPT_RWX); }

FEATURE_GRID(ept_misconfig_absent, VMX, NEEDS(), "Prioritization of EPT Misconfigurations and EPT Violations",
             "an entry that is not present may have anything else: it is an EPT violation", order_axes,
             .exists = has_other_kind)
{
    const struct kind *kind = &kinds[at[AT_KIND]];
    const struct ept_place place = ept_open((enum ept_where)at[AT_PLACE]);
    struct exit_record e;

    require_reserved(kind);
    ept_set(&place, kind->clear | EPT_RWX, kind->set);
    e = OBSERVE(ept_touch(ACCESS_READ, &place));
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    EXPECT_BITS(e.qualification, EPT_READ | EPT_WRITE | EPT_FETCH | EPT_RWX << 3, EPT_READ);
    EXPECT_EQ(e.physical, place.gpa + EPT_OFFSET);
    ept_expect_byte(&place, ACCESS_READ, false);
}

FEATURE_GRID(ept_misconfig_first, VMX, NEEDS(), "Prioritization of EPT Misconfigurations and EPT Violations",
             "an entry that is misconfigured, and does not allow the access either, is an EPT misconfiguration",
             order_axes, .exists = has_other_kind)
{
    const struct kind *kind = &kinds[at[AT_KIND]];
    const struct ept_place place = ept_open((enum ept_where)at[AT_PLACE]);
    struct exit_record e;

    require_reserved(kind);
    ept_set(&place, kind->clear | EPT_W | EPT_X, kind->set);
    e = OBSERVE(ept_touch(ACCESS_WRITE, &place));
    EXPECT_EXIT(EXIT_EPT_MISCONFIGURATION);
    EXPECT_EQ(e.physical, place.gpa + EPT_OFFSET);
    ept_expect_byte(&place, ACCESS_WRITE, false);
}

/* ---- What does not matter --------------------------------------------------------------------------------------- */

/* With the controls as they are at the start of a row: no accessed and dirty flags, no mode-based execute, no #VE. */
static const struct ignored {
    const char *label;
    unsigned bit;
    bool table;
} ignored[] = {
#define IGNORED(X)                                                                                                    \
    X("6-ignore-pat", 6, false) X("8", 8, true) X("9", 9, true) X("10", 10, true) X("11", 11, true) X("52", 52, true) \
    X("53", 53, true) X("54", 54, true) X("55", 55, true) X("56", 56, true) X("57", 57, true) X("58", 58, true)       \
    X("59", 59, true) X("60", 60, true) X("61", 61, true) X("62", 62, true) X("63", 63, true)
    IGNORED(ROW)
};
static const struct feature_axis ignored_axes[] = {
    PLACES, {(const char *const[]){IGNORED(LABEL)}, sizeof ignored / sizeof *ignored}, {0}};

static bool has_ignored(const unsigned *at) { return ept_is_leaf((enum ept_where)at[0]) || ignored[at[1]].table; }

FEATURE_GRID(ept_ignored, VMX, NEEDS(), "EPT Translation Mechanism", "a bit that is ignored changes nothing",
             ignored_axes, .exists = has_ignored)
{
    const uint64_t bit = 1ull << ignored[at[1]].bit;
    const struct ept_place place = ept_open((enum ept_where)at[0]);

    ept_set(&place, 0, bit);
    OBSERVE(ept_touch(ACCESS_READ, &place); ept_touch(ACCESS_FETCH, &place); ept_touch(ACCESS_WRITE, &place));
    EXPECT_NO_EXIT();
    EXPECT_EQ(ept_entry(&place), place.open | bit);
    ept_expect_byte(&place, ACCESS_WRITE, true);
}

static const uint8_t types[] = {0, 1, 4, 5, 6};
static const struct feature_axis type_axes[] = {
    AXIS("4k", "2m"), AXIS("uc", "wc", "wt", "wp", "wb"), AXIS("pat", "ignore-pat"), {0}};

FEATURE_GRID(ept_type, VMX, NEEDS(), "EPT and Memory Typing", "memory of each type is read and written", type_axes)
{
    enum { IGNORE_PAT = 1 << 6, TYPE_MASK = 7 << EPT_TYPE_SHIFT };
    const struct ept_place place = ept_open(at[0] ? PLACE_2M : PLACE_4K);

    ept_set(&place, TYPE_MASK, (uint64_t)types[at[1]] << EPT_TYPE_SHIFT | (at[2] ? IGNORE_PAT : 0));
    OBSERVE(ept_touch(ACCESS_READ, &place); ept_touch(ACCESS_FETCH, &place); ept_touch(ACCESS_WRITE, &place));
    EXPECT_NO_EXIT();
    ept_expect_byte(&place, ACCESS_WRITE, true);
}

/* ---- In a walk, and in the delivery of an event ----------------------------------------------------------------- */

static const struct feature_axis walk_axes[] = {KINDS, {0}};

static bool is_walk_kind(const unsigned *at) { return kinds[at[0]].leaf; }

FEATURE_GRID(ept_misconfig_walk, VMX, NEEDS(), MISCONFIGURATIONS,
             "a misconfigured entry for a page table of the guest's exits with the address in it", walk_axes,
             .exists = is_walk_kind)
{
    enum { SLOT = 3 };
    const struct kind *kind = &kinds[at[0]];
    const struct ept_place place = ept_open(PLACE_4K);
    char *linear = page_map(SLOT, EPT_TABLE, 0);
    struct exit_record e;

    require_reserved(kind);
    memset(place.linear, 0, PAGE_BYTES);
    *page_entry(linear, 2) = EPT_TARGET | PAGE_PRESENT | PAGE_WRITE;
    page_flush();
    ept_set(&place, kind->clear, kind->set);
    e = OBSERVE(ept_do(ACCESS_READ, linear));
    EXPECT_EXIT(EXIT_EPT_MISCONFIGURATION);
    EXPECT_EQ(e.physical, EPT_TARGET + SLOT * sizeof(uint64_t));
}

static const struct event {
    const char *label;
    uint8_t code[2];
    uint8_t type, vector, length;
} events[] = {
    {"int", {0xcd, 0x30}, EVENT_SOFTWARE_INTERRUPT, 0x30, 2},
    {"int3", {0xcc, 0x90}, EVENT_SOFTWARE_EXCEPTION, EXCEPTION_BP, 1},
    {"ud2", {0x0f, 0x0b}, EVENT_HARDWARE_EXCEPTION, EXCEPTION_UD, 0},
};

FEATURE_TESTS(ept_misconfig_event, VMX, NEEDS(), "Information for VM Exits That Occur During Event Delivery",
              "an EPT misconfiguration while an event is delivered tells the event", events)
{
    const struct table_register idt = {sizeof tables_idt - 1, EPT_TARGET};
    const struct ept_place place = ept_open(PLACE_4K);
    const uint64_t where = code_put(row->code, 2);
    struct code_registers registers = {.rax = 0};
    struct exit_record e;

    memcpy(place.linear, tables_idt, sizeof tables_idt);
    __asm__ volatile("lidt %0" : : "m"(idt));
    ept_set(&place, EPT_RWX, EPT_W);
    e = OBSERVE(code_run(&registers));
    ept_reopen(&place);
    EXPECT_EXIT(EXIT_EPT_MISCONFIGURATION);
    EXPECT_EQ(e.physical, EPT_TARGET + row->vector * sizeof(struct gate));
    EXPECT_EQ(e.rip, where);
    EXPECT_EQ(e.vectoring_info, EVENT(row->type, row->vector));
    if (row->length)
        EXPECT_EQ(e.instruction_length, row->length);
}
