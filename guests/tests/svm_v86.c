/* Intercepts in virtual-8086 mode: those of stage 1 come before the #GP that an IOPL below 3 brings. */
#include "guests/lib/lab/lab.h"

#define MANUAL "Instruction Intercepts"

enum { IOPL_SHIFT = 12, IRET_PLACE = 2, INT_PLACE = 3 };
enum scenario { ON, OFF };

/* The frame of IRET leads behind it: MODE_ADDRESS, and the 9 bytes that the instructions have. */
MODE_CODE(pushf_86, 16, "pushfw")
MODE_CODE(popf_86, 16, "pushw $2\n\tpopfw")
MODE_CODE(iret_86, 16, "pushw $2\n\tpushw $0\n\tpushw $0x2008\n\tiretw")
MODE_CODE(int_86, 16, "int $0x40")

static const struct insn {
    const struct mode_code *code;
    enum feature_need control;
    unsigned exitcode;
} insns[] = {
    {&pushf_86, INTERCEPT_PUSHF, VMEXIT_PUSHF},
    {&popf_86, INTERCEPT_POPF, VMEXIT_POPF},
    {&iret_86, INTERCEPT_IRET, VMEXIT_IRET},
    {&int_86, INTERCEPT_INTN, VMEXIT_SWINT},
};

static const struct feature_axis axes[] = {
    AXIS("pushf", "popf", "iret", "int"), AXIS("iopl-0", "iopl-2", "iopl-3"), AXIS("on", "off"), {0},
};
static const unsigned iopls[] = {0, 2, 3};

/* INT n with IOPL 3 goes to a gate, which is a matter of its DPL. mode_run() needs IRET. */
static bool exists(const unsigned *at)
{
    return at[2] == OFF ? at[0] != INT_PLACE || iopls[at[1]] < 3 : at[0] != IRET_PLACE;
}

FEATURE_GRID(v86_insn, SVM, NEEDS(), MANUAL, "the intercept comes before the #GP of virtual-8086 mode with IOPL below 3", axes,
             .exists = exists)
{
    const struct insn *insn = &insns[at[0]];
    struct mode_registers registers = {.flags = iopls[at[1]] << IOPL_SHIFT};

    lab_set_to(insn->control, at[2] == ON);
    lab_may_change_all();
    struct exit_record e = OBSERVE(mode_run(MODE_V86, insn->code, &registers));
    if (at[2] == ON) {
        EXPECT_EXIT(insn->exitcode);
        EXPECT_GE(e.rip, MODE_ADDRESS);
        EXPECT_LT(e.rip, MODE_ADDRESS + 16);
    } else if (iopls[at[1]] < 3) {
        EXPECT_FAULT(EXCEPTION_GP, 0);
    } else {
        EXPECT_NO_EXIT();
    }
}

/* ---- IRET: into the mode by VMRUN ---- */

static const struct iret {
    const char *label;
    unsigned iopl;
} irets[] = {{"iopl-0", 0}, {"iopl-2", 2}, {"iopl-3", 3}};

FEATURE_TESTS(v86_iret, SVM, NEEDS(), MANUAL, "IRET that is intercepted exits before the #GP, and before it reads its stack", irets)
{
    enum { AT = 0x2000, STACK = 0x4000, SKIPPED = 3 /* the length of VMMCALL */, DATA = 0xf3, CR0_PE_ET = 0x11 };
    uint8_t *code = (uint8_t *)(uintptr_t)AT;

    __asm__("" : "+r"(code));
    *code = 0xcf;
    lab_set(INTERCEPT_IRET);
    lab_may_change_all();
    struct exit_record e = OBSERVE(LAB_WRITE(
        {VMCB_CR0, CR0_PE_ET}, {VMCB_CR4, 0}, {VMCB_EFER, lab_read(VMCB_EFER) & ~0x500ull}, {VMCB_RFLAGS, 1 << 17 | row->iopl << IOPL_SHIFT | 2},
        {VMCB_CPL, 3}, {VMCB_RSP, STACK}, {VMCB_RIP, AT - SKIPPED},
        {VMCB_CS_SELECTOR, 0}, {VMCB_CS_BASE, 0}, {VMCB_CS_LIMIT, 0xffff}, {VMCB_CS_ATTRIBUTES, DATA},
        {VMCB_SS_SELECTOR, 0}, {VMCB_SS_BASE, 0}, {VMCB_SS_LIMIT, 0xffff}, {VMCB_SS_ATTRIBUTES, DATA},
        {VMCB_DS_SELECTOR, 0}, {VMCB_DS_BASE, 0}, {VMCB_DS_LIMIT, 0xffff}, {VMCB_DS_ATTRIBUTES, DATA},
        {VMCB_ES_SELECTOR, 0}, {VMCB_ES_BASE, 0}, {VMCB_ES_LIMIT, 0xffff}, {VMCB_ES_ATTRIBUTES, DATA}));
    EXPECT_EXIT(VMEXIT_IRET);
    EXPECT_EQ(e.rip, AT);
    EXPECT_EQ(lab_read(VMCB_RSP), STACK);
}

/* ---- Others ---- */

/* The TSS of mode_run() allows no port. */
FEATURE_TEST(v86_port, SVM, NEEDS(), "I/O Instruction Intercepts: I/O Permissions Map", "a port that the TSS does not allow is #GP, IOPL 3 or not")
{
    MODE_CODE(out_86, 16, "mov $0x5000, %dx\n\toutb %al, %dx")
    struct mode_registers registers = {.flags = 3 << IOPL_SHIFT};

    lab_trap_port(0x5000, true);
    lab_may_change_all();
    OBSERVE(mode_run(MODE_V86, &out_86, &registers));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

FEATURE_TEST(v86_cpuid, SVM, NEEDS(), MANUAL, "CPUID exits in virtual-8086 mode, and the VMCB says where: RFLAGS.VM, CPL 3")
{
    MODE_CODE(cpuid_86, 16, "cpuid")

    lab_may_change_all();
    OBSERVE(mode_run(MODE_V86, &cpuid_86, NULL));
    EXPECT_EXIT(VMEXIT_CPUID);
    EXPECT_EQ(lab_read(VMCB_CPL), 3);
    EXPECT_BITS(lab_read(VMCB_RFLAGS), 1 << 17, 1 << 17);
}
