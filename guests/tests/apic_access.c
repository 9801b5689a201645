/*
 * The APIC-access page: which accesses exit, and the one register that a TPR shadow virtualizes. Fetches are in
 * apic_fetch_risky.c.
 */
#include "guests/lib/lab/lab.h"
#include "guests/tests/apic.h"

#define ACCESSES_TEXT "APIC-Access VM Exits"
#define NEEDS_APIC NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES, NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE))

/* ---- What exits ------------------------------------------------------------------------------------------------- */

static const uint16_t offsets[] = {0x000, 0x004, 0x010, 0x020, 0x030, 0x07f, 0x081, 0x084, 0x090, 0x0a0,
                                   0x0b0, 0x0c0, 0x0d0, 0x0f0, 0x100, 0x180, 0x200, 0x280, 0x300, 0x310,
                                   0x320, 0x380, 0x390, 0x3e0, 0x3f0, 0x400, 0x7ff, 0x800, 0xffc, 0xfff};
#define OFFSETS                                                                                                        \
    AXIS("000", "004", "010", "020", "030", "07f", "081", "084", "090", "0a0", "0b0", "0c0", "0d0", "0f0", "100",      \
         "180", "200", "280", "300", "310", "320", "380", "390", "3e0", "3f0", "400", "7ff", "800", "ffc", "fff")
static const struct feature_axis exit_axes[] = {OFFSETS, AXIS("read", "write"), {0}};

static void byte_access(enum apic_access_type type, uint64_t address)
{
    if (type == ACCESS_TYPE_READ)
        __asm__ volatile("movb (%0), %%al" : : "r"(address) : "rax", "memory");
    else
        __asm__ volatile("movb $1, (%0)" : : "r"(address) : "memory");
}

FEATURE_GRID(apic_access, VMX, NEEDS_APIC, ACCESSES_TEXT,
             "any access to the page exits with its offset and type, and is not made", exit_axes)
{
    const uint64_t offset = offsets[at[0]];
    const enum apic_access_type type = (enum apic_access_type)at[1];
    struct exit_record e;

    apic_begin();
    e = OBSERVE(byte_access(type, APIC_ADDRESS + offset));
    EXPECT_EXIT(EXIT_APIC_ACCESS);
    EXPECT_EXITS(1);
    EXPECT_BITS(e.qualification, 0xffff, APIC_QUALIFICATION(type, offset));
    EXPECT_BITS(e.vectoring_info, EVENT_VALID, 0);
    apic_expect_memory();
}

static const struct feature_axis user_axes[] = {AXIS("read", "write"), {0}};

FEATURE_GRID(apic_access_user, VMX, NEEDS_APIC, ACCESSES_TEXT, "those of CPL 3 exit, too", user_axes)
{
    struct exit_record e;

    apic_begin();
    e = OBSERVE(IN_USER(byte_access((enum apic_access_type)at[0], APIC_ADDRESS + APIC_ID)));
    EXPECT_EXIT(EXIT_APIC_ACCESS);
    EXPECT_BITS(e.qualification, 0xffff, APIC_QUALIFICATION(at[0], APIC_ID));
    apic_expect_memory();
}

FEATURE_GRID(apic_access_off, VMX, NEEDS(PROC2_VIRTUALIZE_APIC_ACCESSES), ACCESSES_TEXT,
             "without the control the page is memory", user_axes)
{
    uint8_t *byte = (uint8_t *)APIC_ADDRESS + APIC_ID;

    apic_begin();
    lab_clear(PROC2_VIRTUALIZE_APIC_ACCESSES);
    *byte = 7;
    OBSERVE(byte_access((enum apic_access_type)at[0], APIC_ADDRESS + APIC_ID));
    EXPECT_NO_EXIT();
    EXPECT_EQ(*byte, at[0] == ACCESS_TYPE_WRITE ? 1 : 7);
}

static const struct feature_axis beside_axes[] = {AXIS("below", "above"), AXIS("read", "write"), {0}};

FEATURE_GRID(apic_access_beside, VMX, NEEDS_APIC, ACCESSES_TEXT, "the pages beside it are memory", beside_axes)
{
    volatile uint8_t *byte = (volatile uint8_t *)APIC_ADDRESS + (at[0] ? PAGE_BYTES : -1);

    apic_begin();
    *byte = 7;
    OBSERVE(byte_access((enum apic_access_type)at[1], (uint64_t)byte));
    EXPECT_NO_EXIT();
    EXPECT_EQ(*byte, at[1] ? 1 : 7);
}

/* Any linear address that leads to it. */
FEATURE_GRID(apic_access_linear, VMX, NEEDS_APIC, ACCESSES_TEXT, "it is the same at any linear address", user_axes)
{
    struct exit_record e;
    uint64_t linear;

    apic_begin();
    linear = (uint64_t)page_map(3, APIC_ADDRESS, PAGE_PRESENT | PAGE_WRITE | PAGE_USER);
    e = OBSERVE(byte_access((enum apic_access_type)at[0], linear + APIC_SVR));
    EXPECT_EXIT(EXIT_APIC_ACCESS);
    EXPECT_BITS(e.qualification, 0xffff, APIC_QUALIFICATION(at[0], APIC_SVR));
}

/* ---- Order ------------------------------------------------------------------------------------------------------ */

static const struct feature_axis fault_axes[] = {AXIS("read", "write"), AXIS("absent", "read-only"), {0}};

