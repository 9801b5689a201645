/*
 * What must be seen after translations have been invalidated, with VPIDs and without. A page-table entry is changed
 * behind the TLB's back; what must not hold on to the old one is told by the manual, all else may, so there is no row
 * for it.
 */
#include "guests/lib/lab/lab.h"

#define INVALIDATION "Operations that Invalidate TLBs and Paging-Structure Caches"

enum { OLD = 0x11, NEW = 0x22, SLOT = 7, CR4_PGE = 1 << 7, CR0_WP = 1 << 16 };
#define OLD_PAGE (PAGE_FREE + 1ull * PAGE_LARGE_BYTES)
#define NEW_PAGE (PAGE_FREE + 2ull * PAGE_LARGE_BYTES)

static const struct page {
    bool large, global;
} pages[] = {{false, false}, {false, true}, {true, false}, {true, true}};
#define PAGES AXIS("4k", "4k-global", "2m", "2m-global")

enum change { CHANGE_FRAME, CHANGE_WRITE, CHANGE_PRESENT };
#define CHANGES AXIS("frame", "read-only", "absent")

/* A page of which the TLB may know; then its entry is another. */
static volatile uint8_t *use(const struct page *page)
{
    const uint64_t flags = PAGE_PRESENT | PAGE_WRITE | (page->global ? PAGE_GLOBAL : 0);
    volatile uint8_t *linear;

    insn_write_cr0(insn_read_cr0() | CR0_WP);
    insn_write_cr4(insn_read_cr4() | CR4_PGE);
    *(volatile uint8_t *)OLD_PAGE = OLD;
    *(volatile uint8_t *)NEW_PAGE = NEW;
    linear = page->large ? page_map_large(SLOT, OLD_PAGE, flags) : page_map(SLOT, OLD_PAGE, flags);
    *linear = *linear;
    return linear;
}

static void change(const struct page *page, const volatile void *linear, enum change change)
{
    uint64_t *entry = page_entry((const void *)linear, page->large ? 2 : 1);

    if (change == CHANGE_FRAME)
        *entry = (*entry & (PAGE_BYTES - 1)) | NEW_PAGE;
    else
        *entry &= ~(uint64_t)(change == CHANGE_WRITE ? PAGE_WRITE : PAGE_PRESENT);
    __asm__ volatile("" : : : "memory");
}

/* The access that tells. */
static void expect_seen(volatile uint8_t *linear, enum change change)
{
    if (change == CHANGE_FRAME) {
        EXPECT_EQ(*linear, NEW);
        return;
    }
    lab_fault = change == CHANGE_WRITE ? CATCH(*linear = NEW) : CATCH((void)*linear);
    EXPECT_EQ(lab_fault.vector, EXCEPTION_PF);
    EXPECT_EQ(lab_fault.error, change == CHANGE_WRITE ? 3 : 0);
    EXPECT_EQ(lab_fault.cr2, (uint64_t)linear);
}

/* ---- What a guest does ------------------------------------------------------------------------------------------ */

enum operation { INVLPG, MOV_CR3, TOGGLE_PGE, INVPCID_ADDRESS, INVPCID_SINGLE, INVPCID_ALL, INVPCID_ALL_BUT_GLOBAL };

static void invpcid(uint64_t type, uint64_t linear)
{
    const uint64_t descriptor[2] = {0, linear};

    __asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(type) : "memory");
}

static void invalidate(enum operation operation, const volatile void *linear)
{
    switch (operation) {
    case INVLPG:
        insn_invlpg((const void *)linear);
        return;
    case MOV_CR3:
        page_flush();
        return;
    case TOGGLE_PGE:
        insn_write_cr4(insn_read_cr4() & ~(uint64_t)CR4_PGE);
        insn_write_cr4(insn_read_cr4() | CR4_PGE);
        return;
    default:
        invpcid(operation - INVPCID_ADDRESS, (uint64_t)linear);
    }
}

