/* Two or three broken rules: which of them a VM entry tells of, where the manual fixes that. entry.c has them one by one. */
#include "guests/tests/entry.h"

/* The first is told. */
static const struct broken {
    const char *label;
    const char *rule[3];
} brokens[] = {
    {"mov-ss-launched", {"B6", "B7"}},
    {"mov-ss-not-launched", {"B6", "B8"}},
    {"mov-ss-event", {"B6", "N9"}},
    {"mov-ss-host", {"B6", "H36"}},
    {"mov-ss-guest", {"B6", "R4"}},
    {"no-vmcs-mov-ss", {"B4", "B6"}},
    {"no-vmcs-not-launched", {"B4", "B8"}},
    {"not-launched-event", {"B8", "N9"}},
    {"not-launched-controls", {"B8", "E3"}},
    {"not-launched-host", {"B8", "H36"}},
    {"not-launched-guest", {"B8", "R4"}},
    {"not-launched-msr", {"B8", "M1"}},
    {"controls-guest", {"E3", "R4"}},
    {"controls-pending", {"E3", "P4"}},
    {"controls-link", {"E3", "L1"}},
    {"exit-controls-guest", {"X1", "R4"}},
    {"event-guest", {"N9", "R4"}},
    {"host-guest", {"H36", "R4"}},
    {"event-msr", {"N9", "M1"}},
    {"host-link", {"H36", "L1"}},
    {"host-msr", {"H36", "M1"}},
    {"controls-msr", {"E3", "M1"}},
    {"link-msr", {"L1", "M1"}},
    {"guest-msr", {"R4", "M1"}},
    {"host-guest-msr", {"H36", "R4", "M1"}},
};

FEATURE_TESTS(entry_order, VMX, NEEDS(), "VMLAUNCH/VMRESUME - Launch/Resume Virtual Machine", "which of some broken rules is told",
              brokens)
{
    const struct entry_base *base = entry_base(BACKEND_VMX, 0);
    struct entry_block block = probe_begin(base);
    const struct entry_rule *rule[3] = {0};
    struct entry_finding obstacle;

    for (unsigned i = 0; i < 3 && row->rule[i]; i++) {
        rule[i] = entry_rule_find(row->rule[i]);
        if (!entry_rule_arrange(rule[i], base, &block, probe_caps(), &obstacle))
            SKIP("not with this CPU: %s", row->rule[i]);
    }
    for (unsigned i = 3; i-- > 0;) /* the one that is told comes last: some cases are none if another is told */
        if (rule[i])
            entry_row_break(rule[i], base, &block);
    entry_row_expect(probe_enter(), rule[0], &block);
}
