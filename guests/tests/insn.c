/*
 * Instructions that exit: what the exit tells; that no other control makes them exit; what keeps them from exiting.
 * "Instructions That Cause VM Exits". insn_stage.c has the faults that come first or later, io.c, msr.c, cr.c their details.
 */
#include "guests/tests/insn_rows.h"

#include <string.h>

static const struct insn insns[] = {INSNS(INSN_ROW)};

static const uint16_t *row_needs(const void *at) { return insn_needs(&insns[*(const unsigned *)at]); }

/* The registers of the row, its operand in scratch page 0, and its controls. Returns where the instruction is. */
static uint64_t set_up(const struct insn *insn, struct code_registers *registers, bool own, bool others)
{
    void *data = page_scratch(0);

    *registers = (struct code_registers){.rax = insn->rax, .rcx = insn->rcx, .rdx = insn->rdx};
    if (insn->prepare)
        insn->prepare(insn, registers, data, own);
    registers->rbx = registers->rsi = registers->rdi = (uint64_t)data;
    if (insn->reason == EXIT_MONITOR)
        registers->rax = (uint64_t)data;
    insn_controls(insn, own, others);
    return code_put((const uint8_t *)insn->code, insn->length);
}

static uint64_t qualification(const struct insn *insn, const struct code_registers *registers)
{
    if (insn->qualification_is_data)
        return registers->rbx;
    if (insn->reason == EXIT_CR_ACCESS && (insn->qualification >> 4 & 3) == CR_ACCESS_LMSW)
        return insn->qualification | registers->rcx << 16;
    return insn->qualification;
}

static bool can_exit(const unsigned *at) { return insns[at[0]].reason != NO_EXIT; }

static bool can_do_both(const unsigned *at) { return can_exit(at) && insns[at[0]].can_pass && !insns[at[0]].waits; }

#define AXIS_INSNS {(const char *const[]){INSNS(INSN_LABEL)}, sizeof insns / sizeof *insns}
static const struct feature_axis insn_axes[] = {AXIS_INSNS, {0}};

FEATURE_GRID(insn_exit, VMX, NEEDS(), "Information for VM Exits Due to Instruction Execution",
             "with the one control alone: reason, qualification, length, instruction information; nothing else is told or changed",
             insn_axes, .exists = can_exit, .row_needs = row_needs)
{
    const struct insn *insn = &insns[at[0]];
    struct code_registers before, after;
    uint64_t cr4 = insn_read_cr4(), where = set_up(insn, &before, true, false);
    struct exit_record e;

    after = before;
    e = OBSERVE(code_run(&after));
    EXPECT_EXIT(insn->reason);
    EXPECT_EXITS(1);
    EXPECT_EQ(e.rip, where);
    EXPECT_EQ(e.instruction_length, insn->length);
    if (!(insn->info & INFO_REGISTER)) /* vmx.insn.displacement has those */
        EXPECT_EQ(e.qualification, qualification(insn, &before));
    if (insn->operand == OPERAND_FIRST)
        EXPECT_EQ(e.linear, before.rbx);
    EXPECT_BITS(e.instruction_info, insn->info_mask, insn->info);
    EXPECT_BITS(e.interruption_info, EVENT_VALID, 0);
    EXPECT_BITS(e.vectoring_info, EVENT_VALID, 0);
    EXPECT_EQ(lab_seen.gpr[GPR_RAX], before.rax);
    EXPECT_EQ(lab_seen.gpr[GPR_RBX], before.rbx);
    EXPECT_EQ(lab_seen.gpr[GPR_RCX], before.rcx);
    EXPECT_EQ(lab_seen.gpr[GPR_RDX], before.rdx);
    EXPECT_EQ(lab_seen.gpr[GPR_RSI], before.rsi);
    EXPECT_EQ(lab_seen.gpr[GPR_RDI], before.rdi);
    lab_write(GUEST_CR4, cr4);
}

FEATURE_GRID(insn_alone, VMX, NEEDS(), "Instructions That Cause VM Exits Conditionally",
             "with all other such controls set, and its own clear, it does not exit", insn_axes, .exists = can_do_both,
             .row_needs = row_needs)
{
    const struct insn *insn = &insns[at[0]];
    struct code_registers registers;
    uint64_t cr4 = insn_read_cr4();

    set_up(insn, &registers, false, true);
    OBSERVE(code_run(&registers));
    if (insn->fault)
        EXPECT_FAULT(FAULT_VECTOR(insn->fault), insn->error);
    else
        EXPECT_NO_EXIT();
    lab_write(GUEST_CR4, cr4);
}

