/* The MSR permissions map of SVM: two bits an MSR, in three ranges. */
#include "guests/lib/lab/lab.h"

#define MANUAL "MSR Intercepts: MSR Permissions Map"

enum { MSR_TSC = 0x10 };

static const struct msr {
    const char *label;
    uint32_t msr;
    bool is_guests; /* writing it may pass */
} msrs[] = {
    {"0", 0, false},
    {"10", MSR_TSC, false},
    {"174", 0x174, true},
    {"175", 0x175, true},
    {"176", 0x176, true},
    {"1ffe", 0x1ffe, false},
    {"1fff", 0x1fff, false},
    {"c0000000", 0xc0000000, false},
    {"c0000001", 0xc0000001, false},
    {"c0000080", 0xc0000080, true},
    {"c0000081", 0xc0000081, true},
    {"c0000082", 0xc0000082, true},
    {"c0000083", 0xc0000083, true},
    {"c0000084", 0xc0000084, true},
    {"c0000100", 0xc0000100, true},
    {"c0000101", 0xc0000101, true},
    {"c0000102", 0xc0000102, true},
    {"c0001fff", 0xc0001fff, false},
    {"c0010000", 0xc0010000, false},
    {"c0011fff", 0xc0011fff, false},
};

/* Beside the ranges. */
static const struct msr outside[] = {
    {"2000", 0x2000, false},         {"7fffffff", 0x7fffffff, false}, {"bfffffff", 0xbfffffff, false},
    {"c0002000", 0xc0002000, false}, {"c000ffff", 0xc000ffff, false}, {"c0012000", 0xc0012000, false},
    {"ffffffff", 0xffffffff, false},
};

/* What it is already, so that writing it changes nothing. */
static uint64_t value_of(const struct msr *row) { return row->is_guests ? insn_rdmsr(row->msr) : 0; }

/* The write bits of the MSR and the read bits of its neighbours are as before: only its own bit counts. */
FEATURE_TESTS(msr_read_traps, SVM, NEEDS(), MANUAL, "RDMSR exits if its bit is set, EXITINFO1 is 0", msrs)
{
    if (row->is_guests)
        lab_trap_wrmsr(row->msr, false);
    lab_trap_rdmsr(row->msr, true);
    struct exit_record e = OBSERVE(insn_rdmsr(row->msr));
    EXPECT_EXIT(VMEXIT_MSR);
    EXPECT_EQ(e.qualification, 0);
    EXPECT_EQ((uint32_t)lab_seen.gpr[GPR_RCX], row->msr);
}

/* Without the MSR there is a #GP instead, which is none of the map's. */
FEATURE_TESTS(msr_read_passes, SVM, NEEDS(), MANUAL, "RDMSR does not exit if its bit is clear", msrs)
{
    lab_trap_wrmsr(row->msr, true);
    lab_trap_rdmsr(row->msr, false);
    OBSERVE(insn_rdmsr(row->msr));
    EXPECT_EQ(lab_seen.exits, 0);
}

FEATURE_TESTS(msr_write_traps, SVM, NEEDS(), MANUAL, "WRMSR exits if its bit is set, EXITINFO1 is 1, and nothing was written", msrs)
{
    uint64_t value;

    lab_trap_rdmsr(row->msr, false);
    lab_trap_wrmsr(row->msr, true);
    value = value_of(row);
    struct exit_record e = OBSERVE(insn_wrmsr(row->msr, value ^ 1));
    EXPECT_EXIT(VMEXIT_MSR);
    EXPECT_EQ(e.qualification, 1);
    EXPECT_EQ((uint32_t)lab_seen.gpr[GPR_RCX], row->msr);
    EXPECT_EQ(value_of(row), value);
}

static const struct msr writable[] = {
    {"174", 0x174, true},           {"175", 0x175, true},           {"176", 0x176, true},           {"c0000080", 0xc0000080, true},
    {"c0000081", 0xc0000081, true}, {"c0000082", 0xc0000082, true}, {"c0000083", 0xc0000083, true}, {"c0000084", 0xc0000084, true},
    {"c0000100", 0xc0000100, true}, {"c0000101", 0xc0000101, true}, {"c0000102", 0xc0000102, true},
};

FEATURE_TESTS(msr_write_passes, SVM, NEEDS(), MANUAL, "WRMSR does not exit if its bit is clear", writable)
{
    lab_trap_rdmsr(row->msr, false);
    uint64_t value = insn_rdmsr(row->msr);
    lab_trap_rdmsr(row->msr, true);
    lab_trap_wrmsr(row->msr, false);
    OBSERVE(insn_wrmsr(row->msr, value));
    EXPECT_NO_EXIT();
}

FEATURE_TESTS(msr_outside_read, SVM, NEEDS(), MANUAL, "RDMSR of an MSR without a bit always exits", outside)
{
    struct exit_record e = OBSERVE(insn_rdmsr(row->msr));
    EXPECT_EXIT(VMEXIT_MSR);
    EXPECT_EQ(e.qualification, 0);
    EXPECT(!lab_try(LAB_WHAT(LAB_MSR_READ, row->msr), 0, NULL));
}

FEATURE_TESTS(msr_outside_write, SVM, NEEDS(), MANUAL, "WRMSR of an MSR without a bit always exits", outside)
{
    struct exit_record e = OBSERVE(insn_wrmsr(row->msr, 0));
    EXPECT_EXIT(VMEXIT_MSR);
    EXPECT_EQ(e.qualification, 1);
}

static const struct user {
    const char *label;
    bool write, traps;
} users[] = {{"read-on", false, true}, {"read-off", false, false}, {"write-on", true, true}, {"write-off", true, false}};

FEATURE_TESTS(msr_user, SVM, NEEDS(), "Instruction Intercepts", "in CPL 3, #GP comes before the exit", users)
{
    lab_trap_rdmsr(0xc0000081, row->traps);
    lab_trap_wrmsr(0xc0000081, row->traps);
    OBSERVE(IN_USER(if (row->write) insn_wrmsr(0xc0000081, 0); else insn_rdmsr(0xc0000081)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

FEATURE_TEST(msr_next_rip, SVM, NEEDS(SVM_NRIP_SAVE), "Saved Next RIP", "behind RDMSR with a prefix that it ignores")
{
    lab_trap_rdmsr(0xc0000081, true);
    struct exit_record e = OBSERVE(__asm__ volatile(".byte 0x2e; rdmsr" : : "c"(0xc0000081) : "eax", "edx", "memory"));
    EXPECT_EXIT(VMEXIT_MSR);
    EXPECT_EQ(e.next_rip, e.rip + 3);
}

/* ---- What goes along with passing them ---- */

static const struct msr kept[] = {
    {"175", 0x175, true},           {"176", 0x176, true},           {"c0000082", 0xc0000082, true},
    {"c0000083", 0xc0000083, true}, {"c0000100", 0xc0000100, true}, {"c0000101", 0xc0000101, true},
    {"c0000102", 0xc0000102, true},
};

/* A hypercall is an exit, with VMSAVE of this and VMLOAD of the host's. */
FEATURE_TESTS(msr_kept, SVM, NEEDS(), "VMSAVE and VMLOAD Instructions", "a value lasts over exits", kept)
{
    const uint64_t value = 0x123456789a0;

    lab_keep_msr(row->msr);
    lab_trap_rdmsr(row->msr, false);
    lab_trap_wrmsr(row->msr, false);
    insn_wrmsr(row->msr, value);
    hypercall(HC_YIELD, 0, 0, 0);
    EXPECT_EQ(insn_rdmsr(row->msr), value);
    lab_may_change_all();
}