enum { AT_OPERATION, AT_PAGE, AT_CHANGE, AT_VPID };
static const struct feature_axis axes[] = {
    AXIS("invlpg", "mov-cr3", "cr4-pge", "invpcid-address", "invpcid-single", "invpcid-all", "invpcid-all-but-global"),
    PAGES,
    CHANGES,
    AXIS("off", "on"),
    {0}};

/* All but these also invalidate global translations. */
static bool must_see(const unsigned *at)
{
    const enum operation operation = (enum operation)at[AT_OPERATION];
    const bool keeps_global = operation == MOV_CR3 || operation == INVPCID_ADDRESS || operation == INVPCID_SINGLE ||
                              operation == INVPCID_ALL_BUT_GLOBAL;

    return !(keeps_global && pages[at[AT_PAGE]].global);
}

static const uint16_t *operation_needs(const void *row)
{
    static const uint16_t vpid[] = {PROC2_VPID, 0}, both[] = {PROC2_VPID, PROC2_INVPCID, 0};

    return ((const unsigned *)row)[AT_OPERATION] >= INVPCID_ADDRESS ? both : vpid;
}

FEATURE_GRID(vpid_operation, VMX, NEEDS(), INVALIDATION,
             "what a guest invalidates does not exit, and the next access sees the new entry", axes, .exists = must_see,
             .row_needs = operation_needs)
{
    const struct page *page = &pages[at[AT_PAGE]];
    const enum change what = (enum change)at[AT_CHANGE];
    volatile uint8_t *linear;

    lab_set_to(PROC2_VPID, at[AT_VPID]);
    if (at[AT_OPERATION] >= INVPCID_ADDRESS)
        lab_set(PROC2_INVPCID);
    linear = use(page);
    OBSERVE(*linear = *linear; change(page, linear, what); invalidate((enum operation)at[AT_OPERATION], linear));
    EXPECT_NO_EXIT();
    expect_seen(linear, what);
}

/* ---- VM exits and entries --------------------------------------------------------------------------------------- */

static const struct feature_axis exit_axes[] = {PAGES, CHANGES, AXIS("exit", "exits", "entered"), {0}};

FEATURE_GRID(vpid_off, VMX, NEEDS(NOT(PROC2_VPID)), INVALIDATION,
             "without VPIDs an exit and an entry forget all translations, global ones too", exit_axes)
{
    const struct page *page = &pages[at[0]];
    const enum change what = (enum change)at[1];
    volatile uint8_t *linear;

    lab_clear(PROC2_VPID);
    linear = use(page);
    switch (at[2]) {
    case 0:
        OBSERVE(*linear = *linear; change(page, linear, what); cpu_id(0, 0));
        break;
    case 1:
        OBSERVE_SKIP(*linear = *linear; change(page, linear, what); cpu_id(0, 0); cpu_id(0, 0));
        break;
    default: /* by a hypercall that nobody observes */
        *linear = *linear;
        change(page, linear, what);
        lab_read(EXIT_REASON);
        break;
    }
    expect_seen(linear, what);
}

/* With them, the guest's translations live on or do not; the host's and other VMs' are never taken for them. */
static const struct feature_axis own_axes[] = {PAGES, AXIS("off", "on"), AXIS("1", "2", "8"), {0}};

FEATURE_GRID(vpid_own, VMX, NEEDS(PROC2_VPID, NOT(PROC2_VPID)), INVALIDATION,
             "whatever was translated between exit and entry, the guest's translations are its own", own_axes)
{
    static const unsigned exits[] = {1, 2, 8};
    const struct page *page = &pages[at[0]];
    volatile uint8_t *linear;

    lab_set_to(PROC2_VPID, at[1]);
    linear = use(page);
    for (unsigned i = 0; i < exits[at[2]]; i++) {
        OBSERVE(cpu_id(0, 0));
        EXPECT_EXIT(EXIT_CPUID);
        EXPECT_EQ(*linear, OLD);
        *linear = OLD;
    }
    EXPECT_EQ(*(volatile uint8_t *)OLD_PAGE, OLD);
}
