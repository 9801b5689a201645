/* RDMSR and WRMSR: the MSR bitmaps, and what is in none of them. */
#include "guests/lib/lab/lab.h"

#define CONDITIONALLY "Instructions That Cause VM Exits Conditionally"

enum { PATTERN = 0x13572460 }; /* a canonical address, too */

enum {
    SYSENTER_CS = 0x174, SYSENTER_ESP = 0x175, SYSENTER_EIP = 0x176, PAT = 0x277, EFER = 0xc0000080, STAR = 0xc0000081,
    LSTAR = 0xc0000082, CSTAR = 0xc0000083, FMASK = 0xc0000084, FS_BASE = 0xc0000100, GS_BASE = 0xc0000101,
    KERNEL_GS_BASE = 0xc0000102, TSC_AUX = 0xc0000103,
};

static void expect_exit(const struct exit_record *e, bool write, uint32_t msr)
{
    enum { LENGTH = 2 };

    EXPECT_EXIT(write ? EXIT_WRMSR : EXIT_RDMSR);
    EXPECT_EQ(e->instruction_length, LENGTH);
    EXPECT_EQ(e->qualification, 0);
    EXPECT_EQ(e->interruption_info, 0);
    EXPECT_EQ(e->vectoring_info, 0);
    EXPECT_EQ((uint32_t)lab_seen.gpr[GPR_RCX], msr);
}

/* Whether it exits; there may be no such MSR. RAX and RDX are as they were if it did. */
static void try_read(uint32_t msr, bool exits)
{
    uint64_t rax = PATTERN, rdx = ~(uint64_t)PATTERN;
    struct exit_record e = OBSERVE(__asm__ volatile("rdmsr" : "+a"(rax), "+d"(rdx) : "c"(msr) : "memory"));

    if (!exits) {
        EXPECT_EQ(lab_seen.exits, 0);
        EXPECT(lab_fault.vector == NO_FAULT || lab_fault.vector == EXCEPTION_GP);
        return;
    }
    expect_exit(&e, false, msr);
    EXPECT_EQ(lab_seen.gpr[GPR_RAX], PATTERN);
    EXPECT_EQ(lab_seen.gpr[GPR_RDX], ~(uint64_t)PATTERN);
}

/* The ends of both ranges, and MSRs within. */
static const struct place {
    const char *label;
    uint32_t msr;
} places[] = {
    {"0", 0},
    {"10", 0x10},
    {"174", SYSENTER_CS},
    {"277", PAT},
    {"1fff", 0x1fff},
    {"c0000000", 0xc0000000},
    {"c0000080", EFER},
    {"c0000082", LSTAR},
    {"c0000102", KERNEL_GS_BASE},
    {"c0001fff", 0xc0001fff},
};
#define PLACES AXIS("0", "10", "174", "277", "1fff", "c0000000", "c0000080", "c0000082", "c0000102", "c0001fff")

static const struct feature_axis read_axes[] = {PLACES, AXIS("pass", "trap"), {0}};

/* The same place in the other range: its bit is the other way round. */
static uint32_t twin(uint32_t msr) { return msr ^ 0xc0000000; }

FEATURE_GRID(msr_read, VMX, NEEDS(PROC_MSR_BITMAPS), CONDITIONALLY,
             "RDMSR exits if the MSR's bit in the read bitmap is set",
             read_axes)
{
    uint32_t msr = places[at[0]].msr;
    bool trap = at[1] == 1;

    lab_trap_rdmsr(msr, trap);
    lab_trap_rdmsr(twin(msr), !trap);
    lab_set(PROC_MSR_BITMAPS);
    try_read(msr, trap);
}