FEATURE_GRID(apic_access_fault, VMX, NEEDS_APIC, "Priority of APIC-Access VM Exits Caused by Linear Accesses",
             "a page fault by the guest's tables comes before the exit", fault_axes)
{
    enum { CR0_WP = 1 << 16 };
    uint64_t linear;

    apic_begin();
    insn_write_cr0(insn_read_cr0() | CR0_WP);
    linear = (uint64_t)page_map(3, APIC_ADDRESS, at[1] ? PAGE_PRESENT : 0);
    OBSERVE(byte_access((enum apic_access_type)at[0], linear + APIC_SVR));
    if (at[1] && at[0] == ACCESS_TYPE_READ)
        EXPECT_EXIT(EXIT_APIC_ACCESS);
    else
        EXPECT_FAULT(EXCEPTION_PF, (at[1] ? 1 : 0) | (at[0] ? 2 : 0));
}

static const struct feature_axis ept_axes[] = {AXIS("read", "write"), AXIS("none", "misconfigured"), {0}};

FEATURE_GRID(apic_access_ept, VMX, NEEDS_APIC, "Priority of APIC-Access VM Exits Caused by Linear Accesses",
             "an EPT violation or misconfiguration comes before the exit", ept_axes)
{
    enum { EPT_RWX = 7, EPT_WRITE_ONLY = 2 };
    uint64_t open;

    apic_begin();
    open = lab_nested_read(APIC_ADDRESS, 1);
    lab_nested_write(APIC_ADDRESS, 1, (open & ~(uint64_t)EPT_RWX) | (at[1] ? EPT_WRITE_ONLY : 0));
    OBSERVE(byte_access((enum apic_access_type)at[0], APIC_ADDRESS + APIC_SVR));
    EXPECT_EXIT(at[1] ? EXIT_EPT_MISCONFIGURATION : EXIT_EPT_VIOLATION);
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

static const struct event_row {
    const char *label;
    bool stack; /* the page is that of the stack; else of the IDT */
} event_rows[] = {{"gate", false}, {"stack", true}};

FEATURE_TESTS(apic_access_event, VMX, NEEDS_APIC, "Exit Qualification for APIC-Access VM Exits from Linear Accesses",
              "an access in the delivery of an event is told as such, with the event", event_rows)
{
    enum { VECTOR = 0x40, IST = 7, GATE_BYTES = 16, FRAME_BYTES = 5 * 8 };
    const struct table_register idt = {sizeof tables_idt - 1, APIC_ADDRESS};
    struct exit_record e;

    apic_begin();
    if (row->stack) {
        tables_tss.tss.ist[IST - 1] = APIC_ADDRESS + PAGE_BYTES / 2;
        tables_idt[VECTOR].ist = IST;
    } else {
        __asm__ volatile("lidt %0" : : "m"(idt));
    }
    e = OBSERVE(__asm__ volatile("int %0" : : "i"(VECTOR) : "memory"));
    EXPECT_EXIT(EXIT_APIC_ACCESS);
    EXPECT_EQ(e.qualification >> 12 & 0xf, ACCESS_TYPE_DELIVERY);
    EXPECT_EQ(e.vectoring_info, EVENT(EVENT_SOFTWARE_INTERRUPT, VECTOR));
    EXPECT_EQ(e.instruction_length, 2);
    if (!row->stack)
        EXPECT_BITS(e.qualification, 0xfff, VECTOR * GATE_BYTES);
}

/* ---- The TPR ---------------------------------------------------------------------------------------------------- */

static const struct feature_axis tpr_axes[] = {
    AXIS("read", "write"), AXIS("shadow", "no-shadow"), AXIS("0", "3", "7f", "f0", "ff"), {0}};
static const uint8_t tprs[] = {0, 3, 0x7f, 0xf0, 0xff};

FEATURE_GRID(apic_access_tpr, VMX, NEEDS_APIC, "Virtualizing Reads from the APIC-Access Page",
             "with a TPR shadow the TPR is that of the virtual-APIC page, without it exits", tpr_axes)
{
    const uint32_t value = tprs[at[2]];
    uint32_t seen = 0;

    apic_begin();
    *apic_virtual(APIC_TPR) = at[0] ? 0x11 : value;
    if (at[1]) {
        lab_set(PROC_CR8_LOAD);
        lab_set(PROC_CR8_STORE);
        lab_clear(PROC_TPR_SHADOW);
    }
    if (at[0])
        OBSERVE(apic_write(APIC_TPR, value));
    else
        OBSERVE(seen = apic_read(APIC_TPR));
    if (at[1]) {
        EXPECT_EXIT(EXIT_APIC_ACCESS);
        EXPECT_EQ(lab_seen.exit[0].qualification & 0xffff, APIC_QUALIFICATION(at[0], APIC_TPR));
        EXPECT_EQ(*apic_virtual(APIC_TPR), at[0] ? 0x11 : value);
    } else {
        EXPECT_NO_EXIT();
        EXPECT_EQ(*apic_virtual(APIC_TPR), value);
        if (!at[0])
            EXPECT_EQ(seen, value);
    }
    apic_expect_memory();
}

static const uint8_t classes[] = {0, 1, 7, 8, 15};
#define CLASS_LABELS AXIS("0", "1", "7", "8", "15")
static const struct feature_axis threshold_axes[] = {CLASS_LABELS, CLASS_LABELS, {0}};

FEATURE_GRID(apic_access_threshold, VMX, NEEDS_APIC, "TPR Virtualization",
             "a write that leaves the TPR below the threshold exits behind it", threshold_axes)
{
    const unsigned class = classes[at[0]], threshold = classes[at[1]];

    apic_begin();
    *apic_virtual(APIC_TPR) = 0xff;
    lab_write(TPR_THRESHOLD, threshold);
    OBSERVE(apic_write(APIC_TPR, class << 4 | 5));
    if (class < threshold)
        EXPECT_EXIT(EXIT_TPR_BELOW_THRESHOLD);
    else
        EXPECT_NO_EXIT();
    EXPECT_EQ(*apic_virtual(APIC_TPR), class << 4 | 5);
}
