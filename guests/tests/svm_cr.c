/* SVM's intercepts of MOV to and from control and debug registers, and the selective one of CR0. */
#include "guests/lib/lab/lab.h"

#define MANUAL "Instruction Intercepts"

enum access { READ, WRITE };
enum scenario { ON, OFF, OTHERS_ON, USER_ON, USER_OFF };

/* MOV to a register of what is in it. */
#define ACCESS(name, reg)                                                                                             \
    static void do_##name(enum access access, uint64_t value)                                                         \
    {                                                                                                                 \
        if (access == READ)                                                                                           \
            __asm__ volatile("mov %%" #reg ", %%rax" : : : "rax", "memory");                                          \
        else                                                                                                          \
            __asm__ volatile("mov %0, %%" #reg : : "a"(value) : "memory");                                            \
    }                                                                                                                 \
    static uint64_t get_##name(void)                                                                                  \
    {                                                                                                                 \
        uint64_t value;                                                                                               \
        __asm__ volatile("mov %%" #reg ", %0" : "=r"(value) : : "memory");                                            \
        return value;                                                                                                 \
    }
ACCESS(cr0, cr0)
ACCESS(cr2, cr2)
ACCESS(cr3, cr3)
ACCESS(cr4, cr4)
ACCESS(cr8, cr8)
ACCESS(dr0, db0)
ACCESS(dr1, db1)
ACCESS(dr2, db2)
ACCESS(dr3, db3)
ACCESS(dr4, db4)
ACCESS(dr5, db5)
ACCESS(dr6, db6)
ACCESS(dr7, db7)

struct reg {
    unsigned number;
    void (*access)(enum access access, uint64_t value);
    uint64_t (*get)(void);
};

static const struct reg crs[] = {
    {0, do_cr0, get_cr0}, {2, do_cr2, get_cr2}, {3, do_cr3, get_cr3}, {4, do_cr4, get_cr4}, {8, do_cr8, get_cr8},
};
static const struct reg drs[] = {
    {0, do_dr0, get_dr0}, {1, do_dr1, get_dr1}, {2, do_dr2, get_dr2}, {3, do_dr3, get_dr3},
    {4, do_dr4, get_dr4}, {5, do_dr5, get_dr5}, {6, do_dr6, get_dr6}, {7, do_dr7, get_dr7},
};

static const struct feature_axis cr_axes[] = {
    AXIS("cr0", "cr2", "cr3", "cr4", "cr8"), AXIS("read", "write"), AXIS("on", "off", "others-on", "user-on", "user-off"), {0},
};
static const struct feature_axis dr_axes[] = {
    AXIS("dr0", "dr1", "dr2", "dr3", "dr4", "dr5", "dr6", "dr7"), AXIS("read", "write"),
    AXIS("on", "off", "others-on", "user-on", "user-off"), {0},
};

/* The vector's bit for reading register n is n, that for writing it 16 + n. */
static void check(uint64_t field, const struct reg *reg, enum access access, enum scenario scenario)
{
    uint64_t value = reg->get(), bit = 1u << (reg->number + 16 * access), code = reg->number + 16 * access;
    bool user = scenario == USER_ON || scenario == USER_OFF, on = scenario == ON || scenario == USER_ON;
    struct exit_record e;

    code += field == VMCB_INTERCEPT_DR ? VMEXIT_DR_READ(0) : VMEXIT_CR_READ(0);
    lab_write(field, scenario == OTHERS_ON ? ~bit & UINT32_MAX : on ? bit : 0);
    if (user)
        e = OBSERVE(IN_USER(reg->access(access, value)));
    else
        e = OBSERVE(reg->access(access, value));
    if (user) {
        EXPECT_FAULT(EXCEPTION_GP, 0);
    } else if (!on) {
        EXPECT_NO_EXIT();
    } else {
        EXPECT_EXIT(code);
        if (feature_has(SVM_NRIP_SAVE))
            EXPECT_EQ(e.next_rip, e.rip + (reg->number == 8 ? 4 : 3));
        if (feature_has(SVM_DECODE_ASSISTS))
            EXPECT_EQ(e.qualification, field == VMCB_INTERCEPT_CR ? 1ull << 63 : 0); /* RAX */
    }
    lab_write(field, 0);
    EXPECT_EQ(reg->get(), value);
}

/* The fault of a row in CPL 3 is taken by a handler that reads CR2. */
static bool cr_exists(const unsigned *at)
{
    return !(crs[at[0]].number == 2 && at[1] == READ && (at[2] == USER_ON || at[2] == USER_OFF));
}

FEATURE_GRID(cr_mov, SVM, NEEDS(), MANUAL, "MOV of a control register exits if its bit is set, after the check of CPL", cr_axes,
             .exists = cr_exists)
{
    check(VMCB_INTERCEPT_CR, &crs[at[0]], (enum access)at[1], (enum scenario)at[2]);
}

FEATURE_GRID(dr_mov, SVM, NEEDS(), MANUAL, "MOV of a debug register exits if its bit is set, after the check of CPL", dr_axes)
{
    check(VMCB_INTERCEPT_DR, &drs[at[0]], (enum access)at[1], (enum scenario)at[2]);
}

/* ---- CR4.DE ---- */

static const struct alias {
    const char *label;
    void (*access)(enum access access, uint64_t value);
    enum access way;
} aliases[] = {{"dr4-read", do_dr4, READ}, {"dr4-write", do_dr4, WRITE}, {"dr5-read", do_dr5, READ}, {"dr5-write", do_dr5, WRITE}};

FEATURE_TESTS(dr_extended, SVM, NEEDS(), MANUAL, "DR4 and DR5 with CR4.DE: #UD comes before the exit", aliases)
{
    lab_write(VMCB_INTERCEPT_DR, UINT32_MAX);
    lab_may_change(VMCB_CR4);
    insn_write_cr4(insn_read_cr4() | 1 << 3);
    OBSERVE(row->access(row->way, 0x400));
    EXPECT_FAULT(EXCEPTION_UD, 0);
}

/* ---- What is kept in the guest ---- */

static const struct breakpoint {
    const char *label;
    uint64_t value;
    const struct reg *reg;
} breakpoints[] = {{"dr0", 0x1000, &drs[0]}, {"dr1", 0x123456789abc, &drs[1]}, {"dr2", 0xfffffffffffffff8, &drs[2]},
                   {"dr3", 0x7fffffffffff, &drs[3]}};

FEATURE_TESTS(dr_kept, SVM, NEEDS(), "State Saved by VMRUN and #VMEXIT", "a debug register lasts over exits and a turn of others", breakpoints)
{
    lab_reset_debug_registers();
    row->reg->access(WRITE, row->value);
    hypercall(HC_YIELD, 0, 0, 0);
    EXPECT_EQ(row->reg->get(), row->value);
}

/* ---- The selective write intercept ---- */

enum { CR0_MP_ = 1 << 1, CR0_EM_ = 1 << 2, CR0_TS_ = 1 << 3, CR0_NE_ = 1 << 5, CR0_AM_ = 1 << 18 };

static void lmsw(uint64_t value) { __asm__ volatile("lmsw %w0" : : "r"(value) : "memory"); }
static void write_cr0(uint64_t value) { insn_write_cr0(value); }
static void clts(uint64_t value)
{
    (void)value;
    insn_clts();
}

static const struct selective {
    const char *label;
    void (*write)(uint64_t value);
    uint64_t change; /* bits of CR0 that are turned over */
    bool exits;
} selectives[] = {
    {"mov-same", write_cr0, 0, false},
    {"mov-ts", write_cr0, CR0_TS_, false},
    {"mov-mp", write_cr0, CR0_MP_, false},
    {"mov-ts-mp", write_cr0, CR0_TS_ | CR0_MP_, false},
    {"mov-em", write_cr0, CR0_EM_, true},
    {"mov-ne", write_cr0, CR0_NE_, true},
    {"mov-am", write_cr0, CR0_AM_, true},
    {"mov-am-ts", write_cr0, CR0_AM_ | CR0_TS_, true},
    {"mov-wp", write_cr0, 1 << 16, true},
    {"lmsw-same", lmsw, 0, false},
    {"lmsw-ts", lmsw, CR0_TS_, false},
    {"lmsw-mp", lmsw, CR0_MP_, false},
    {"lmsw-em", lmsw, CR0_EM_, true},
    {"lmsw-em-ts", lmsw, CR0_EM_ | CR0_TS_, true},
    {"clts", clts, 0, false},
};

FEATURE_TESTS(cr0_selective, SVM, NEEDS(), "Instruction Intercepts: Selective CR0 Write",
              "exits if a bit other than TS and MP changes, and nothing was written", selectives)
{
    uint64_t old = insn_read_cr0();

    lab_set(INTERCEPT_CR0_SELECTIVE_WRITE);
    lab_may_change(VMCB_CR0);
    OBSERVE(row->write(old ^ row->change));
    if (row->exits)
        EXPECT_EXIT(VMEXIT_CR0_SEL_WRITE);
    else
        EXPECT_NO_EXIT();
    if (row->write != clts)
        EXPECT_EQ(insn_read_cr0(), row->exits ? old : old ^ row->change);
}

FEATURE_TESTS(cr0_selective_off, SVM, NEEDS(), "Instruction Intercepts: Selective CR0 Write", "without the intercept nothing exits", selectives)
{
    uint64_t old = insn_read_cr0();

    lab_clear(INTERCEPT_CR0_SELECTIVE_WRITE);
    lab_may_change(VMCB_CR0);
    OBSERVE(row->write(old ^ row->change));
    EXPECT_NO_EXIT();
}

static const struct cr0_write {
    const char *label;
    void (*write)(uint64_t value);
} cr0_writes[] = {{"mov", write_cr0}, {"lmsw", lmsw}, {"clts", clts}};

FEATURE_TESTS(cr0_write, SVM, NEEDS(), MANUAL, "the intercept of CR0 writes takes MOV, LMSW and CLTS", cr0_writes)
{
    uint64_t old = insn_read_cr0();

    lab_write(VMCB_INTERCEPT_CR, 1 << 16);
    OBSERVE(row->write(old ^ CR0_MP_));
    EXPECT_EXIT(VMEXIT_CR_WRITE(0));
    EXPECT_EQ(insn_read_cr0(), old);
}

FEATURE_TESTS(cr0_write_user, SVM, NEEDS(), MANUAL, "in CPL 3, #GP comes before the exit", cr0_writes)
{
    lab_write(VMCB_INTERCEPT_CR, 1 << 16);
    OBSERVE(IN_USER(row->write(0)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

FEATURE_TESTS(cr0_selective_user, SVM, NEEDS(), "Instruction Intercepts: Selective CR0 Write",
              "in CPL 3, #GP comes before the exit", selectives)
{
    uint64_t old = insn_read_cr0();

    lab_set(INTERCEPT_CR0_SELECTIVE_WRITE);
    OBSERVE(IN_USER(row->write(old ^ row->change)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

FEATURE_TEST(cr0_smsw, SVM, NEEDS(), MANUAL, "the intercept of CR0 reads takes SMSW")
{
    lab_write(VMCB_INTERCEPT_CR, 1 << 0);
    OBSERVE(__asm__ volatile("smsw %%eax" : : : "eax", "memory"));
    EXPECT_EXIT(VMEXIT_CR_READ(0));
}

FEATURE_TEST(cr0_smsw_user, SVM, NEEDS(), MANUAL, "SMSW is for CPL 3, too, so there it exits")
{
    lab_write(VMCB_INTERCEPT_CR, 1 << 0);
    OBSERVE(IN_USER(__asm__ volatile("smsw %%eax" : : : "eax", "memory")));
    EXPECT_EXIT(VMEXIT_CR_READ(0));
}

/* The manual leaves open whether the value is checked before the intercept. */
static const struct bad {
    const char *label;
    uint64_t field, bit;
    void (*write)(enum access access, uint64_t value);
    uint64_t value;
} bads[] = {
    {"cr0-pg-without-pe", VMCB_INTERCEPT_CR, 1 << 16, do_cr0, 1ull << 31},
    {"cr0-nw-without-cd", VMCB_INTERCEPT_CR, 1 << 16, do_cr0, 0xa0000011},
    {"cr0-high", VMCB_INTERCEPT_CR, 1 << 16, do_cr0, 1ull << 32 | 0x80000011},
    {"cr4-reserved", VMCB_INTERCEPT_CR, 1 << 20, do_cr4, 1ull << 31},
    {"cr4-high", VMCB_INTERCEPT_CR, 1 << 20, do_cr4, 1ull << 63},
    {"cr8-high", VMCB_INTERCEPT_CR, 1 << 24, do_cr8, 16},
    {"dr6-high", VMCB_INTERCEPT_DR, 1 << 22, do_dr6, 1ull << 32},
    {"dr7-high", VMCB_INTERCEPT_DR, 1 << 23, do_dr7, 1ull << 32},
};

FEATURE_TESTS(cr_bad, SVM, NEEDS(), MANUAL, "MOV of a value that the register can't have: one of #GP and exit, not both", bads)
{
    lab_write(row->field, row->bit);
    OBSERVE(row->write(WRITE, row->value));
    EXPECT_EQ(lab_seen.exits + (lab_fault.vector == EXCEPTION_GP), 1);
}
