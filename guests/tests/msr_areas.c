/*
 * MSR areas: what an entry loads, what an exit stores, what an exit loads. A lab's kernel takes the guest's MSRs
 * out of the CPU after each exit, so what an exit has loaded into the host's is the guest's then.
 */
#include "guests/lib/lab/lab.h"

enum { STAR = 0xc0000081, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE = 0xc0000102, TSC_AUX };

static const struct switched {
    const char *label;
    uint32_t msr;
    uint64_t guest, area; /* what the guest writes; what the area has */
} msrs[] = {
    {"star", STAR, 0x0010000800000000, 0x0018001000000000},
    {"lstar", LSTAR, 0x111000, 0x222000},
    {"cstar", CSTAR, 0x333000, 0x444000},
    {"fmask", FMASK, 0x200, 0x400},
    {"kernel-gs-base", KERNEL_GS_BASE, 0x555000, 0x666000},
    {"tsc-aux", TSC_AUX, 0x77, 0x88},
};
#define MSR_NAMES AXIS("star", "lstar", "cstar", "fmask", "kernel-gs-base", "tsc-aux")

#define ENTRY(kind, index, msr) LAB_WHAT(kind, (uint64_t)(index) << 32 | (msr))

static void begin(const struct switched *row)
{
    if (row->msr == TSC_AUX && !feature_has(CPU_RDTSCP))
        SKIP("needs CPU_RDTSCP");
    lab_keep_msr(row->msr);
    insn_wrmsr(row->msr, row->guest);
}

static const struct feature_axis count_axes[] = {MSR_NAMES, AXIS("count-0", "count-1"), {0}};

FEATURE_GRID(msrarea_entry, VMX, NEEDS(), "Loading MSRs",
             "a VM entry loads the MSRs of its area, as many as the count says", count_axes)
{
    const struct switched *row = &msrs[at[0]];

    begin(row);
    LAB_WRITE({ENTRY(LAB_ENTRY_LOAD, 0, row->msr), row->area}, {ENTRY_MSR_LOAD_COUNT, at[1]});
    EXPECT_EQ(insn_rdmsr(row->msr), at[1] ? row->area : row->guest);
    insn_wrmsr(row->msr, row->guest);
    OBSERVE(cpu_id(0, 0)); /* and at the entry after this exit */
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(insn_rdmsr(row->msr), at[1] ? row->area : row->guest);
}

FEATURE_GRID(msrarea_store, VMX, NEEDS(), "Saving MSRs",
             "a VM exit stores the MSRs of its area, as many as the count says", count_axes)
{
    const struct switched *row = &msrs[at[0]];

    begin(row);
    LAB_WRITE({ENTRY(LAB_EXIT_STORE, 0, row->msr), row->area}, {EXIT_MSR_STORE_COUNT, at[1]});
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(ENTRY(LAB_EXIT_STORE, 0, row->msr)), at[1] ? row->guest : row->area);
    EXPECT_EQ(insn_rdmsr(row->msr), row->guest);
}

FEATURE_GRID(msrarea_exit, VMX, NEEDS(), "Loading MSRs",
             "a VM exit loads the MSRs of its area, as many as the count says", count_axes)
{
    const struct switched *row = &msrs[at[0]];

    begin(row);
    LAB_WRITE({ENTRY(LAB_EXIT_LOAD, 0, row->msr), row->area}, {EXIT_MSR_LOAD_COUNT, at[1]});
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(insn_rdmsr(row->msr), at[1] ? row->area : row->guest);
}

/* "VM exits store first, then load": the guest's value is what is stored. */
static const struct feature_axis msr_axes[] = {MSR_NAMES, {0}};

FEATURE_GRID(msrarea_order, VMX, NEEDS(), "VM Exits", "a VM exit stores MSRs before it loads them", msr_axes)
{
    const struct switched *row = &msrs[at[0]];

    begin(row);
    LAB_WRITE({ENTRY(LAB_EXIT_STORE, 0, row->msr), 0}, {ENTRY(LAB_EXIT_LOAD, 0, row->msr), row->area},
              {EXIT_MSR_STORE_COUNT, 1}, {EXIT_MSR_LOAD_COUNT, 1});
    insn_wrmsr(row->msr, row->guest);
    EXPECT_EQ(lab_read(ENTRY(LAB_EXIT_STORE, 0, row->msr)), row->guest);
    EXPECT_EQ(insn_rdmsr(row->msr), row->area);
}

/* Areas of many entries: the first `count` count, in their order, so that of the same MSR the last one counts. */
static const struct counted {
    const char *label;
    unsigned count;
} counts[] = {{"0", 0}, {"1", 1}, {"2", 2}, {"3", 3}, {"8", 8}, {"15", 15}, {"16", 16}};
enum { OLD = 0x100000, NEW = 0x200000 };

