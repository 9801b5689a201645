/* Fields of the VMCB that are no intercepts: TSC offset, ASID, TLB control, clean bits, virtual VMLOAD and VMSAVE. */
#include "guests/lib/lab/lab.h"

enum { MSR_TSC = 0x10 };

/* ---- TSC offset ---- */

#define TSC_MANUAL "TSC Offset"
#define FAR        (1ull << 40)

static uint64_t by_rdtsc(void) { return cpu_read_tsc(); }
static uint64_t by_rdtscp(void)
{
    uint32_t aux;

    return insn_rdtscp(&aux);
}
static uint64_t by_rdmsr(void)
{
    lab_trap_rdmsr(MSR_TSC, false);
    return insn_rdmsr(MSR_TSC);
}

static const struct way {
    const char *label;
    uint64_t (*read)(void);
} ways[] = {{"rdtsc", by_rdtsc}, {"rdtscp", by_rdtscp}, {"rdmsr", by_rdmsr}};

static const uint64_t offsets[] = {0, 1ull << 48, -(1ull << 48), 1ull << 63, (1ull << 63) - 1, -1ull};
static const struct feature_axis offset_axes[] = {
    AXIS("rdtsc", "rdtscp", "rdmsr"), AXIS("0", "2-to-48", "minus-2-to-48", "2-to-63", "2-to-63-minus-1", "minus-1"), {0},
};

FEATURE_GRID(field_tsc_offset, SVM, NEEDS(CPU_RDTSCP), TSC_MANUAL, "is added to the TSC that the guest reads", offset_axes)
{
    uint64_t before = ways[at[0]].read(), after;

    lab_write(VMCB_TSC_OFFSET, offsets[at[1]]);
    after = ways[at[0]].read();
    EXPECT_LT(after - before - offsets[at[1]], FAR);
    lab_write(VMCB_TSC_OFFSET, 0);
    EXPECT_LT(ways[at[0]].read() - before, FAR);
}

/* ---- ASID and TLB control ---- */

#define TLB_MANUAL "TLB Control"

static const struct flush {
    const char *label;
    unsigned control;
    bool global;
} flushes[] = {{"all", 1, true}, {"asid", 3, true}, {"asid-local", 7, false}};

static const uint16_t *flush_needs(const void *row)
{
    static const uint16_t by_asid[] = {SVM_FLUSH_BY_ASID, 0};

    return ((const struct flush *)row)->control == 1 ? NULL : by_asid;
}

/* Whether an old translation stays without the flush is the CPU's choice; with it none may. */
FEATURE_TESTS(field_tlb_flush, SVM, NEEDS(), TLB_MANUAL, "after the entry, what the tables say now is seen", flushes, .row_needs = flush_needs)
{
    uint64_t global = row->global ? PAGE_GLOBAL : 0;
    uint64_t *page = page_map(0, PAGE_FREE, PAGE_PRESENT | PAGE_WRITE | global), *entry = page_entry(page, 1);

    *(volatile uint64_t *)PAGE_FREE = 1;
    *(volatile uint64_t *)(PAGE_FREE + PAGE_BYTES) = 2;
    EXPECT_EQ(*(volatile uint64_t *)page, 1);
    *entry += PAGE_BYTES;
    lab_write(VMCB_TLB_CONTROL, row->control);
    EXPECT_EQ(*(volatile uint64_t *)page, 2);
}

static const struct tlb_value {
    const char *label;
    unsigned value;
} bad_flushes[] = {{"2", 2}, {"4", 4}, {"5", 5}, {"6", 6}, {"8", 8}, {"255", 255}};

FEATURE_TESTS(field_tlb_refused, SVM, NEEDS(), "none: the policy of Nestor's lab", "what is reserved is refused", bad_flushes)
{
    EXPECT(!lab_try(VMCB_TLB_CONTROL, row->value, NULL));
}

FEATURE_TEST(field_asid_range, SVM, NEEDS(), "Address Space Identifiers", "the guest's ASID is neither the host's nor one that there is not")
{
    uint64_t asids = feature_capability(CAP_CPUID | 1ull << 32 | 0x8000000a), asid = lab_read(VMCB_ASID);

    EXPECT_GT(asid, 0);
    EXPECT_LT(asid, asids);
}