/* WRMSR of a pattern, and whether it came through. */
static void try_write(uint32_t msr, uint64_t value, bool exits)
{
    uint64_t before;
    struct exit_record e;

    lab_trap_rdmsr(msr, false);
    lab_keep_msr(msr);
    before = insn_rdmsr(msr);
    e = OBSERVE(insn_wrmsr(msr, value));
    if (exits) {
        expect_exit(&e, true, msr);
        EXPECT_EQ((uint32_t)lab_seen.gpr[GPR_RAX], (uint32_t)value);
        EXPECT_EQ((uint32_t)lab_seen.gpr[GPR_RDX], value >> 32);
    } else {
        EXPECT_NO_EXIT();
    }
    EXPECT_EQ(insn_rdmsr(msr), exits ? before : value);
}

/* MSRs that a guest may have, and what is good in them. */
static const struct writable {
    uint32_t msr;
    uint64_t value;
} writables[] = {
    {SYSENTER_CS, 0x10},       {SYSENTER_ESP, PATTERN}, {SYSENTER_EIP, PATTERN}, {PAT, 0x0007010600070406},
    {STAR, PATTERN},           {LSTAR, PATTERN},        {CSTAR, PATTERN},        {FMASK, 0x47700},
    {FS_BASE, PATTERN},        {GS_BASE, PATTERN},
    {KERNEL_GS_BASE, PATTERN}, {TSC_AUX, 0x1234},
};
#define WRITABLES                                                                                                     \
    AXIS("174", "175", "176", "277", "c0000081", "c0000082", "c0000083", "c0000084", "c0000100", "c0000101",          \
         "c0000102", "c0000103")

static const struct feature_axis write_axes[] = {WRITABLES, AXIS("pass", "trap"), {0}};

FEATURE_GRID(msr_write, VMX, NEEDS(PROC_MSR_BITMAPS), CONDITIONALLY,
             "WRMSR exits if the MSR's bit in the write bitmap is set, and then writes nothing", write_axes)
{
    const struct writable *row = &writables[at[0]];
    bool trap = at[1] == 1;

    if (row->msr == TSC_AUX && !feature_has(CPU_RDTSCP))
        SKIP("needs CPU_RDTSCP");
    lab_trap_wrmsr(row->msr, trap);
    lab_set(PROC_MSR_BITMAPS);
    try_write(row->msr, row->value, trap);
}

/* Of MSRs that exist, each access has its own bit. */
FEATURE_GRID(msr_alone, VMX, NEEDS(PROC_MSR_BITMAPS), CONDITIONALLY,
             "with the read bit as told and the write bit the other way, RDMSR and WRMSR go by their own bit",
             write_axes)
{
    const struct writable *row = &writables[at[0]];
    bool trap = at[1] == 1;
    uint64_t value;

    if (row->msr == TSC_AUX && !feature_has(CPU_RDTSCP))
        SKIP("needs CPU_RDTSCP");
    lab_trap_rdmsr(row->msr, false);
    lab_keep_msr(row->msr);
    value = insn_rdmsr(row->msr);
    lab_trap_rdmsr(row->msr, trap);
    lab_trap_wrmsr(row->msr, !trap);
    lab_set(PROC_MSR_BITMAPS);
    try_read(row->msr, trap);
    OBSERVE(insn_wrmsr(row->msr, value));
    if (trap)
        EXPECT_NO_EXIT();
    else
        EXPECT_EXIT(EXIT_WRMSR);
    lab_trap_rdmsr(row->msr, false);
}

/* Bits of trapped MSRs outside both ranges do not exist. */
static const uint32_t outside[] = {0x2000, 0x3fff, 0x40000000, 0xbfffffff, 0xc0002000, 0xffffffff};
static const struct feature_axis outside_axes[] = {
    AXIS("2000", "3fff", "40000000", "bfffffff", "c0002000", "ffffffff"), AXIS("read", "write"), {0}};

