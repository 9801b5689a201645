/*
 * Which comes first: the exit, or a fault? Each instruction in CPL 0 and 3, with its memory operand in place and not, with
 * its intercept and without; and that what did not happen has written nothing. "Relative Priority of Faults and VM Exits".
 */
#include "guests/tests/insn_rows.h"

#include <string.h>

static const struct insn insns[] = {INSNS(INSN_ROW)};

enum { CPL_0, CPL_3, CPL_0_PAGE, CPL_3_PAGE }; /* PAGE: the memory operand is on a page that is not there */
enum { OFF, ON };

static const struct feature_axis axes[] = {
    {(const char *const[]){INSNS(INSN_LABEL)}, sizeof insns / sizeof *insns},
    AXIS("kernel", "user", "kernel-page", "user-page"),
    AXIS("off", "on"),
    {0},
};

static bool exists(const unsigned *at)
{
    const struct insn *insn = &insns[at[0]];

    if (at[1] >= CPL_0_PAGE && insn->operand == OPERAND_NONE)
        return false;
    return at[2] == ON ? insn->reason != NO_EXIT : insn->can_pass;
}

static const uint16_t *row_needs(const void *at) { return insn_needs(&insns[*(const unsigned *)at]); }

/* What has to come: an exit; or a fault, vector | FAULT; or neither. */
struct verdict_of {
    bool exit;
    uint64_t fault, error;
};

static struct verdict_of page_fault(const struct insn *insn, bool user)
{
    return (struct verdict_of){false, FAULT(EXCEPTION_PF), (insn->operand == OPERAND_WRITE ? 2u : 0u) | (user ? 4u : 0u)};
}

static struct verdict_of expected(const struct insn *insn, bool user, bool page, bool on)
{
    const struct verdict_of exit = {true, 0, 0};

    if (user && insn->user == USER_AFTER_EXIT)
        return on ? exit : (struct verdict_of){false, FAULT(EXCEPTION_GP), 0};
    if (user && insn->user == USER_UD)
        return (struct verdict_of){false, FAULT(EXCEPTION_UD), 0};
    if (user && insn->user == USER_GP)
        return (struct verdict_of){false, FAULT(EXCEPTION_GP), insn->user_error};
    if (page && insn->operand == OPERAND_FIRST)
        return page_fault(insn, user);
    if (on)
        return exit;
    if (page)
        return page_fault(insn, user);
    return (struct verdict_of){false, insn->fault, insn->error};
}

/* It goes on behind the instruction: not for faults, but for INT n, INT3 and ICEBP, that end in a handler as well. */
static bool is_trap(const struct insn *insn, uint64_t fault)
{
    return insn->reason == NO_EXIT && fault == insn->fault && FAULT_VECTOR(fault) != EXCEPTION_UD;
}

static void expect_fault(const struct insn *insn, const struct verdict_of *verdict, uint64_t at)
{
    EXPECT_FAULT(FAULT_VECTOR(verdict->fault), verdict->error);
    EXPECT_EQ(lab_fault.rip, at + (is_trap(insn, verdict->fault) ? insn->length : 0));
}

static void expect_exit(const struct insn *insn, const struct exit_record *e, const struct code_registers *before, uint64_t at)
{
    EXPECT_EXIT(insn->reason);
    EXPECT_EQ(e->rip, at);
    EXPECT_EQ(e->instruction_length, insn->length);
    EXPECT_EQ(lab_seen.gpr[GPR_RAX], before->rax);
    EXPECT_EQ(lab_seen.gpr[GPR_RCX], before->rcx);
    EXPECT_EQ(lab_seen.gpr[GPR_RDX], before->rdx);
}

/* A wait can only end by an event: the preemption timer, which exits with the vCPU still waiting, behind the instruction. */
static void expect_wait(const struct insn *insn, const struct exit_record *e, uint64_t at)
{
    EXPECT_EXIT(EXIT_PREEMPTION_TIMER);
    EXPECT_EQ(e->rip, at + insn->length);
    EXPECT_EQ(lab_read(GUEST_ACTIVITY), ACTIVITY_HALTED);
}

static void start_timer(void)
{
    enum { TICKS = 2000 };

    lab_write(PREEMPTION_TIMER_VALUE, TICKS);
    lab_set(PIN_PREEMPTION_TIMER);
    lab_may_change(GUEST_ACTIVITY);
}

FEATURE_GRID(insn_stage, VMX, NEEDS(), "Relative Priority of Faults and VM Exits",
             "invalid opcode and privilege first, then the exit, then all other faults; what did not happen has written nothing", axes,
             .exists = exists, .row_needs = row_needs)
{
    const struct insn *insn = &insns[at[0]];
    bool user = at[1] == CPL_3 || at[1] == CPL_3_PAGE, page = at[1] >= CPL_0_PAGE, on = at[2] == ON;
    const struct verdict_of verdict = expected(insn, user, page, on);
    uint64_t cr4 = insn_read_cr4(), where = code_put((const uint8_t *)insn->code, insn->length);
    char *frame = page_scratch(0), *kept = page_scratch(1);
    char *data = page_map(0, (uint64_t)frame, PAGE_PRESENT | PAGE_WRITE | PAGE_USER);
    struct code_registers before = {.rax = insn->rax, .rcx = insn->rcx, .rdx = insn->rdx}, after;
    struct exit_record e;

    if (insn->prepare)
        insn->prepare(insn, &before, frame, on);
    before.rbx = before.rsi = before.rdi = (uint64_t)data;
    if (strncmp(insn->label, "monitor", 7) == 0)
        before.rax = (uint64_t)data;
    memcpy(kept, frame, PAGE_BYTES);
    if (page)
        page_map(0, (uint64_t)frame, 0);
    insn_controls(insn, on, false);
    if (insn->waits && !on)
        start_timer();
    after = before;
    if (user)
        e = OBSERVE(IN_USER(code_run(&after)));
    else
        e = OBSERVE(code_run(&after));
    if (verdict.exit)
        expect_exit(insn, &e, &before, where);
    else if (verdict.fault)
        expect_fault(insn, &verdict, where);
    else if (insn->waits)
        expect_wait(insn, &e, where);
    else
        EXPECT_NO_EXIT();
    if (verdict.fault == FAULT(EXCEPTION_PF))
        EXPECT_EQ(lab_fault.cr2 / PAGE_BYTES, (uint64_t)data / PAGE_BYTES);
    if (verdict.exit || verdict.fault || insn->operand != OPERAND_WRITE)
        EXPECT(memcmp(kept, frame, PAGE_BYTES) == 0);
    lab_write(GUEST_CR4, cr4);
}
