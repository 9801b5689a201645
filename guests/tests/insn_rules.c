/* Instructions whose exits depend on more than a control: bits of CR4, the CPL, the time since the last PAUSE. */
#include "guests/lib/lab/lab.h"

enum { CR4_TSD = 1 << 2, CR4_PCE = 1 << 8, CR4_UMIP = 1 << 11 };

/* ---- Privilege by CR4 ---------------------------------------------------------------------------------------- */

static const struct rule {
    const char *label;
    const char *code;
    uint64_t reason, bit;
    bool allows;                     /* the bit gives CPL 3 the instruction; else it takes it */
    uint16_t needs[3], control, enable;
} rules[] = {
    {"rdtsc", "\x0f\x31", EXIT_RDTSC, CR4_TSD, false, {PROC_RDTSC}, PROC_RDTSC, 0},
    {"rdtscp", "\x0f\x01\xf9", EXIT_RDTSCP, CR4_TSD, false, {PROC_RDTSC, PROC2_RDTSCP}, PROC_RDTSC, PROC2_RDTSCP},
    {"rdpmc", "\x0f\x33", EXIT_RDPMC, CR4_PCE, true, {PROC_RDPMC}, PROC_RDPMC, 0},
    {"sgdt", "\x0f\x01\x03", EXIT_GDTR_IDTR, CR4_UMIP, false, {PROC2_DESCRIPTOR_TABLE, CPU_UMIP}, PROC2_DESCRIPTOR_TABLE, 0},
    {"sidt", "\x0f\x01\x0b", EXIT_GDTR_IDTR, CR4_UMIP, false, {PROC2_DESCRIPTOR_TABLE, CPU_UMIP}, PROC2_DESCRIPTOR_TABLE, 0},
    {"sldt", "\x66\x0f\x00\xc0", EXIT_LDTR_TR, CR4_UMIP, false, {PROC2_DESCRIPTOR_TABLE, CPU_UMIP}, PROC2_DESCRIPTOR_TABLE, 0},
    {"str", "\x66\x0f\x00\xc8", EXIT_LDTR_TR, CR4_UMIP, false, {PROC2_DESCRIPTOR_TABLE, CPU_UMIP}, PROC2_DESCRIPTOR_TABLE, 0},
    {"smsw", "\x0f\x01\xe0", NO_EXIT, CR4_UMIP, false, {CPU_UMIP}, 0, 0},
};

static const char *const rule_labels[] = {"rdtsc", "rdtscp", "rdpmc", "sgdt", "sidt", "sldt", "str", "smsw"};
_Static_assert(sizeof rule_labels / sizeof *rule_labels == sizeof rules / sizeof *rules, "a label for each rule");

static const struct feature_axis rule_axes[] = {
    {rule_labels, sizeof rules / sizeof *rules}, AXIS("kernel", "user"), AXIS("cr4-0", "cr4-1"), AXIS("off", "on"), {0},
};

static bool rule_exists(const unsigned *at) { return rules[at[0]].control || !at[3]; }

static const uint16_t *rule_needs(const void *at) { return rules[*(const unsigned *)at].needs; }

/* SLDT and STR have an 0 in their code, which begins with 66. */
static unsigned length_of(const struct rule *rule)
{
    unsigned n = 0;

    while (rule->code[n])
        n++;
    return rule->code[0] == 0x66 ? 4 : n;
}

FEATURE_GRID(insn_privilege, VMX, NEEDS(), "Relative Priority of Faults and VM Exits",
             "what CR4.TSD, PCE and UMIP forbid in CPL 3 is #GP(0) before it can exit", rule_axes, .exists = rule_exists,
             .row_needs = rule_needs)
{
    const struct rule *rule = &rules[at[0]];
    bool user = at[1], set = at[2], on = at[3];
    struct code_registers registers = {.rbx = (uint64_t)page_scratch(0)};
    uint64_t where = code_put((const uint8_t *)rule->code, length_of(rule)), cr4 = insn_read_cr4() & ~rule->bit;

    insn_write_cr4(set ? cr4 | rule->bit : cr4);
    if (rule->enable)
        lab_set(rule->enable);
    if (rule->control)
        lab_set_to(rule->control, on);
    if (user)
        OBSERVE(IN_USER(code_run(&registers)));
    else
        OBSERVE(code_run(&registers));
    if (user && set != rule->allows) {
        EXPECT_FAULT(EXCEPTION_GP, 0);
        EXPECT_EQ(lab_fault.rip, where);
        EXPECT_EQ(*(uint64_t *)page_scratch(0), 0);
    } else if (on) {
        EXPECT_EXIT(rule->reason);
        EXPECT_EQ(*(uint64_t *)page_scratch(0), 0);
    } else {
        EXPECT_NO_EXIT();
    }
}

/* ---- PAUSE-loop exiting ---------------------------------------------------------------------------------------- */

