/* CPUID: exits whatever the controls say on VMX; on SVM it has an intercept. */
#include "guests/lib/lab/lab.h"

FEATURE_TEST(cpuid_exits, ANY, NEEDS(), "Instructions That Cause VM Exits Unconditionally", "CPUID exits, once")
{
    if (hypercall_is_svm)
        lab_set(INTERCEPT_CPUID);
    struct exit_record e = OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(ON_PLATFORM(EXIT_CPUID, VMEXIT_CPUID));
    EXPECT_EQ(lab_seen.exits, 1);
    EXPECT_EQ(e.qualification, 0);
    EXPECT_EQ(lab_seen.gpr[GPR_RAX], 0);
}

FEATURE_TEST(cpuid_user, ANY, NEEDS(), "Instructions That Cause VM Exits Unconditionally", "CPUID exits in CPL 3, too")
{
    if (hypercall_is_svm)
        lab_set(INTERCEPT_CPUID);
    OBSERVE(IN_USER(cpu_id(0, 0)));
    EXPECT_EXIT(ON_PLATFORM(EXIT_CPUID, VMEXIT_CPUID));
}

FEATURE_TEST(cpuid_passes, SVM, NEEDS(), "Instruction Intercepts", "CPUID without its intercept does not exit")
{
    lab_clear(INTERCEPT_CPUID);
    OBSERVE(cpu_id(0, 0));
    EXPECT_NO_EXIT();
}

static const struct leaf {
    const char *label;
    uint32_t leaf, subleaf;
} leaves[] = {
    {"0", 0, 0}, {"1", 1, 0}, {"7-0", 7, 0}, {"d-1", 0xd, 1}, {"80000000", 0x80000000, 0}, {"ffffffff", 0xffffffff, 0xffffffff},
};

FEATURE_TESTS(cpuid_leaf, ANY, NEEDS(), "CPUID: CPU Identification", "the leaf and subleaf that were asked for are in the registers at the exit",
              leaves)
{
    if (hypercall_is_svm)
        lab_set(INTERCEPT_CPUID);
    OBSERVE(cpu_id(row->leaf, row->subleaf));
    EXPECT_EXIT(ON_PLATFORM(EXIT_CPUID, VMEXIT_CPUID));
    EXPECT_EQ((uint32_t)lab_seen.gpr[GPR_RAX], row->leaf);
    EXPECT_EQ((uint32_t)lab_seen.gpr[GPR_RCX], row->subleaf);
}
