/* VMRUN that is refused by the state: VMEXIT_INVALID, and nothing in the VMCB has changed. The nearest legal state goes. */
#include "guests/lib/lab/lab.h"

#define MANUAL "Canonicalization and Consistency Checks"

enum {
    CR0_PE_ = 1 << 0,
    CR0_NW_ = 1 << 29,
    CR4_PAE_ = 1 << 5,
    CS_L = 1 << 9, /* of the attributes in the VMCB */
    CS_D = 1 << 10,
};

/* One field with some bits turned over. */
struct state {
    const char *label;
    uint64_t field, turned;
};

static const struct state refused[] = {
    {"cr0-nw-without-cd", VMCB_CR0, CR0_NW_},
    {"cr0-32", VMCB_CR0, 1ull << 32},
    {"cr0-63", VMCB_CR0, 1ull << 63},
    {"cr0-pg-without-pe", VMCB_CR0, CR0_PE_},
    {"cr4-pae", VMCB_CR4, CR4_PAE_},
    {"cr4-31", VMCB_CR4, 1ull << 31},
    {"cr4-32", VMCB_CR4, 1ull << 32},
    {"cr4-63", VMCB_CR4, 1ull << 63},
    {"dr6-32", VMCB_DR6, 1ull << 32},
    {"dr6-63", VMCB_DR6, 1ull << 63},
    {"dr7-32", VMCB_DR7, 1ull << 32},
    {"dr7-63", VMCB_DR7, 1ull << 63},
    {"efer-1", VMCB_EFER, 1 << 1},
    {"efer-9", VMCB_EFER, 1 << 9},
    {"efer-32", VMCB_EFER, 1ull << 32},
    {"efer-63", VMCB_EFER, 1ull << 63},
    {"cs-l-with-d", VMCB_CS_ATTRIBUTES, CS_D},
    {"g-pat-2", VMCB_G_PAT, 0x06 ^ 0x02},
    {"g-pat-3", VMCB_G_PAT, (uint64_t)(0x06 ^ 0x03) << 32},
    {"g-pat-8", VMCB_G_PAT, (uint64_t)0x08 << 56},
};

FEATURE_TESTS(vmrun_refused, SVM, NEEDS(), MANUAL, "a state that can't be is VMEXIT_INVALID, once", refused)
{
    lab_may_change_all();
    struct exit_record e = OBSERVE(lab_write(row->field, lab_read(row->field) ^ row->turned));
    EXPECT_EQ((uint32_t)e.reason, (uint32_t)VMEXIT_INVALID);
    EXPECT_EQ(lab_seen.exits, 1);
}

/* What is not as it was is what the row wrote. */
FEATURE_TESTS(vmrun_unchanged, SVM, NEEDS(), "VMRUN Instruction", "a VMRUN that is refused saves no guest state", refused)
{
    uint64_t bad = lab_read(row->field) ^ row->turned;

    lab_may_change(row->field);
    OBSERVE(lab_write(row->field, bad));
    EXPECT_EQ(lab_seen.exits, 1);
    EXPECT_EQ(lab_read(row->field), bad);
}

/* The host went on, and the guest's next entry is none of the last one's business. */
FEATURE_TEST(vmrun_again, SVM, NEEDS(), MANUAL, "behind an entry that was refused, the next one goes")
{
    lab_may_change_all();
    for (unsigned i = 0; i < 10; i++) {
        OBSERVE(lab_write(VMCB_EFER, lab_read(VMCB_EFER) ^ 1 << 1));
        EXPECT_EQ(lab_seen.exits, 1);
        OBSERVE(insn_nop());
        EXPECT_EQ(lab_seen.exits, 0);
    }
}

static const struct state accepted[] = {
    {"cr0-mp", VMCB_CR0, 1 << 1},
    {"cr0-am", VMCB_CR0, 1 << 18},
    {"cr4-tsd", VMCB_CR4, 1 << 2},
    {"cr4-de", VMCB_CR4, 1 << 3},
    {"dr6-0", VMCB_DR6, 1 << 0},
    {"dr7-0", VMCB_DR7, 1 << 0},
    {"efer-sce", VMCB_EFER, 1 << 0},
    {"g-pat-4", VMCB_G_PAT, 0x06 ^ 0x04},
    {"g-pat-1", VMCB_G_PAT, (uint64_t)0x01 << 56},
    {"ds-limit", VMCB_DS_LIMIT, 0xff},
    {"cs-limit", VMCB_CS_LIMIT, 0xff},
};

FEATURE_TESTS(vmrun_accepted, SVM, NEEDS(), MANUAL, "a state that can be is entered", accepted)
{
    uint64_t old = lab_read(row->field);

    OBSERVE(lab_write(row->field, old ^ row->turned));
    EXPECT_NO_EXIT();
    EXPECT_BITS(lab_read(row->field), row->turned, ~old & row->turned);
    lab_write(row->field, old);
}

/* ---- EVENTINJ in a state that can't take the event ---- */

static const struct overflow {
    const char *label;
    unsigned vector;
} overflows[] = {{"of", 4}, {"br", 5}};

FEATURE_TESTS(vmrun_event_mode, SVM, NEEDS(), "Event Injection", "#OF and #BR are no events of 64-bit mode: VMEXIT_INVALID", overflows)
{
    lab_may_change_all();
    struct exit_record e = OBSERVE(lab_write(VMCB_EVENTINJ, 1ull << 31 | 3 << 8 | row->vector));
    EXPECT_EQ((uint32_t)e.reason, (uint32_t)VMEXIT_INVALID);
    EXPECT_EQ(lab_seen.exits, 1);
}
