/* What an exit leaves to the host is legal, but not what the host lives on: the probe comes back all the same, and others notice
 * nothing. */
#include "guests/tests/entry.h"

#define CANONICAL_HIGH 0xffffffff00000000ull

static const struct other {
    const char *label;
    struct {
        uint32_t field;
        uint64_t clear, set;
    } change[3];
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

    for (unsigned i = 0; i < sizeof row->change / sizeof *row->change && row->change[i].field; i++) {
        uint64_t value = 0;

        block.read(block.context, row->change[i].field, &value);
        value = (value & ~row->change[i].clear) | row->change[i].set;
        if (!block.write(block.context, row->change[i].field, value))
            SKIP("this CPU has no such field");
    }
    result = entry_enter();
    EXPECT(result.exited);
    EXPECT_EQ(result.reason, EXIT_EPT_VIOLATION);
    enter_and_stay();
}

/* ---- Blocking by NMI ---------------------------------------------------------------------------------------------- */

enum { NMI_EXITING = 1 << 3, VIRTUAL_NMIS = 1 << 5 };

static const struct blocking {
    const char *label;
    uint64_t pin, interruptibility, event;
} blockings[] = {
    {"blocked", NMI_EXITING, BLOCKING_NMI, 0},
    {"injected", NMI_EXITING, 0, EVENT(EVENT_NMI, EXCEPTION_NMI)},
    {"no-exiting-blocked", 0, BLOCKING_NMI, 0},
    {"no-exiting-injected", 0, 0, EVENT(EVENT_NMI, EXCEPTION_NMI)},
};

/* A VM entry in turn makes the blocking what its guest-state area says, but there are CPUs on which it only adds some. */
FEATURE_TESTS(entry_host_nmi, VMX, NEEDS(), "Updating Non-Register State", "blocking by NMI that a probe's guest had is over for others",
              blockings)
{
    struct entry_block block = probe_begin(entry_base(BACKEND_VMX, 0));
    uint64_t pin = 0;

    block.read(block.context, PIN_CONTROLS, &pin);
    EXPECT(block.write(block.context, PIN_CONTROLS, (pin & ~(uint64_t)(NMI_EXITING | VIRTUAL_NMIS)) | row->pin));
    EXPECT(block.write(block.context, GUEST_INTERRUPTIBILITY, row->interruptibility));
    EXPECT(block.write(block.context, ENTRY_INTERRUPTION_INFO, row->event));
    EXPECT(entry_enter().exited);
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), 0);
}
