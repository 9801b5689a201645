/* Two or three broken rules: which of them a VM entry tells of, where the manual fixes that. entry.c has them one by one. */
#include "guests/tests/entry.h"

/* The first is told. */
static const struct broken {
    const char *label;
    const char *rule[3];
} brokens[] = {
    {"mov-ss-launched", {"B6", "B7"}},
    {"mov-ss-event", {"B6", "N9"}},
    {"event-guest", {"N9", "R4"}},
    {"host-guest", {"H36", "R4"}},
    {"event-msr", {"N9", "M1"}},
    {"host-msr", {"H36", "M1"}},
    {"guest-msr", {"R4", "M1"}},
    {"host-guest-msr", {"H36", "R4", "M1"}},
};

static void break_rule(const struct entry_rule *rule, const struct entry_base *base, const struct entry_block *block)
{
    struct entry_case c = entry_case_get(rule, false, 0);

    if (!entry_case_write(&c, base, block, probe_caps()))
        SKIP("no such case on this CPU: %s", rule->id);
}

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
    for (unsigned i = 0; i < 3 && rule[i]; i++)
        break_rule(rule[i], base, &block);
    entry_row_expect(probe_enter(), rule[0], &block);
}
