/* Page-modification logging: what is logged, where, and what becomes of a write that the log has no room for. */
#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/ept.h"

#define LOGGING "Page-Modification Logging"

enum { ENTRIES = 512, LAST = ENTRIES - 1, UNTOUCHED = 0x5a, LOG_PAGE = 0 };
#define PAGE_MASK (~0xfffull)
#define NO_ENTRY  0x5a5a5a5a5a5a5a5aull

/* Logs what the row is about and nothing else: all other pages are dirty already. The index is LAST. */
static struct ept_place begin(enum ept_where where)
{
    const struct ept_place place = ept_open(where);
    uint64_t *log = page_scratch(LOG_PAGE);

    LAB_WRITE({EPT_POINTER, EPTP_FLAGS}, {PML_ADDRESS, (uint64_t)log}, {PML_INDEX, LAST});
    lab_set(PROC2_PML);
    OBSERVE(IN_USER(ept_touch(ACCESS_WRITE, &place))); /* the library's pages are dirty after that */
    OBSERVE(ept_touch(ACCESS_WRITE, &place); cpu_id(0, 0));
    place.linear[EPT_OFFSET] = EPT_BYTE;
    memset(log, UNTOUCHED, PAGE_BYTES);
    ept_reopen(&place);
    lab_write(PML_INDEX, LAST);
    return place;
}

/* The log has the pages of these addresses, from `index` downwards, and no other. */
static void expect_log(uint64_t index, const uint64_t *gpas, unsigned n)
{
    const uint64_t *log = page_scratch(LOG_PAGE);

    lab_clear(PROC2_PML);
    EXPECT_EQ(lab_read(PML_INDEX), (uint16_t)(index - n));
    for (uint64_t i = 0; i < ENTRIES; i++) {
        bool logged = i <= index && i + n > index;

        if (!EXPECT_EQ(logged ? log[i] & PAGE_MASK : log[i], logged ? gpas[index - i] : NO_ENTRY))
            return;
    }
}

/* ---- What is logged --------------------------------------------------------------------------------------------- */

static bool is_page(const unsigned *at) { return ept_is_leaf((enum ept_where)at[0]); }

static const struct feature_axis access_axes[] = {
    PLACES, ACCESSES, AXIS("clean", "dirty"), AXIS("kernel", "user"), {0}};

FEATURE_GRID(ept_pml, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING,
             "an access that sets a dirty flag is logged, no other is", access_axes, .exists = is_page)
{
    const enum ept_access access = (enum ept_access)at[1];
    const bool logged = !at[2] && (access == ACCESS_WRITE || access == ACCESS_MODIFY);
    const struct ept_place place = begin((enum ept_where)at[0]);

    if (at[2])
        ept_set(&place, 0, EPT_D);
    if (at[3])
        OBSERVE(IN_USER(ept_touch(access, &place)));
    else
        OBSERVE(ept_touch(access, &place));
    EXPECT_NO_EXIT();
    expect_log(LAST, &place.gpa, logged);
    ept_expect_byte(&place, access, true);
}

static const struct feature_axis once_axes[] = {AXIS("4k", "2m"), {0}};

FEATURE_GRID(ept_pml_once, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING,
             "a page is logged once, with the address of the 4 KiB that were written first", once_axes)
{
    const struct ept_place place = begin(at[0] ? PLACE_2M : PLACE_4K);
    const uint64_t gpa = place.gpa + (at[0] ? 0x7000 : 0);

    OBSERVE(ept_do(ACCESS_WRITE, place.linear + (gpa - place.gpa) + 0xabc); ept_touch(ACCESS_WRITE, &place);
            ept_touch(ACCESS_MODIFY, &place));
    EXPECT_NO_EXIT();
    expect_log(LAST, &gpa, 1);
}

FEATURE_GRID(ept_pml_aligned, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING, "bits 11:0 of what is logged are 0",
             once_axes)
{
    const struct ept_place place = begin(at[0] ? PLACE_2M : PLACE_4K);

    OBSERVE(ept_touch(ACCESS_WRITE, &place));
    EXPECT_NO_EXIT();
    EXPECT_EQ(((uint64_t *)page_scratch(LOG_PAGE))[LAST], place.gpa);
}

