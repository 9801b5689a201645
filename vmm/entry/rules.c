/*
 * All tables in the order of the manual: what ends with VMfail comes first, MSR loading last. Within one verdict the
 * manual leaves the order to the CPU: RFLAGS.VM decides what segments must be, so it comes before them.
 */
#include "vmm/entry/rule.h"

static const struct entry_table *const vmx_tables[] = {
    &entry_rules_instruction,    &entry_rules_execution, &entry_rules_execution_pages, &entry_rules_exit,
    &entry_rules_event,          &entry_rules_host,      &entry_rules_host_msr,        &entry_rules_guest_cr,
    &entry_rules_guest_msr,      &entry_rules_rip,       &entry_rules_segment_base,    &entry_rules_segment_rights,
    &entry_rules_segment_system, &entry_rules_activity,  &entry_rules_pending,         &entry_rules_memory,
    &entry_rules_msr_load,
};
static const struct entry_table *const svm_tables[] = {&entry_rules_svm};

struct entry_tables entry_tables(enum backend backend)
{
    if (backend == BACKEND_SVM)
        return (struct entry_tables){svm_tables, sizeof svm_tables / sizeof *svm_tables};
    return (struct entry_tables){vmx_tables, sizeof vmx_tables / sizeof *vmx_tables};
}

unsigned entry_rule_count(enum backend backend)
{
    struct entry_tables tables = entry_tables(backend);
    unsigned count = 0;

    for (unsigned i = 0; i < tables.count; i++)
        count += tables.table[i]->count;
    return count;
}

const struct entry_rule *entry_rule(enum backend backend, unsigned number)
{
    struct entry_tables tables = entry_tables(backend);

    for (const struct entry_table *const *table = tables.table; table < tables.table + tables.count; table++) {
        if (number < (*table)->count)
            return &(*table)->rules[number];
        number -= (*table)->count;
    }
    return NULL;
}

static bool equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

const struct entry_rule *entry_rule_find(const char *id)
{
    for (enum backend backend = BACKEND_VMX; backend <= BACKEND_SVM; backend++)
        for (unsigned i = 0; i < entry_rule_count(backend); i++)
            if (equal(entry_rule(backend, i)->id, id))
                return entry_rule(backend, i);
    return NULL;
}

/* "VM-Instruction Error Numbers"; "Exit Qualification" of "VM-Entry Failures During or After Loading Guest State" */
struct entry_verdict entry_rule_verdict(const struct entry_rule *rule)
{
    enum {
        INVALID_CONTROLS = 7,
        INVALID_HOST_STATE = 8,
        INVALID_GUEST_STATE = 33,
        MSR_LOADING = 34,
        BAD_PDPTE = 2,
        BAD_LINK_POINTER = 4
    };

    if (rule->verdict.kind != ENTRY_OF_GROUP)
        return rule->verdict;
    switch (rule->id[0]) {
    case 'E':
    case 'X':
    case 'N':
        return (struct entry_verdict){ENTRY_FAIL_VALID, INVALID_CONTROLS, 0};
    case 'H':
        return (struct entry_verdict){ENTRY_FAIL_VALID, INVALID_HOST_STATE, 0};
    case 'L':
        return (struct entry_verdict){ENTRY_FAILED_EXIT, INVALID_GUEST_STATE, BAD_LINK_POINTER};
    case 'D':
        return (struct entry_verdict){ENTRY_FAILED_EXIT, INVALID_GUEST_STATE, BAD_PDPTE};
    case 'M':
        return (struct entry_verdict){ENTRY_FAILED_EXIT, MSR_LOADING, 0};
    case 'A':
        return (struct entry_verdict){ENTRY_VMEXIT_INVALID, 0, 0};
    default:
        return (struct entry_verdict){ENTRY_FAILED_EXIT, INVALID_GUEST_STATE, 0};
    }
}

bool entry_rule_comes_to(const struct entry_rule *rule, const struct entry_verdict *verdict)
{
    struct entry_verdict due = entry_rule_verdict(rule);

    return due.kind == verdict->kind && due.number == verdict->number;
}
