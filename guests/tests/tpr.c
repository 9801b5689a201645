/* TPR shadow: CR8 is a byte of the virtual-APIC page, and a TPR below the threshold exits. */
#include <string.h>

#include "guests/lib/lab/lab.h"

#define CR8_TEXT "Virtualizing CR8-Based TPR Accesses"
#define THRESHOLD_TEXT "TPR Virtualization"

enum { PAGE = 0, VTPR = 0x80, CLASS_SHIFT = 4, CLASSES = 16 };
#define NEEDS_SHADOW NEEDS(PROC_TPR_SHADOW, NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE))

static uint8_t *page_byte(unsigned offset) { return (uint8_t *)page_scratch(PAGE) + offset; }

static uint32_t vtpr(void) { return *(volatile uint32_t *)page_byte(VTPR); }

static void set_vtpr(uint32_t value) { *(volatile uint32_t *)page_byte(VTPR) = value; }

/* Without APIC accesses, a VM entry wants a TPR that is not below the threshold. */
static void begin(unsigned class, unsigned threshold)
{
    set_vtpr(class << CLASS_SHIFT);
    LAB_WRITE({VIRTUAL_APIC_ADDRESS, (uint64_t)page_scratch(PAGE)}, {TPR_THRESHOLD, threshold});
    lab_set(PROC_TPR_SHADOW);
    lab_clear(PROC_CR8_LOAD);
    lab_clear(PROC_CR8_STORE);
}

/* ---- CR8 -------------------------------------------------------------------------------------------------------- */

static const struct feature_axis class_axes[] = {
    AXIS("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"), {0}};

FEATURE_GRID(tpr_read, VMX, NEEDS_SHADOW, CR8_TEXT, "MOV from CR8 reads bits 7:4 of the virtual TPR", class_axes)
{
    uint64_t cr8 = 0;

    begin(at[0], 0);
    set_vtpr(0xabcdef05 | at[0] << CLASS_SHIFT);
    OBSERVE(cr8 = insn_read_cr8());
    EXPECT_NO_EXIT();
    EXPECT_EQ(cr8, at[0]);
    EXPECT_EQ(vtpr(), 0xabcdef05 | at[0] << CLASS_SHIFT);
}

FEATURE_GRID(tpr_write, VMX, NEEDS_SHADOW, CR8_TEXT,
             "MOV to CR8 writes bits 7:4 of the virtual TPR, and clears its others", class_axes)
{
    begin(0, 0);
    set_vtpr(0xabcdef5f);
    OBSERVE(insn_write_cr8(at[0]));
    EXPECT_NO_EXIT();
    EXPECT_EQ(vtpr(), at[0] << CLASS_SHIFT);
    EXPECT_EQ(*page_byte(VTPR - 1), 0);
    EXPECT_EQ(*page_byte(VTPR + 4), 0);
}

static const struct feature_axis bad_axes[] = {AXIS("10", "20", "80000000", "2-32", "2-63", "all"), {0}};
static const uint64_t bads[] = {0x10, 0x20, 0x80000000, 1ull << 32, 1ull << 63, ~0ull};

FEATURE_GRID(tpr_reserved, VMX, NEEDS_SHADOW, "MOV--Move to/from Control Registers",
             "a reserved bit of CR8 is #GP, and nothing is written", bad_axes)
{
    begin(3, 0);
    OBSERVE(insn_write_cr8(bads[at[0]]));
    EXPECT_FAULT(EXCEPTION_GP, 0);
    EXPECT_EQ(vtpr(), 3 << CLASS_SHIFT);
}

static const struct feature_axis user_axes[] = {AXIS("read", "write"), {0}};

FEATURE_GRID(tpr_user, VMX, NEEDS_SHADOW, "MOV--Move to/from Control Registers",
             "in CPL 3 it is #GP, TPR shadow or not", user_axes)
{
    begin(3, 0);
    if (at[0])
        OBSERVE(IN_USER(insn_write_cr8(1)));
    else
        OBSERVE(IN_USER(insn_read_cr8()));
    EXPECT_FAULT(EXCEPTION_GP, 0);
    EXPECT_EQ(vtpr(), 3 << CLASS_SHIFT);
}

static const struct feature_axis exiting_axes[] = {AXIS("load", "store"), AXIS("above", "below"), {0}};

FEATURE_GRID(tpr_exiting, VMX, NEEDS(PROC_TPR_SHADOW, PROC_CR8_LOAD, PROC_CR8_STORE),
             "Instructions That Cause VM Exits Conditionally",
             "CR8-load and CR8-store exiting come before the TPR shadow", exiting_axes)
{
    begin(8, 4);
    lab_set(at[0] ? PROC_CR8_STORE : PROC_CR8_LOAD);
    if (at[0])
        OBSERVE(insn_read_cr8());
    else
        OBSERVE(insn_write_cr8(at[1] ? 2 : 6));
    EXPECT_EXIT(EXIT_CR_ACCESS);
    EXPECT_EQ(vtpr(), 8 << CLASS_SHIFT);
}