static const struct feature_axis off_axes[] = {AXIS("control", "flags"), {0}};

FEATURE_GRID(
    ept_pml_off, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING,
    "without the control, or without accessed and dirty flags, nothing is logged, and a full log does not matter",
    off_axes)
{
    const struct ept_place place = begin(PLACE_4K);

    if (at[0])
        lab_write(EPT_POINTER, EPTP_PLAIN);
    else
        lab_clear(PROC2_PML);
    lab_write(PML_INDEX, 0xffff);
    OBSERVE(ept_touch(ACCESS_WRITE, &place));
    EXPECT_NO_EXIT();
    expect_log(0xffff, NULL, 0);
    ept_expect_byte(&place, ACCESS_WRITE, true);
}

FEATURE_TEST(ept_pml_denied, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING,
             "a write that is not allowed is not logged")
{
    const struct ept_place place = begin(PLACE_4K);

    ept_set(&place, EPT_W, 0);
    OBSERVE(ept_touch(ACCESS_WRITE, &place));
    EXPECT_EXIT(EXIT_EPT_VIOLATION);
    expect_log(LAST, NULL, 0);
}

/* Two pages, the second behind the first. */
static const struct feature_axis two_axes[] = {AXIS("forward", "backward", "crossing"), {0}};

FEATURE_GRID(ept_pml_two, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING,
             "pages are logged in the order of the writes, each below the one before", two_axes)
{
    const uint64_t second = EPT_TARGET + PAGE_BYTES;
    const struct ept_place place = begin(PLACE_4K);
    const uint64_t gpas[] = {at[0] == 1 ? second : place.gpa, at[0] == 1 ? place.gpa : second};
    const uint64_t open = lab_nested_read(second, 1);
    const uint64_t *log = page_scratch(LOG_PAGE);

    lab_nested_write(second, 1, open & ~(uint64_t)EPT_D);
    if (at[0] == 2) {
        OBSERVE(*(volatile uint64_t *)(second - 4) = 0);
        EXPECT_NO_EXIT();
        EXPECT_EQ(lab_read(PML_INDEX), LAST - 2); /* in which order is not said */
        EXPECT_EQ((log[LAST] & PAGE_MASK) + (log[LAST - 1] & PAGE_MASK), place.gpa + second);
        EXPECT_NE(log[LAST] & PAGE_MASK, log[LAST - 1] & PAGE_MASK);
        return;
    }
    OBSERVE(ept_do(ACCESS_WRITE, (void *)gpas[0]); ept_do(ACCESS_WRITE, (void *)gpas[1]));
    EXPECT_NO_EXIT();
    expect_log(LAST, gpas, 2);
}

FEATURE_TEST(ept_pml_walk, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING,
             "a walk of the guest's page tables is logged as a write of them")
{
    const struct ept_place place = begin(PLACE_4K);
    uint64_t *table = (uint64_t *)place.linear;
    char *linear = page_map(0, 0, 0);

    memset(table, 0, PAGE_BYTES);
    table[0] = EPT_TABLE | PAGE_PRESENT | PAGE_ACCESSED;
    *page_entry(linear, 2) = place.gpa | PAGE_PRESENT | PAGE_WRITE;
    page_flush();
    ept_do(ACCESS_READ, (void *)EPT_TABLE);
    ept_reopen(&place);
    lab_write(PML_INDEX, LAST);
    memset(page_scratch(LOG_PAGE), UNTOUCHED, PAGE_BYTES);
    OBSERVE(ept_do(ACCESS_READ, linear));
    EXPECT_NO_EXIT();
    expect_log(LAST, &place.gpa, 1);
}

/* ---- The index -------------------------------------------------------------------------------------------------- */

static const struct index_row {
    const char *label;
    uint64_t index;
} index_rows[] = {{"0", 0},     {"1", 1},     {"2", 2},     {"127", 127}, {"128", 128},
                  {"255", 255}, {"256", 256}, {"510", 510}, {"511", 511}},
  full_rows[] = {{"512", 512},     {"513", 513},     {"1023", 1023},  {"1024", 1024},
                 {"8000", 0x8000}, {"fe00", 0xfe00}, {"ffff", 0xffff}};