enum { GAP = 500, WINDOW = 20000, NEVER = 0x7fffffff, PAUSES = 5000 };

/* PAUSE, then `work` turns of a loop of two instructions, `count` times. */
static uint64_t pauses(unsigned count, unsigned work, bool user)
{
    static const uint8_t code[] = {0xf3, 0x90, 0x48, 0x89, 0xda, 0xff, 0xca, 0x75, 0xfc, 0xff, 0xc9, 0x75, 0xf3};
    struct code_registers registers = {.rcx = count, .rbx = work};
    uint64_t where = code_put(code, sizeof code);

    if (user)
        OBSERVE(IN_USER(code_run(&registers)));
    else
        OBSERVE(code_run(&registers));
    return where;
}

static const struct ple {
    const char *label;
    uint32_t gap, window;
    unsigned count, work;
    bool user, loop, pause, exits;
} ples[] = {
    {"loop", GAP, WINDOW, PAUSES, 1, false, true, false, true},
    {"window-not-over", GAP, NEVER, PAUSES, 1, false, true, false, false},
    {"few", GAP, WINDOW, 10, 1, false, true, false, false},
    {"gap-too-long", GAP, WINDOW, 100, 5 * GAP, false, true, false, false},
    {"user", GAP, WINDOW, PAUSES, 1, true, true, false, false},
    {"off", GAP, WINDOW, PAUSES, 1, false, false, false, false},
    {"pause-exiting", GAP, NEVER, 1, 1, false, true, true, true},
    {"pause-exiting-user", GAP, NEVER, 1, 1, true, true, true, true},
};

FEATURE_TESTS(insn_ple, VMX, NEEDS(PROC2_PAUSE_LOOP, PROC_PAUSE), "Changes to Instruction Behavior in VMX Non-Root Operation",
              "PAUSE exits in CPL 0 in a loop without gaps that takes longer than the window; \"PAUSE exiting\" goes before that", ples)
{
    uint64_t where;

    LAB_WRITE({PLE_GAP, row->gap}, {PLE_WINDOW, row->window});
    lab_set_to(PROC2_PAUSE_LOOP, row->loop);
    lab_set_to(PROC_PAUSE, row->pause);
    where = pauses(row->count, row->work, row->user);
    if (!row->exits) {
        EXPECT_NO_EXIT();
        return;
    }
    EXPECT_EXIT(EXIT_PAUSE);
    EXPECT_EQ(lab_seen.exit[0].rip, where);
    EXPECT_EQ(lab_seen.exit[0].instruction_length, 2);
    if (row->pause)
        EXPECT_EQ(lab_seen.gpr[GPR_RCX], row->count);
    else
        EXPECT_LT(lab_seen.gpr[GPR_RCX], row->count);
}

/* ---- INVLPG: any linear address ---------------------------------------------------------------------------------- */

static const struct address {
    const char *label;
    uint64_t address;
} addresses[] = {
    {"0", 0},
    {"low", 0x12345678},
    {"odd", 0x40000fff},
    {"highest-lower-half", 0x00007fffffffffff},
    {"not-canonical", 0x0000800000000000},
    {"not-canonical-high", 0x8000000000000000},
    {"upper-half", 0xffff800000000000},
    {"last", 0xffffffffffffffff},
};

FEATURE_TESTS(insn_invlpg_address, VMX, NEEDS(PROC_INVLPG), "Exit Qualification",
              "the qualification is the linear address, canonical or not", addresses)
{
    struct exit_record e;

    lab_set(PROC_INVLPG);
    e = OBSERVE(insn_invlpg((const void *)row->address));
    EXPECT_EXIT(EXIT_INVLPG);
    EXPECT_EQ(e.qualification, row->address);
}

/* ---- MONITOR and MWAIT -------------------------------------------------------------------------------------------- */

FEATURE_TEST(insn_mwait_armed, VMX, NEEDS(PROC_MWAIT, HW_MONITOR), "Exit Qualification for MWAIT",
             "bit 0 says that MONITOR has armed the address range")
{
    struct exit_record e;
    char *line = page_scratch(0);

    lab_clear(PROC_MONITOR);
    e = OBSERVE(insn_monitor(line); insn_mwait());
    EXPECT_EXIT(EXIT_MWAIT);
    EXPECT_EQ(e.qualification, 1);
}

FEATURE_TEST(insn_mwait_disarmed, VMX, NEEDS(PROC_MWAIT, HW_MONITOR), "Exit Qualification for MWAIT",
             "a store to the address range disarms it")
{
    struct exit_record e;
    volatile char *line = page_scratch(0);

    lab_clear(PROC_MONITOR);
    e = OBSERVE(insn_monitor((void *)line); *line = 1; insn_mwait());
    EXPECT_EXIT(EXIT_MWAIT);
    EXPECT_EQ(e.qualification, 0);
}
