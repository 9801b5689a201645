/* MOV to and from CR3 and CR8, with the register that it names, and the CR3-target values. */
#include "guests/lib/lab/lab.h"

#define CONDITIONALLY "Instructions That Cause VM Exits Conditionally"
#define QUALIFICATION "Exit Qualification for Control-Register Accesses"

#define REGISTERS                                                                                                     \
    AXIS("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15")

enum { FROM = 0x20, TO = 0x22 }; /* second opcode byte of MOV */

/* MOV reg, RAX; MOV CRn, reg or MOV reg, CRn; MOV RAX, reg. Returns the address of the one in the middle. */
static uint64_t put_move(unsigned cr, unsigned reg, unsigned opcode)
{
    const uint8_t b = reg >= 8 ? 1 : 0, r = cr >= 8 ? 4 : 0, low = reg & 7;
    const uint8_t code[] = {(uint8_t)(0x48 | b),  0x89,                           (uint8_t)(0xc0 | low),
                            (uint8_t)(0x40 | r | b), 0x0f, (uint8_t)opcode, (uint8_t)(0xc0 | (cr & 7) << 3 | low),
                            (uint8_t)(0x48 | b << 2), 0x89,                       (uint8_t)(0xc0 | low << 3)};

    return code_put(code, sizeof code) + 3;
}

enum { LENGTH = 4 }; /* with the REX prefix that put_move() gives each */

/* What each MOV is allowed to be by. */
static const struct move {
    unsigned cr, opcode;
    enum cr_access access;
} moves[] = {{3, TO, CR_ACCESS_TO}, {3, FROM, CR_ACCESS_FROM}, {0, TO, CR_ACCESS_TO}, {4, TO, CR_ACCESS_TO},
             {8, TO, CR_ACCESS_TO}, {8, FROM, CR_ACCESS_FROM}};
static const struct feature_axis register_axes[] = {
    AXIS("to-cr3", "from-cr3", "to-cr0", "to-cr4", "to-cr8", "from-cr8"), REGISTERS, {0}};

static const uint16_t *register_needs(const void *row)
{
    static const uint16_t needs[][2] = {{PROC_CR3_LOAD}, {PROC_CR3_STORE}, {0}, {0}, {PROC_CR8_LOAD}, {PROC_CR8_STORE}};

    return needs[*(const unsigned *)row];
}

FEATURE_GRID(cr_register, VMX, NEEDS(), QUALIFICATION,
             "an exit by MOV tells control register, direction and general register",
             register_axes, .row_needs = register_needs)
{
    const struct move *row = &moves[at[0]];
    const uint64_t pattern = 0x5544332211006600, ne = 1 << 5, vmxe = 1 << 13;
    uint64_t where = put_move(row->cr, at[1], row->opcode), value = pattern;
    struct code_registers registers = {.rax = 0};
    struct exit_record e;

    if (row->cr == 0)
        value = insn_read_cr0() ^ ne; /* in the mask of each guest */
    else if (row->cr == 4)
        value = insn_read_cr4() ^ vmxe;
    else if (row->cr == 3)
        lab_set(row->opcode == TO ? PROC_CR3_LOAD : PROC_CR3_STORE);
    else
        lab_set(row->opcode == TO ? PROC_CR8_LOAD : PROC_CR8_STORE);
    registers.rax = value;
    e = OBSERVE(code_run(&registers));
    EXPECT_EXIT(EXIT_CR_ACCESS);
    EXPECT_EQ(e.qualification, CR_QUALIFICATION(row->cr, row->access, at[1]));
    EXPECT_EQ(e.instruction_length, LENGTH);
    EXPECT_EQ(e.rip, where);
    EXPECT_EQ(lab_seen.gpr[at[1]], value);
}

/* ---- CR3 -------------------------------------------------------------------------------------------------- */

static const struct feature_axis cr3_axes[] = {AXIS("load", "store"), AXIS("pass", "trap"), {0}};

FEATURE_GRID(cr3_exiting, VMX, NEEDS(PROC_CR3_LOAD, PROC_CR3_STORE, NOT(PROC_CR3_LOAD), NOT(PROC_CR3_STORE)),
             CONDITIONALLY,
             "CR3-load exiting is for MOV to CR3 and CR3-store exiting for MOV from it, not the other way round",
             cr3_axes)
{
    bool load = at[0] == 0, trap = at[1] == 1;
    uint64_t cr3 = insn_read_cr3(), seen = 0;

    lab_set_to(PROC_CR3_LOAD, load == trap);
    lab_set_to(PROC_CR3_STORE, load != trap);
    if (load)
        OBSERVE(insn_write_cr3(cr3));
    else
        OBSERVE(seen = insn_read_cr3());
    if (trap) {
        EXPECT_EXIT(EXIT_CR_ACCESS);
    } else {
        EXPECT_NO_EXIT();
        EXPECT_EQ(load ? cr3 : seen, cr3);
    }
    EXPECT_EQ(lab_read(GUEST_CR3), cr3);
}

