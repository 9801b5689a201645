/* What only a VM with `lab = full` may do; this family's says `lab = yes`. */
#include "guests/lib/lab/lab.h"

static uint8_t page[4096] __attribute__((aligned(4096)));

static bool is_refused(uint64_t what, uint64_t value)
{
    struct lab_refusal refusal = {.what = 0};

    return !lab_try(what, value, &refusal) && refusal.why[0];
}

FEATURE_TEST(probe_refused, ANY, NEEDS(), "docs/lab-interface.md",
             "a lab that is not full enters no control block of its own, and learns no host address")
{
    uint64_t value;

    EXPECT(is_refused(LAB_WHAT(LAB_PROBE, (uintptr_t)page), 0));
    EXPECT(!lab_try_read(LAB_WHAT(LAB_PROBE, LAB_PROBE_ADDRESS | (uintptr_t)page), &value));
}

FEATURE_TEST(probe_refused_fields, VMX, NEEDS(), "docs/lab-interface.md", "nor does it write any field of one")
{
    uint64_t value;

    root_begin(true);
    EXPECT(is_refused(LAB_WHAT(LAB_PROBE, HOST_RIP), 0));
    EXPECT(!lab_try_read(LAB_WHAT(LAB_PROBE, HOST_RIP), &value));
    EXPECT(is_refused(LAB_WHAT(LAB_VMX, LAB_VMX_RUN), LAB_VMX_HOST));
}