/* ---- The threshold ---------------------------------------------------------------------------------------------- */

static const uint8_t classes[] = {0, 1, 2, 7, 8, 14, 15};
#define CLASS_LABELS AXIS("0", "1", "2", "7", "8", "14", "15")
static const struct feature_axis threshold_axes[] = {CLASS_LABELS, CLASS_LABELS, {0}};

FEATURE_GRID(tpr_threshold, VMX, NEEDS_SHADOW, THRESHOLD_TEXT,
             "a TPR that is written and below the threshold exits, behind the instruction", threshold_axes)
{
    const unsigned class = classes[at[0]], threshold = classes[at[1]];

    begin(CLASSES - 1, threshold);
    OBSERVE(insn_write_cr8(class));
    if (class < threshold) {
        EXPECT_EXIT(EXIT_TPR_BELOW_THRESHOLD);
        EXPECT_EXITS(1);
    } else {
        EXPECT_NO_EXIT();
    }
    EXPECT_EQ(vtpr(), class << CLASS_SHIFT);
}

FEATURE_TEST(tpr_place, VMX, NEEDS_SHADOW, THRESHOLD_TEXT,
             "the exit is a trap: RIP is behind MOV to CR8, and no blocking is left")
{
    static const uint8_t code[] = {0x44, 0x0f, 0x22, 0xc1, 0x90}; /* mov cr8, rcx; nop */
    struct code_registers registers = {.rcx = 1};
    const uint64_t where = code_put(code, sizeof code);
    struct exit_record e;

    begin(CLASSES - 1, 2);
    e = OBSERVE(code_run(&registers));
    EXPECT_EXIT(EXIT_TPR_BELOW_THRESHOLD);
    EXPECT_EQ(e.rip, where + 4);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), 0);
}

FEATURE_TEST(tpr_above, VMX, NEEDS_SHADOW, THRESHOLD_TEXT,
             "writes that leave the TPR at the threshold or above, and reads, do not exit")
{
    begin(CLASSES - 1, 8);
    OBSERVE_WITH(LAB_ENTER, 0, insn_write_cr8(9); insn_write_cr8(8); insn_read_cr8());
    EXPECT_EXITS(0);
    EXPECT_EQ(vtpr(), 8 << CLASS_SHIFT);
}

/* The entry that would begin with such a TPR. */
static const struct feature_axis entry_axes[] = {CLASS_LABELS, CLASS_LABELS, {0}};
enum { INVALID_CONTROL = 7 };

FEATURE_GRID(tpr_entry, VMX, NEEDS_SHADOW, "VM-Execution Control Fields",
             "without APIC accesses an entry fails if the threshold is above the virtual TPR", entry_axes)
{
    const unsigned class = classes[at[0]], threshold = classes[at[1]];
    struct exit_record e;

    begin(class, 0);
    lab_may_change_all();
    e = OBSERVE(lab_write(TPR_THRESHOLD, threshold));
    if (class < threshold)
        EXPECT_EQ(e.reason, LAB_VMFAIL | INVALID_CONTROL);
    else
        EXPECT_NO_EXIT();
}

static const struct feature_axis access_axes[] = {CLASS_LABELS, CLASS_LABELS, {0}};

FEATURE_GRID(tpr_entry_exit, VMX,
             NEEDS(PROC_TPR_SHADOW, NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE), PROC2_VIRTUALIZE_APIC_ACCESSES),
             "VM Exits Induced by the TPR Threshold",
             "with APIC accesses, an entry with a threshold above the virtual TPR exits at once", access_axes)
{
    const unsigned class = classes[at[0]], threshold = classes[at[1]];

    begin(class, 0);
    lab_set(PROC2_VIRTUALIZE_APIC_ACCESSES);
    OBSERVE(lab_write(TPR_THRESHOLD, threshold));
    if (class < threshold)
        EXPECT_EXIT(EXIT_TPR_BELOW_THRESHOLD);
    else
        EXPECT_NO_EXIT();
    EXPECT_EQ(vtpr(), class << CLASS_SHIFT);
}

static const struct feature_axis reserved_axes[] = {AXIS("4", "5", "7", "8", "15", "31"), {0}};
static const uint8_t reserved[] = {4, 5, 7, 8, 15, 31};

FEATURE_GRID(tpr_threshold_reserved, VMX, NEEDS_SHADOW, "VM-Execution Control Fields",
             "bits 31:4 of the threshold have to be 0", reserved_axes)
{
    struct exit_record e;

    begin(CLASSES - 1, 0);
    lab_may_change_all();
    e = OBSERVE(lab_write(TPR_THRESHOLD, 1ull << reserved[at[0]]));
    EXPECT_EQ(e.reason, LAB_VMFAIL | INVALID_CONTROL);
}