static void fill(enum lab_kind kind)
{
    lab_keep_msr(LSTAR);
    lab_keep_msr(CSTAR);
    insn_wrmsr(LSTAR, OLD);
    insn_wrmsr(CSTAR, OLD);
    for (unsigned i = 0; i < LAB_MSR_ENTRIES; i++)
        lab_write(ENTRY(kind, i, i & 1 ? CSTAR : LSTAR), NEW + i);
}

/* The value of the last of `count` entries with this parity. */
static uint64_t last_of(unsigned count, unsigned parity)
{
    uint64_t value = OLD;

    for (unsigned i = 0; i < count; i++)
        if ((i & 1) == parity)
            value = NEW + i;
    return value;
}

FEATURE_TESTS(msrarea_entry_many, VMX, NEEDS(), "Loading MSRs",
              "the entries of a VM-entry MSR-load area are loaded in order", counts)
{
    fill(LAB_ENTRY_LOAD);
    lab_write(ENTRY_MSR_LOAD_COUNT, row->count);
    EXPECT_EQ(insn_rdmsr(LSTAR), last_of(row->count, 0));
    EXPECT_EQ(insn_rdmsr(CSTAR), last_of(row->count, 1));
}

FEATURE_TESTS(msrarea_exit_many, VMX, NEEDS(), "Loading MSRs",
              "the entries of a VM-exit MSR-load area are loaded in order", counts)
{
    fill(LAB_EXIT_LOAD);
    lab_write(EXIT_MSR_LOAD_COUNT, row->count);
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(insn_rdmsr(LSTAR), last_of(row->count, 0));
    EXPECT_EQ(insn_rdmsr(CSTAR), last_of(row->count, 1));
}

FEATURE_TESTS(msrarea_store_many, VMX, NEEDS(), "Saving MSRs",
              "each entry of a VM-exit MSR-store area is stored, no other", counts)
{
    fill(LAB_EXIT_STORE);
    lab_write(EXIT_MSR_STORE_COUNT, row->count);
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    for (unsigned i = 0; i < LAB_MSR_ENTRIES; i++)
        EXPECT_EQ(lab_read(ENTRY(LAB_EXIT_STORE, i, i & 1 ? CSTAR : LSTAR)), i < row->count ? (uint64_t)OLD : NEW + i);
}

/* Entry n, from 1 on, is the first that can't be loaded. */
static const struct counted bads[] = {{"1", 1}, {"2", 2}, {"3", 3}, {"16", 16}};

FEATURE_TESTS(msrarea_bad, VMX, NEEDS(), "VM-Entry Failures During or After Loading Guest State",
              "an entry that can't be loaded makes the VM entry fail with its number as the qualification", bads)
{
    const uint64_t not_canonical = 0x8000000000000000;
    struct exit_record e;

    fill(LAB_ENTRY_LOAD);
    lab_write(ENTRY(LAB_ENTRY_LOAD, row->count - 1, LSTAR), not_canonical);
    lab_may_change_all();
    e = OBSERVE(lab_write(ENTRY_MSR_LOAD_COUNT, LAB_MSR_ENTRIES); cpu_id(0, 0));
    EXPECT_EQ(e.reason, EXIT_ENTRY_FAILED | EXIT_ENTRY_MSR_LOADING);
    EXPECT_EQ(e.qualification, row->count);
}

FEATURE_TESTS(msrarea_behind, VMX, NEEDS(), "Loading MSRs", "an entry behind the last one that counts may be anything",
              bads)
{
    fill(LAB_ENTRY_LOAD);
    lab_write(ENTRY(LAB_ENTRY_LOAD, row->count - 1, LSTAR), 0x8000000000000000);
    lab_write(ENTRY_MSR_LOAD_COUNT, row->count - 1);
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(insn_rdmsr(LSTAR), last_of(row->count - 1, 0));
}

/* What would be a VMX abort at an exit can't come of a test: this is about Nestor, not about the machine. */
static const struct area {
    const char *label;
    uint64_t count;
} areas[] = {{"entry-load", ENTRY_MSR_LOAD_COUNT}, {"exit-store", EXIT_MSR_STORE_COUNT}, {"exit-load", EXIT_MSR_LOAD_COUNT}};

FEATURE_TESTS(msrarea_unwritten, VMX, NEEDS(), "VMX Aborts", "entries that no test has written can be loaded and stored", areas)
{
    lab_keep_msr(CSTAR);
    lab_write(row->count, LAB_MSR_ENTRIES);
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
}

static const struct refused {
    const char *label;
    uint32_t msr;
    uint64_t value;
} refused[] = {{"lstar", LSTAR, 1ull << 63}, {"cstar", CSTAR, 1ull << 47}, {"kernel-gs-base", KERNEL_GS_BASE, 1ull << 48},
               {"fmask", FMASK, 1ull << 32}, {"tsc-aux", TSC_AUX, 1ull << 32}};

FEATURE_TESTS(msrarea_refused, VMX, NEEDS(), "VMX Aborts", "values that an exit could not load are refused", refused)
{
    EXPECT(!lab_try(ENTRY(LAB_EXIT_LOAD, 0, row->msr), row->value, 0));
}