FEATURE_TEST(field_nested_change, SVM, NEEDS(), TLB_MANUAL, "a nested entry that was changed counts from the next entry on")
{
    volatile uint64_t *page = page_map(0, PAGE_FREE, PAGE_PRESENT | PAGE_WRITE);
    uint64_t entry;

    *page = 1;
    entry = lab_nested_read(PAGE_FREE, 1);
    lab_nested_write(PAGE_FREE, 1, entry & ~(uint64_t)PAGE_WRITE);
    OBSERVE(*page = 2);
    EXPECT_EXIT(VMEXIT_NPF);
    lab_nested_write(PAGE_FREE, 1, entry);
    OBSERVE(*page = 3);
    EXPECT_NO_EXIT();
    EXPECT_EQ(*page, 3);
}

/* ---- Clean bits: the CPU may use the old value or the new one, and nothing else ---- */

#define CLEAN_MANUAL "VMCB Clean Bits"

static const struct clean {
    const char *label;
    uint32_t bit;
} cleans[] = {{"i", 1 << 0}, {"tpr", 1 << 3}, {"dr", 1 << 6}, {"cr2", 1 << 9}};

FEATURE_TESTS(field_clean_set, SVM, NEEDS(SVM_VMCB_CLEAN), CLEAN_MANUAL, "a field that was changed with its clean bit set is old or new", cleans)
{
    uint64_t value;

    lab_reset_debug_registers();
    insn_write_cr2(0x1000);
    switch (row->bit) {
    case 1 << 0:
        LAB_WRITE({VMCB_INTERCEPT_MISC1, lab_read(VMCB_INTERCEPT_MISC1) | 1 << 14}, {VMCB_CLEAN, 1 << 0});
        OBSERVE(cpu_read_tsc());
        EXPECT_LE(lab_seen.exits, 1);
        EXPECT(lab_seen.exits == 0 || lab_seen.exit[0].reason == VMEXIT_RDTSC);
        return;
    case 1 << 3:
        LAB_WRITE({VMCB_V_INTR, (lab_read(VMCB_V_INTR) & ~0xffull) | 5}, {VMCB_CLEAN, 1 << 3});
        value = insn_read_cr8();
        EXPECT(value == 0 || value == 5);
        return;
    case 1 << 6:
        LAB_WRITE({VMCB_DR7, 0x401}, {VMCB_CLEAN, 1 << 6});
        value = insn_read_dr7();
        EXPECT(value == 0x400 || value == 0x401);
        return;
    default:
        LAB_WRITE({VMCB_CR2, 0x2000}, {VMCB_CLEAN, 1 << 9});
        value = insn_read_cr2();
        EXPECT(value == 0x1000 || value == 0x2000);
    }
}

FEATURE_TESTS(field_clean_clear, SVM, NEEDS(), CLEAN_MANUAL, "a field that was changed with its clean bit clear is new", cleans)
{
    lab_reset_debug_registers();
    switch (row->bit) {
    case 1 << 0:
        lab_set(INTERCEPT_RDTSC);
        OBSERVE(cpu_read_tsc());
        EXPECT_EXIT(VMEXIT_RDTSC);
        return;
    case 1 << 3:
        lab_write(VMCB_V_INTR, (lab_read(VMCB_V_INTR) & ~0xffull) | 5);
        EXPECT_EQ(insn_read_cr8(), 5);
        return;
    case 1 << 6:
        lab_write(VMCB_DR7, 0x401);
        EXPECT_EQ(insn_read_dr7(), 0x401);
        return;
    default:
        lab_write(VMCB_CR2, 0x2000);
        EXPECT_EQ(insn_read_cr2(), 0x2000);
    }
}

/* ---- Virtual VMLOAD and VMSAVE ---- */

#define VMLOAD_MANUAL "Virtual VMLOAD and VMSAVE"

enum { VIRTUAL_VMLOAD = 1 << 1, AT_FS_BASE = 0x448, AT_KERNEL_GS_BASE = 0x620, AT_LSTAR = 0x608 };

static void vmload(void *vmcb) { __asm__ volatile(".byte 0x0f, 0x01, 0xda" : : "a"(vmcb) : "memory"); }
static void vmsave(void *vmcb) { __asm__ volatile(".byte 0x0f, 0x01, 0xdb" : : "a"(vmcb) : "memory"); }

static void give_vmload(void)
{
    lab_write(VMCB_LBR_CONTROL, lab_read(VMCB_LBR_CONTROL) | VIRTUAL_VMLOAD);
    lab_clear(INTERCEPT_VMLOAD);
    lab_clear(INTERCEPT_VMSAVE);
}

