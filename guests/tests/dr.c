/* MOV DR: MOV-DR exiting, and the faults that come after it. */
#include "guests/lib/lab/lab.h"

#define CONDITIONALLY "Instructions That Cause VM Exits Conditionally"
#define PRIORITY "Relative Priority of Faults and VM Exits"

enum { FROM = 0x21, TO = 0x23, LENGTH = 3, LENGTH_REX = 4, DE = 1 << 3 };

/* MOV DRn, reg or MOV reg, DRn, with a REX prefix for reg >= 8; before it reg gets RAX, behind it RAX gets reg. */
static unsigned put_move(unsigned dr, unsigned reg, bool from, uint64_t *where)
{
    const uint8_t b = reg >= 8 ? 1 : 0, low = reg & 7;
    uint8_t code[16];
    size_t n = 0;

    code[n++] = (uint8_t)(0x48 | b);
    code[n++] = 0x89;
    code[n++] = (uint8_t)(0xc0 | low);
    *where = n;
    if (b)
        code[n++] = 0x41;
    code[n++] = 0x0f;
    code[n++] = from ? FROM : TO;
    code[n++] = (uint8_t)(0xc0 | dr << 3 | low);
    code[n++] = (uint8_t)(0x48 | b << 2);
    code[n++] = 0x89;
    code[n++] = (uint8_t)(0xc0 | low << 3);
    *where += code_put(code, n);
    return b ? LENGTH_REX : LENGTH;
}

#define DIRECTION AXIS("to", "from")
static const struct feature_axis dr_axes[] = {
    AXIS("dr0", "dr1", "dr2", "dr3", "dr4", "dr5", "dr6", "dr7"), DIRECTION, AXIS("pass", "trap"), {0}};

/* DR4 and DR5 are other names of DR6 and DR7 as long as CR4.DE is 0. */
static uint64_t good_value(unsigned dr) { return dr < 4 ? 0x123450 + dr : dr % 2 ? 0x400 : 0xffff0ff0; }

FEATURE_GRID(dr_exiting, VMX, NEEDS(PROC_MOV_DR, NOT(PROC_MOV_DR)), CONDITIONALLY,
             "MOV to and from each debug register exits with MOV-DR exiting, and without it is done", dr_axes)
{
    bool from = at[1] == 1, trap = at[2] == 1;
    const uint64_t pattern = 0x1111;
    struct code_registers registers = {.rax = from ? pattern : good_value(at[0])};
    struct exit_record e;
    uint64_t where;
    unsigned length = put_move(at[0], GPR_RAX, from, &where);

    lab_reset_debug_registers();
    lab_set_to(PROC_MOV_DR, trap);
    e = OBSERVE(code_run(&registers));
    if (trap) {
        EXPECT_EXIT(EXIT_MOV_DR);
        EXPECT_EQ(e.qualification, DR_QUALIFICATION(at[0], from, GPR_RAX));
        EXPECT_EQ(e.instruction_length, length);
        EXPECT_EQ(e.rip, where);
        EXPECT_EQ(lab_seen.gpr[GPR_RAX], from ? pattern : good_value(at[0]));
    } else {
        EXPECT_NO_EXIT();
        if (from)
            EXPECT_NE(registers.rax, pattern);
        put_move(at[0], GPR_RAX, true, &where);
        registers.rax = pattern;
        code_run(&registers);
        if (!from)
            EXPECT_EQ(registers.rax, good_value(at[0]));
    }
}

static const struct feature_axis register_axes[] = {
    AXIS("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
    DIRECTION, {0}};

FEATURE_GRID(dr_register, VMX, NEEDS(PROC_MOV_DR), "Exit Qualification for MOV DR",
             "the exit tells debug register, direction and general register", register_axes)
{
    enum { DR = 3 };
    const uint64_t pattern = 0x8877665544332211;
    bool from = at[1] == 1;
    struct code_registers registers = {.rax = pattern};
    struct exit_record e;
    uint64_t where;
    unsigned length = put_move(DR, at[0], from, &where);

    lab_set(PROC_MOV_DR);
    e = OBSERVE(code_run(&registers));
    EXPECT_EXIT(EXIT_MOV_DR);
    EXPECT_EQ(e.qualification, DR_QUALIFICATION(DR, from, at[0]));
    EXPECT_EQ(e.instruction_length, length);
    EXPECT_EQ(e.rip, where);
    EXPECT_EQ(lab_seen.gpr[at[0]], pattern);
}

/* "MOV DR ... take priority over" faults by CPL, by CR4.DE, and by DR7.GD. */
enum { CASE_USER, CASE_DE, CASE_GD };
static const struct feature_axis priority_axes[] = {AXIS("user", "de", "gd"), DIRECTION, AXIS("pass", "trap"), {0}};

FEATURE_GRID(dr_priority, VMX, NEEDS(PROC_MOV_DR, NOT(PROC_MOV_DR)), PRIORITY,
             "MOV-DR exiting comes before #GP by the CPL, #UD by CR4.DE, and #DB by DR7.GD", priority_axes)
{
    enum { GD = 1 << 13, DR7_FIXED = 1 << 10 };
    static const unsigned vectors[] = {[CASE_USER] = EXCEPTION_GP, [CASE_DE] = EXCEPTION_UD, [CASE_GD] = EXCEPTION_DB};
    bool from = at[1] == 1, trap = at[2] == 1;
    unsigned dr = at[0] == CASE_DE ? 4 : 3;
    struct code_registers registers = {.rax = good_value(dr)};
    struct exit_record e;
    uint64_t where;

    put_move(dr, GPR_RAX, from, &where);
    lab_reset_debug_registers();
    lab_may_change(GUEST_DR7);
    if (at[0] == CASE_DE)
        insn_write_cr4(insn_read_cr4() | DE);
    if (at[0] == CASE_GD)
        lab_write(GUEST_DR7, GD | DR7_FIXED);
    lab_set_to(PROC_MOV_DR, trap);
    if (at[0] == CASE_USER)
        e = OBSERVE(IN_USER(code_run(&registers)));
    else
        e = OBSERVE(code_run(&registers));
    if (trap) {
        EXPECT_EXIT(EXIT_MOV_DR);
        EXPECT_EQ(e.qualification, DR_QUALIFICATION(dr, from, GPR_RAX));
        EXPECT_EQ(e.rip, where);
    } else {
        EXPECT_FAULT(vectors[at[0]], 0);
    }
    lab_clear(PROC_MOV_DR);
    lab_write(GUEST_DR7, DR7_FIXED);
}