FEATURE_TESTS(ept_pml_index, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING,
              "the index says which entry is next; from 0 it goes to FFFFH", index_rows)
{
    const struct ept_place place = begin(PLACE_4K);

    OBSERVE(lab_write(PML_INDEX, row->index); ept_touch(ACCESS_WRITE, &place));
    EXPECT_NO_EXIT();
    expect_log(row->index, &place.gpa, 1);
    ept_expect_byte(&place, ACCESS_WRITE, true);
}

FEATURE_TESTS(ept_pml_full, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING,
              "when the index is beyond the log, what would be logged exits instead, and is not done", full_rows)
{
    const struct ept_place place = begin(PLACE_4K);
    struct exit_record e;

    e = OBSERVE(lab_write(PML_INDEX, row->index); ept_touch(ACCESS_WRITE, &place));
    EXPECT_EXIT(EXIT_PML_FULL);
    EXPECT_EXITS(1);
    EXPECT_BITS(e.qualification, EPT_NMI_UNBLOCKING, 0);
    EXPECT_BITS(e.vectoring_info, EVENT_VALID, 0);
    EXPECT_BITS(ept_entry(&place), EPT_D, 0);
    expect_log(row->index, NULL, 0);
    ept_expect_byte(&place, ACCESS_WRITE, false);
}

/* The page has these flags. */
static const struct room_row {
    const char *label;
    enum ept_access access;
    uint64_t flags;
    bool exits;
} room_rows[] = {
    {"read-clean", ACCESS_READ, 0, true},
    {"fetch-clean", ACCESS_FETCH, 0, true},
    {"read-accessed", ACCESS_READ, EPT_A, false},
    {"fetch-accessed", ACCESS_FETCH, EPT_A, false},
    {"write-dirty", ACCESS_WRITE, EPT_A | EPT_D, false},
    {"modify-dirty", ACCESS_MODIFY, EPT_A | EPT_D, false},
};

FEATURE_TESTS(ept_pml_room, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING,
              "a full log exits where a flag would have to be set, the accessed one or the dirty one, and only there",
              room_rows)
{
    const struct ept_place place = begin(PLACE_4K);

    ept_set(&place, 0, row->flags);
    OBSERVE(lab_write(PML_INDEX, 0xffff); ept_touch(row->access, &place));
    if (row->exits)
        EXPECT_EXIT(EXIT_PML_FULL);
    else
        EXPECT_NO_EXIT();
    EXPECT_EQ(ept_entry(&place), place.open | row->flags);
    expect_log(0xffff, NULL, 0);
}

FEATURE_TEST(ept_pml_last, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY), LOGGING, "behind the last entry the log is full")
{
    const uint64_t second = EPT_TARGET + PAGE_BYTES;
    const struct ept_place place = begin(PLACE_4K);

    lab_nested_write(second, 1, lab_nested_read(second, 1) & ~(uint64_t)EPT_D);
    OBSERVE(lab_write(PML_INDEX, 0); ept_touch(ACCESS_WRITE, &place); ept_do(ACCESS_WRITE, (void *)second));
    EXPECT_EXIT(EXIT_PML_FULL);
    EXPECT_BITS(lab_nested_read(second, 1), EPT_D, 0);
    expect_log(0, &place.gpa, 1);
    ept_expect_byte(&place, ACCESS_WRITE, true);
}

FEATURE_TEST(ept_pml_event, VMX, NEEDS(PROC2_PML, EPT_ACCESSED_DIRTY),
             "Information for VM Exits That Occur During Event Delivery",
             "a full log while an event is delivered tells the event")
{
    enum { VECTOR = 0x40, IST = 7 };
    const struct ept_place place = begin(PLACE_4K);
    struct exit_record e;

    tables_tss.tss.ist[IST - 1] = place.gpa + PAGE_BYTES / 2;
    tables_idt[VECTOR].ist = IST;
    e = OBSERVE(lab_write(PML_INDEX, 0xffff); __asm__ volatile("int %0" : : "i"(VECTOR) : "memory"));
    EXPECT_EXIT(EXIT_PML_FULL);
    EXPECT_EQ(e.vectoring_info, EVENT(EVENT_SOFTWARE_INTERRUPT, VECTOR));
    EXPECT_EQ(e.instruction_length, 2);
    expect_log(0xffff, NULL, 0);
}