FEATURE_TEST(field_vmsave, SVM, NEEDS(SVM_VIRTUAL_VMLOAD_VMSAVE), VMLOAD_MANUAL, "VMSAVE writes to the guest's memory, and does not exit")
{
    char *vmcb = page_scratch(0);

    lab_keep_msr(0xc0000082);
    insn_wrmsr(0xc0000082, 0x123456);
    give_vmload();
    OBSERVE(vmsave(vmcb));
    EXPECT_NO_EXIT();
    EXPECT_EQ(*(uint64_t *)(vmcb + AT_LSTAR), 0x123456);
}

FEATURE_TEST(field_vmload, SVM, NEEDS(SVM_VIRTUAL_VMLOAD_VMSAVE), VMLOAD_MANUAL, "VMLOAD reads the guest's memory, and does not exit")
{
    char *vmcb = page_scratch(0);

    lab_keep_msr(0xc0000082);
    give_vmload();
    vmsave(vmcb);
    *(uint64_t *)(vmcb + AT_LSTAR) = 0x654321;
    lab_may_change_all();
    OBSERVE(vmload(vmcb));
    EXPECT_NO_EXIT();
    EXPECT_EQ(insn_rdmsr(0xc0000082), 0x654321);
}

static const struct vmload_row {
    const char *label;
    void (*run)(void *vmcb);
    enum feature_need control;
    unsigned code;
} vmloads[] = {{"vmload", vmload, INTERCEPT_VMLOAD, VMEXIT_VMLOAD}, {"vmsave", vmsave, INTERCEPT_VMSAVE, VMEXIT_VMSAVE}};

FEATURE_TESTS(field_vmload_exit, SVM, NEEDS(SVM_VIRTUAL_VMLOAD_VMSAVE), VMLOAD_MANUAL, "with its intercept the instruction exits all the same", vmloads)
{
    give_vmload();
    lab_set(row->control);
    OBSERVE(row->run(page_scratch(0)));
    EXPECT_EXIT(row->code);
}

FEATURE_TESTS(field_vmload_user, SVM, NEEDS(SVM_VIRTUAL_VMLOAD_VMSAVE), VMLOAD_MANUAL, "#GP in CPL 3", vmloads)
{
    void *vmcb = page_scratch(0);

    give_vmload();
    OBSERVE(IN_USER(row->run(vmcb)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

FEATURE_TESTS(field_vmload_nowhere, SVM, NEEDS(SVM_VIRTUAL_VMLOAD_VMSAVE), VMLOAD_MANUAL, "a gpa without memory is a nested page fault", vmloads)
{
    give_vmload();
    struct exit_record e = OBSERVE(row->run((void *)0x3fe00000));
    EXPECT_EQ(e.reason, VMEXIT_NPF);
}

/* ---- The lab's own border ---- */

static const struct border {
    const char *label;
    uint64_t what, turned;
} borders[] = {
    {"intr", VMCB_INTERCEPT_MISC1, 1 << 0},           {"nmi", VMCB_INTERCEPT_MISC1, 1 << 1},
    {"invd", VMCB_INTERCEPT_MISC1, 1 << 22},          {"invlpga", VMCB_INTERCEPT_MISC1, 1 << 26},
    {"ioio", VMCB_INTERCEPT_MISC1, 1 << 27},          {"msr", VMCB_INTERCEPT_MISC1, 1 << 28},
    {"shutdown", VMCB_INTERCEPT_MISC1, 1u << 31},     {"vmrun", VMCB_INTERCEPT_MISC2, 1 << 0},
    {"vmmcall", VMCB_INTERCEPT_MISC2, 1 << 1},        {"vmload", VMCB_INTERCEPT_MISC2, 1 << 2},
    {"stgi", VMCB_INTERCEPT_MISC2, 1 << 4},           {"clgi", VMCB_INTERCEPT_MISC2, 1 << 5},
    {"skinit", VMCB_INTERCEPT_MISC2, 1 << 6},         {"asid", VMCB_ASID, 3},
    {"v-intr-masking", VMCB_V_INTR, 1 << 24},         {"avic", VMCB_V_INTR, 1ull << 31},
    {"nested-paging", VMCB_NESTED_CONTROL, 1},        {"exitcode", VMCB_EXITCODE, 1},
};

FEATURE_TESTS(field_border, SVM, NEEDS(), "none: the policy of Nestor's lab", "what keeps the host safe is refused, with the bit and a reason", borders)
{
    struct lab_refusal refusal = {.what = 0};

    EXPECT(!lab_try(row->what, lab_read(row->what) ^ row->turned, &refusal));
    EXPECT_EQ(refusal.what, row->what);
    EXPECT_EQ(refusal.bits, row->turned);
    EXPECT_NE(refusal.why[0], 0);
}