/* ---- Prefixes, and the instruction's length ------------------------------------------------------------------ */

enum { PREFIX_CS = 0x2e, PREFIX_REX_W = 0x48, PREFIX_LOCK = 0xf0, LONGEST = 15, TOO_LONG };

/* In 64-bit mode, a CS prefix is ignored, but for [RBX], where it is none either. */
enum form { FORM_CS, FORM_CS_3, FORM_REX, FORM_LONGEST, FORM_TOO_LONG, FORM_LOCK };
static const struct feature_axis prefix_axes[] = {
    AXIS_INSNS,
    AXIS("cs", "cs-cs-cs", "rex", "15-bytes", "16-bytes", "lock"),
    {0},
};

/* A REX prefix comes behind those that are part of the opcode. */
static unsigned mandatory(const struct insn *insn)
{
    uint8_t first = (uint8_t)insn->code[0];

    return first == 0x66 || first == 0xf2 || first == 0xf3;
}

static bool prefix_exists(const unsigned *at)
{
    const struct insn *insn = &insns[at[0]];
    bool has_rex = ((uint8_t)insn->code[0] & 0xf0) == 0x40;

    /* A LOCK before MOV to or from CR0 is CR8 on some CPUs. */
    return can_exit(at) && !(at[1] == FORM_REX && has_rex) && !(at[1] == FORM_LOCK && insn->reason == EXIT_CR_ACCESS);
}

static unsigned with_prefix(const struct insn *insn, enum form form, uint8_t *code)
{
    unsigned n = 0, before = mandatory(insn);
    unsigned cs = form == FORM_CS ? 1 : form == FORM_CS_3 ? 3 : form == FORM_LONGEST ? LONGEST - insn->length
                : form == FORM_TOO_LONG ? TOO_LONG - insn->length : 0;

    while (n < cs)
        code[n++] = PREFIX_CS;
    if (form == FORM_LOCK)
        code[n++] = PREFIX_LOCK;
    memcpy(code + n, insn->code, before);
    n += before;
    if (form == FORM_REX)
        code[n++] = PREFIX_REX_W;
    memcpy(code + n, insn->code + before, insn->length - before);
    return n + insn->length - before;
}

FEATURE_GRID(insn_prefix, VMX, NEEDS(), "Information for VM Exits Due to Instruction Execution",
             "prefixes count for the length; more than 15 bytes are #GP, LOCK is #UD, before any exit", prefix_axes,
             .exists = prefix_exists, .row_needs = row_needs)
{
    const struct insn *insn = &insns[at[0]];
    uint8_t code[TOO_LONG];
    unsigned length = with_prefix(insn, at[1], code);
    struct code_registers registers;
    uint64_t cr4 = insn_read_cr4(), where;
    struct exit_record e;

    set_up(insn, &registers, true, false);
    where = code_put(code, length);
    e = OBSERVE(code_run(&registers));
    if (at[1] == FORM_TOO_LONG || at[1] == FORM_LOCK) {
        EXPECT_FAULT(at[1] == FORM_LOCK ? EXCEPTION_UD : EXCEPTION_GP, 0);
        EXPECT_EQ(lab_fault.rip, where);
    } else {
        EXPECT_EXIT(insn->reason);
        EXPECT_EQ(e.rip, where);
        EXPECT_EQ(e.instruction_length, length);
    }
    lab_write(GUEST_CR4, cr4);
}

/* ---- Instructions that need a control ------------------------------------------------------------------------ */

static bool has_enable(const unsigned *at) { return insns[at[0]].enable; }

static const struct feature_axis enable_axes[] = {AXIS_INSNS, AXIS("kernel", "user"), AXIS("off", "on"), {0}};

FEATURE_GRID(insn_disabled, VMX, NEEDS(), "Changes to Instruction Behavior in VMX Non-Root Operation",
             "without the control that enables the instruction it is #UD, whether it would exit or not, in any CPL", enable_axes,
             .exists = has_enable, .row_needs = row_needs)
{
    const struct insn *insn = &insns[at[0]];
    struct code_registers registers;
    uint64_t where = set_up(insn, &registers, at[2], false);

    lab_clear(insn->enable);
    if (at[1])
        OBSERVE(IN_USER(code_run(&registers)));
    else
        OBSERVE(code_run(&registers));
    EXPECT_FAULT(EXCEPTION_UD, 0);
    EXPECT_EQ(lab_fault.rip, where);
}