FEATURE_GRID(msr_outside, VMX, NEEDS(PROC_MSR_BITMAPS), CONDITIONALLY,
             "an MSR that is in neither range exits, whatever the bitmaps say", outside_axes)
{
    uint32_t msr = outside[at[0]];

    lab_trap_rdmsr(msr & 0x1fff, false);
    lab_trap_rdmsr(0xc0000000 | (msr & 0x1fff), false);
    lab_set(PROC_MSR_BITMAPS);
    if (at[1] == 0) {
        try_read(msr, true);
    } else {
        struct exit_record e = OBSERVE(insn_wrmsr(msr, PATTERN));

        expect_exit(&e, true, msr);
    }
}

static const struct feature_axis off_axes[] = {WRITABLES, AXIS("read", "write"), {0}};

FEATURE_GRID(msr_nobitmap, VMX, NEEDS(NOT(PROC_MSR_BITMAPS)), CONDITIONALLY,
             "without MSR bitmaps all RDMSR and WRMSR exit", off_axes)
{
    const struct writable *row = &writables[at[0]];

    if (row->msr == TSC_AUX && !feature_has(CPU_RDTSCP))
        SKIP("needs CPU_RDTSCP");
    lab_trap_rdmsr(row->msr, false);
    lab_trap_wrmsr(row->msr, false);
    lab_clear(PROC_MSR_BITMAPS);
    if (at[1] == 0) {
        try_read(row->msr, true);
    } else {
        struct exit_record e = OBSERVE(insn_wrmsr(row->msr, row->value));

        expect_exit(&e, true, row->msr);
    }
}

/* Faults and exits. */
static const struct feature_axis user_axes[] = {AXIS("read", "write"), AXIS("pass", "trap"), {0}};

FEATURE_GRID(msr_user, VMX, NEEDS(PROC_MSR_BITMAPS), "Relative Priority of Faults and VM Exits",
             "in CPL 3, #GP(0) comes before the exit", user_axes)
{
    lab_trap_rdmsr(SYSENTER_CS, at[1] == 1);
    lab_trap_wrmsr(SYSENTER_CS, at[1] == 1);
    if (at[0] == 0)
        OBSERVE(IN_USER(insn_rdmsr(SYSENTER_CS)));
    else
        OBSERVE(IN_USER(insn_wrmsr(SYSENTER_CS, 0)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

FEATURE_TEST(msr_missing, VMX, NEEDS(PROC_MSR_BITMAPS), "Relative Priority of Faults and VM Exits",
             "RDMSR of an MSR that may not exist exits before it faults")
{
    struct exit_record e;

    lab_trap_rdmsr(0x1fff, true);
    e = OBSERVE(insn_rdmsr(0x1fff));
    expect_exit(&e, false, 0x1fff);
}

FEATURE_TEST(msr_value_bad, VMX, NEEDS(PROC_MSR_BITMAPS), "Relative Priority of Faults and VM Exits",
             "WRMSR of a value that would fault exits before that, and faults where it passes")
{
    const uint64_t not_canonical = 0x8000000000000000;

    lab_keep_msr(FS_BASE);
    lab_trap_wrmsr(FS_BASE, true);
    OBSERVE(insn_wrmsr(FS_BASE, not_canonical));
    EXPECT_EXIT(EXIT_WRMSR);
    lab_trap_wrmsr(FS_BASE, false);
    OBSERVE(insn_wrmsr(FS_BASE, not_canonical));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

static const struct feature_axis high_axes[] = {AXIS("pass", "trap"), {0}};

FEATURE_GRID(msr_rcx_high, VMX, NEEDS(PROC_MSR_BITMAPS), CONDITIONALLY, "bits 63:32 of RCX do not count", high_axes)
{
    uint64_t rcx = 0xffffffff00000000 | SYSENTER_CS;

    lab_trap_rdmsr(SYSENTER_CS, at[0] == 1);
    OBSERVE(__asm__ volatile("rdmsr" : : "c"(rcx) : "rax", "rdx", "memory"));
    if (at[0] == 1)
        EXPECT_EXIT(EXIT_RDMSR);
    else
        EXPECT_NO_EXIT();
}
