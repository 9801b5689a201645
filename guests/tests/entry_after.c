/*
 * After a VM entry that failed: of the VMCS nothing has changed but what tells of the failure, nothing was stored, and the launch
 * state is as it was.
 */
#include "guests/tests/entry.h"

#include "guests/lib/feature/text.h"

#define MANUAL "VM-Entry Failures During or After Loading Guest State"

/* ---- A row for each rule, with its first case that this CPU has ---------------------------------------------------- */

static struct entry_rows rows = {BACKEND_VMX, "EXNHGSTRKIPLM", 0, 0, false, 0, 0, NULL};

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

static bool is_last(unsigned number) { return entry_rule(BACKEND_VMX, rules[number])->loses_host; }

static bool is_exit_information(uint32_t field)
{
    enum { TYPE_SHIFT = 10, TYPE_MASK = 3, TYPE_EXIT_INFORMATION = 1 };

    return (field >> TYPE_SHIFT & TYPE_MASK) == TYPE_EXIT_INFORMATION;
}

/* "VMfailValid" has nothing but the error; a failed entry with an exit, here, any information about that. */
static bool may_change(uint32_t field, struct probe_result result)
{
    return result.exited ? is_exit_information(field) && field != INSTRUCTION_ERROR : field == INSTRUCTION_ERROR;
}

static void expect_unchanged(struct probe_result result, bool (*may)(uint32_t field, struct probe_result result))
{
    enum { ROOM = 64 };
    static struct entry_pair changed[ROOM];
    unsigned n = probe_changed(changed, ROOM);

    EXPECT_LE(n, ROOM);
    for (unsigned i = 0; i < n && i < ROOM; i++)
        if (!may(changed[i].field, result))
            FAIL("it changed %s to 0x%llx", entry_field_name(changed[i].field), (unsigned long long)changed[i].value);
}

static struct entry_block break_rule(const struct entry_rule *rule)
{
    const struct entry_base *base = entry_base(BACKEND_VMX, 0);
    struct entry_block block = entry_row_arrange(rule, base);

    entry_row_break(rule, base, &block);
    return block;
}

FEATURE_MADE(entry_after, VMX, NEEDS(), MANUAL, "a VM entry that fails changes neither guest nor host state nor controls", count, name,
             .last = is_last)
{
    struct probe_result result;

    break_rule(entry_rule(BACKEND_VMX, rules[number]));
    probe_write();
    probe_note();
    result = probe_enter();
    if (result.exited && !(result.reason >> 31))
        SKIP("this CPU enters it");
    expect_unchanged(result, may_change);
}

/* ---- By what comes of it ------------------------------------------------------------------------------------------- */

/* The rule that is broken, one for each thing that comes of it; none: the entry is good. */
static const struct failure {
    const char *label;
    const char *rule;
} failures[] = {{"controls", "E3"}, {"host", "H36"}, {"guest", "R4"}, {"msr", "M1"}, {"none", NULL}};

static struct entry_block break_one(const struct failure *failure)
{
    return failure->rule ? break_rule(entry_rule_find(failure->rule)) : probe_begin(entry_base(BACKEND_VMX, 0));
}

static void put(struct entry_block block, uint32_t field, uint64_t value)
{
    if (!block.write(block.context, field, value))
        ERROR("%s can't be written", entry_field_name(field));
}

static bool tells(uint32_t field, struct probe_result result)
{
    if (result.exited && !(result.reason >> 31))
        return true;
    return result.exited ? field == EXIT_REASON || field == EXIT_QUALIFICATION : field == INSTRUCTION_ERROR;
}

/* What is in the fields is not 0 then: a software interrupt is injected, and finds no memory. */
static void fill_exit_information(void)
{
    struct entry_block block = probe_begin(entry_base(BACKEND_VMX, 0));

    put(block, ENTRY_INTERRUPTION_INFO, EVENT(EVENT_SOFTWARE_INTERRUPT, 0x55));
    put(block, ENTRY_INSTRUCTION_LENGTH, 2);
    EXPECT_EQ(entry_enter().reason, EXIT_EPT_VIOLATION);
    EXPECT_EQ(lab_read(LAB_WHAT(LAB_PROBE, IDT_VECTORING_INFO)), EVENT(EVENT_SOFTWARE_INTERRUPT, 0x55));
}

FEATURE_TESTS(entry_after_information, VMX, NEEDS(), MANUAL,
              "of the exit information only reason and qualification change; with VMfail only the error number does", failures)
{
    fill_exit_information();
    break_one(row);
    probe_write();
    probe_note();
    expect_unchanged(probe_enter(), tells);
}

FEATURE_TESTS(entry_after_event, VMX, NEEDS(), MANUAL, "the event to inject stays valid; after an entry it is not so any more", failures)
{
    const uint64_t event = EVENT(EVENT_SOFTWARE_INTERRUPT, 0x55);
    struct entry_block block = break_one(row);

    put(block, ENTRY_INTERRUPTION_INFO, event);
    put(block, ENTRY_INSTRUCTION_LENGTH, 2);
    entry_enter();
    EXPECT_EQ(lab_read(LAB_WHAT(LAB_PROBE, ENTRY_INTERRUPTION_INFO)) & EVENT_VALID, row->rule ? EVENT_VALID : 0);
}

/* "Format of an MSR Entry". */
static struct {
    uint32_t msr, reserved;
    uint64_t value;
} area[4096 / 16] __attribute__((aligned(4096)));

FEATURE_TESTS(entry_after_store, VMX, NEEDS(), MANUAL, "no MSR is stored to the VM-exit MSR-store area; after an entry one is", failures)
{
    enum { MSR_PAT = 0x277, BEFORE = 0x1234 };
    struct entry_block block = break_one(row);

    area[0].msr = MSR_PAT;
    area[0].value = BEFORE;
    put(block, EXIT_MSR_STORE_COUNT, 1);
    put(block, EXIT_MSR_STORE_ADDRESS, lab_read(LAB_WHAT(LAB_PROBE, LAB_PROBE_ADDRESS | (uintptr_t)area)));
    entry_enter();
    EXPECT_EQ(area[0].value != BEFORE, !row->rule);
}

/* The first of the two instructions, a VMLAUNCH, fails in the same way. */
FEATURE_TESTS(entry_after_launch, VMX, NEEDS(), MANUAL, "a VMLAUNCH that fails leaves the launch state clear: VMRESUME fails with 5",
              failures)
{
    enum { VMRESUME_NON_LAUNCHED = 5 };
    struct entry_block block = break_one(row);
    struct probe_result result;

    put(block, STATE_INSTRUCTION, 1);
    put(block, STATE_LAUNCHED, 1);
    result = entry_enter();
    EXPECT_EQ(result.exited, !row->rule);
    EXPECT_EQ(result.error, row->rule ? VMRESUME_NON_LAUNCHED : 0);
}