enum { TARGETS = 4 };
static const uint32_t targets[TARGETS] = {CR3_TARGET_0, CR3_TARGET_1, CR3_TARGET_2, CR3_TARGET_3};
static const struct feature_axis target_axes[] = {
    AXIS("count-0", "count-1", "count-2", "count-3", "count-4"), AXIS("first", "second", "third", "fourth", "none"),
    {0}};

static void need_targets(unsigned n)
{
    enum { MISC = 0x485, COUNT_SHIFT = 16, COUNT = 0x1ff };

    if ((feature_capability(MISC) >> COUNT_SHIFT & COUNT) < n)
        SKIP("needs %u CR3-target values", n);
}

FEATURE_GRID(cr3_target, VMX, NEEDS(PROC_CR3_LOAD), CONDITIONALLY,
             "MOV to CR3 of a CR3-target value that counts does not exit", target_axes)
{
    uint64_t cr3 = insn_read_cr3();

    need_targets(at[0]);
    for (unsigned i = 0; i < TARGETS; i++)
        lab_write(targets[i], i == at[1] ? cr3 : cr3 + 0x1000 * (i + 1));
    lab_write(CR3_TARGET_COUNT, at[0]);
    lab_set(PROC_CR3_LOAD);
    OBSERVE(insn_write_cr3(cr3));
    if (at[1] < at[0])
        EXPECT_NO_EXIT();
    else
        EXPECT_EXIT(EXIT_CR_ACCESS);
    EXPECT_EQ(lab_read(GUEST_CR3), cr3);
}

/* All bits of a target value count. CR3 itself is another one than the target, so that the MOV is seen to load it. */
static const struct target_bit {
    const char *label;
    uint64_t differ;
} target_bits[] = {
    {"equal", 0},      {"3", 1 << 3},      {"4", 1 << 4},      {"12", 1 << 12},
    {"31", 1u << 31}, {"32", 1ull << 32}, {"63", 1ull << 63},
};

FEATURE_TESTS(cr3_target_bit, VMX, NEEDS(PROC_CR3_LOAD), CONDITIONALLY,
              "MOV to CR3 exits if one bit of it is not as in the target value",
              target_bits)
{
    enum { PWT = 1 << 3 };
    uint64_t cr3 = insn_read_cr3(), value = cr3 ^ PWT;

    need_targets(1);
    LAB_WRITE({CR3_TARGET_0, value ^ row->differ}, {CR3_TARGET_COUNT, 1});
    lab_set(PROC_CR3_LOAD);
    OBSERVE(insn_write_cr3(value));
    if (row->differ)
        EXPECT_EXIT(EXIT_CR_ACCESS);
    else
        EXPECT_NO_EXIT();
    EXPECT_EQ(lab_read(GUEST_CR3), row->differ ? cr3 : value);
}

FEATURE_TEST(cr3_user, VMX, NEEDS(PROC_CR3_LOAD), "Relative Priority of Faults and VM Exits",
             "in CPL 3, MOV to CR3 faults and does not exit")
{
    lab_set(PROC_CR3_LOAD);
    OBSERVE(IN_USER(insn_write_cr3(0)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

/* ---- CR8 -------------------------------------------------------------------------------------------------- */

/* Without CR8 exiting, CR8 is the virtual-APIC page's TPR: the lab has no other without exiting. */
enum { VTPR = 0x80 / 4 };
static const struct feature_axis cr8_axes[] = {AXIS("load", "store"), AXIS("pass", "trap"), {0}};

FEATURE_GRID(cr8_exiting, VMX,
             NEEDS(PROC_CR8_LOAD, PROC_CR8_STORE, PROC_TPR_SHADOW, NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE)),
             CONDITIONALLY,
             "CR8-load exiting is for MOV to CR8 and CR8-store exiting for MOV from it; without, the TPR shadow is CR8",
             cr8_axes)
{
    enum { BEFORE = 3, AFTER = 5, CLASS_SHIFT = 4 };
    volatile uint32_t *page = page_scratch(0);
    bool load = at[0] == 0, trap = at[1] == 1;
    uint64_t seen = 0;

    page[VTPR] = BEFORE << CLASS_SHIFT;
    lab_write(VIRTUAL_APIC_ADDRESS, (uint64_t)page);
    lab_set(PROC_TPR_SHADOW);
    lab_set_to(PROC_CR8_LOAD, load == trap);
    lab_set_to(PROC_CR8_STORE, load != trap);
    if (load)
        OBSERVE(insn_write_cr8(AFTER));
    else
        OBSERVE(seen = insn_read_cr8());
    if (trap) {
        EXPECT_EXIT(EXIT_CR_ACCESS);
    } else {
        EXPECT_NO_EXIT();
        EXPECT_EQ(load ? BEFORE : seen, BEFORE);
    }
    EXPECT_EQ(page[VTPR], (load && !trap ? AFTER : BEFORE) << CLASS_SHIFT);
}
