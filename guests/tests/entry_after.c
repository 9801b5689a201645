/*
 * After a VM entry that failed: of the VMCS nothing has changed but what tells of the failure, and the launch state is as it was. A row
 * for each rule, with its first case that this CPU has.
 */
#include "guests/tests/entry.h"

#include "guests/lib/feature/text.h"

static const struct entry_part parts[] = {{"EXNHGSTRKIPLM", 0, 0}, {0}};
static struct entry_rows rows = {BACKEND_VMX, parts, 0, 0, NULL};

/* The numbers of the rules that have rows. */
static uint16_t rules[512];
static unsigned n_rules;

static unsigned count(void)
{
    unsigned cases = n_rules ? 0 : entry_rows_count(&rows);

    for (unsigned i = 0; i < cases; i++)
        if (!rows.row[i].near && (n_rules == 0 || rules[n_rules - 1] != rows.row[i].rule))
            rules[n_rules++] = rows.row[i].rule;
    return n_rules;
}

static void name(unsigned number, char label[FEATURE_LABEL])
{
    const struct entry_rule *rule = entry_rule(BACKEND_VMX, rules[number]);
    struct text text = text_begin(label, FEATURE_LABEL);

    text_put(&text, "%s.%s", rule->id, entry_field_name(rule->field));
}

/* "VMfailValid", "VM-Entry Failures During or After Loading Guest State". */
static bool may_change(uint32_t field, struct probe_result result)
{
    return result.exited ? field == EXIT_REASON || field == EXIT_QUALIFICATION : field == INSTRUCTION_ERROR;
}

static void expect_unchanged(struct probe_result result)
{
    enum { ROOM = 8 };
    struct entry_pair changed[ROOM];
    unsigned n = probe_changed(changed, ROOM);

    for (unsigned i = 0; i < n && i < ROOM; i++)
        if (!may_change(changed[i].field, result))
            FAIL("it changed %s to 0x%llx", entry_field_name(changed[i].field), (unsigned long long)changed[i].value);
    EXPECT_LE(n, 2);
}

FEATURE_MADE(entry_after, VMX, NEEDS(), "VM-Entry Failures During or After Loading Guest State",
             "a VM entry that fails changes nothing but what tells of it", count, name)
{
    const struct entry_base *base = entry_base(BACKEND_VMX, 0);
    const struct entry_rule *rule = entry_rule(BACKEND_VMX, rules[number]);
    struct entry_block block = entry_row_arrange(rule, base);
    struct probe_result result;
    unsigned i = 0;

    while (i < entry_case_count(rule, false)) {
        struct entry_case c = entry_case_get(rule, false, i++);

        if (entry_case_write(&c, base, &block, probe_caps()))
            break;
        if (i == entry_case_count(rule, false))
            SKIP("no case on this CPU");
        block = entry_row_arrange(rule, base);
    }
    probe_write();
    probe_note();
    result = probe_run();
    if (result.exited && !(result.reason >> 31))
        SKIP("this CPU enters it");
    expect_unchanged(result);
}
