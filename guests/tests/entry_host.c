/* What an exit leaves to the host is legal, but not what the host lives on: the probe comes back all the same, and others notice
 * nothing. */
#include "guests/tests/entry.h"

#define CANONICAL_HIGH 0xffffffff00000000ull

static const struct other {
    const char *label;
    struct entry_change change[3];
} others[] = {
    {"efer-nothing-but-long-mode", {{HOST_IA32_EFER, ~0x500ull, 0}, {EXIT_CONTROLS, 0, 1 << 21}}},
    {"pat-uncacheable", {{HOST_IA32_PAT, ~0ull, 0}, {EXIT_CONTROLS, 0, 1 << 19}}},
    {"cr0-write-protect", {{HOST_CR0, 1 << 16, 0}}},
    {"cr4-least", {{HOST_CR4, ~0x2020ull, 0}}},
    {"gdtr", {{HOST_GDTR_BASE, ~0ull, CANONICAL_HIGH}}},
    {"idtr", {{HOST_IDTR_BASE, ~0ull, CANONICAL_HIGH}}},
    {"tr", {{HOST_TR_BASE, ~0ull, CANONICAL_HIGH}, {HOST_TR_SELECTOR, ~0ull, 0x18}}},
    {"cs", {{HOST_CS_SELECTOR, ~0ull, 0xfff8}}},
    {"data-segments", {{HOST_SS_SELECTOR, ~0ull, 0}, {HOST_DS_SELECTOR, ~0ull, 0}, {HOST_ES_SELECTOR, ~0ull, 0xfff8}}},
    {"fs-gs", {{HOST_FS_SELECTOR, ~0ull, 0xfff8}, {HOST_GS_SELECTOR, ~0ull, 0xfff8}, {HOST_GS_BASE, ~0ull, CANONICAL_HIGH}}},
    {"sysenter", {{HOST_SYSENTER_CS, ~0ull, 0xfff8}, {HOST_SYSENTER_EIP, ~0ull, CANONICAL_HIGH}}},
};

/* The same once more, and then the monitor goes on in ring 3 for so long that interrupts come there. */
static void enter_and_stay(void)
{
    enum { PAIRS = 5000 };
    static struct lab_pair pairs[PAIRS] = {{LAB_WHAT(LAB_VMX, LAB_VMX_RUN), LAB_VMX_VMLAUNCH}};

    for (unsigned i = 1; i < PAIRS; i++)
        pairs[i] = (struct lab_pair){LAB_WHAT(LAB_PROBE, GUEST_RSP), 0};
    lab_write_pairs(pairs, PAIRS);
}

FEATURE_TESTS(entry_host, VMX, NEEDS(), "Loading Host State", "other host state, which the probe survives", others)
{
    struct entry_block block = probe_begin(entry_base(BACKEND_VMX, 0));
    struct probe_result result;

    entry_change(&block, row->change, sizeof row->change / sizeof *row->change);
    result = entry_enter();
    EXPECT(result.exited);
    EXPECT_EQ(result.reason, EXIT_EPT_VIOLATION);
    enter_and_stay();
}

/* ---- Blocking by NMI ---------------------------------------------------------------------------------------------- */

#define NMI_CONTROLS      (1 << 3 | 1 << 5) /* NMI exiting, virtual NMIs */
#define NMI_EXITING(on)   {PIN_CONTROLS, NMI_CONTROLS, (on) ? 1 << 3 : 0}
#define BLOCKED           {GUEST_INTERRUPTIBILITY, ~0ull, BLOCKING_NMI}
#define INJECTED          {ENTRY_INTERRUPTION_INFO, ~0ull, EVENT(EVENT_NMI, EXCEPTION_NMI)}

static const struct blocking {
    const char *label;
    struct entry_change change[2];
} blockings[] = {
    {"blocked", {NMI_EXITING(true), BLOCKED}},
    {"injected", {NMI_EXITING(true), INJECTED}},
    {"no-exiting-blocked", {NMI_EXITING(false), BLOCKED}},
    {"no-exiting-injected", {NMI_EXITING(false), INJECTED}},
};

/* A VM entry in turn makes the blocking what its guest-state area says, but there are CPUs on which it only adds some. */
FEATURE_TESTS(entry_host_nmi, VMX, NEEDS(), "Updating Non-Register State", "blocking by NMI that a probe's guest had is over for others",
              blockings)
{
    struct entry_block block = probe_begin(entry_base(BACKEND_VMX, 0));

    entry_change(&block, row->change, sizeof row->change / sizeof *row->change);
    EXPECT(entry_enter().exited);
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), 0);
}
