/* Instruction intercepts, rows to watch: against CR4, the stack, and what an instruction that exits must not have written. */
#include "guests/lib/lab/lab.h"

#define MANUAL "Instruction Intercepts"

enum { CR4_TSD = 1 << 2, CR4_PCE = 1 << 8, CR4_UMIP = 1 << 11 };

#define DO(name, ...)                                                                                                 \
    static void do_##name(void *memory)                                                                               \
    {                                                                                                                 \
        (void)memory;                                                                                                 \
        __asm__ volatile(__VA_ARGS__);                                                                                \
    }
DO(sgdt, "sgdt (%0)" : : "r"(memory) : "memory")
DO(sidt, "sidt (%0)" : : "r"(memory) : "memory")
DO(sldt, "sldtw (%0)" : : "r"(memory) : "memory")
DO(str, "strw (%0)" : : "r"(memory) : "memory")
DO(ltr, "ltrw (%0)" : : "r"(memory) : "memory")
DO(rdtsc, "rdtsc" : : : "rax", "rdx", "memory")
DO(rdtscp, "rdtscp" : : : "rax", "rcx", "rdx", "memory")
DO(rdpmc, "rdpmc" : : "c"(0) : "rax", "rdx", "memory")

static uint16_t selector;

static const struct tsd {
    const char *label;
    void (*run)(void *memory);
    enum feature_need control;
    bool on;
} tsds[] = {{"rdtsc-on", do_rdtsc, INTERCEPT_RDTSC, true}, {"rdtsc-off", do_rdtsc, INTERCEPT_RDTSC, false},
            {"rdtscp-on", do_rdtscp, INTERCEPT_RDTSCP, true}, {"rdtscp-off", do_rdtscp, INTERCEPT_RDTSCP, false}};

FEATURE_TESTS(insn_tsd, SVM, NEEDS(CPU_RDTSCP), MANUAL, "RDTSC and RDTSCP in CPL 3 with CR4.TSD: #GP comes before the exit", tsds)
{
    lab_may_change(VMCB_CR4);
    insn_write_cr4(insn_read_cr4() | CR4_TSD);
    lab_set_to(row->control, row->on);
    OBSERVE(IN_USER(row->run(NULL)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

static const struct pce {
    const char *label;
    bool pce, on;
} pces[] = {{"pce-on", true, true}, {"no-pce-on", false, true}, {"no-pce-off", false, false}};

FEATURE_TESTS(insn_pce, SVM, NEEDS(), MANUAL, "RDPMC in CPL 3 exits with CR4.PCE, and is #GP without", pces)
{
    lab_may_change(VMCB_CR4);
    if (row->pce)
        insn_write_cr4(insn_read_cr4() | CR4_PCE);
    lab_set_to(INTERCEPT_RDPMC, row->on);
    OBSERVE(IN_USER(do_rdpmc(NULL)));
    if (row->pce)
        EXPECT_EXIT(VMEXIT_RDPMC);
    else
        EXPECT_FAULT(EXCEPTION_GP, 0);
}

FEATURE_TEST(insn_popf_on, SVM, NEEDS(), MANUAL, "POPF exits before it reads the stack")
{
    lab_set(INTERCEPT_POPF);
    OBSERVE(__asm__ volatile("pushq $2\n\tpopfq" : : : "memory", "cc"));
    EXPECT_EXIT(VMEXIT_POPF);
}

FEATURE_TEST(insn_popf_off, SVM, NEEDS(), MANUAL, "POPF without its intercept does not exit")
{
    lab_clear(INTERCEPT_POPF);
    OBSERVE(__asm__ volatile("pushq $2\n\tpopfq" : : : "memory", "cc"));
    EXPECT_NO_EXIT();
}

FEATURE_TEST(insn_popf_user, SVM, NEEDS(), MANUAL, "POPF exits in CPL 3, too")
{
    lab_set(INTERCEPT_POPF);
    OBSERVE(IN_USER(__asm__ volatile("pushq $2\n\tpopfq" : : : "memory", "cc")));
    EXPECT_EXIT(VMEXIT_POPF);
}

/* Instructions of the stack, with a stack that is not there. The exit is of stage 1. */
static const struct stack {
    const char *label;
    enum feature_need control;
    unsigned code;
} stacks[] = {{"pushf", INTERCEPT_PUSHF, VMEXIT_PUSHF}, {"popf", INTERCEPT_POPF, VMEXIT_POPF}, {"iret", INTERCEPT_IRET, VMEXIT_IRET},
              {"int", INTERCEPT_INTN, VMEXIT_SWINT}};

FEATURE_TESTS(insn_stack_hole, SVM, NEEDS(), MANUAL, "the exit comes before the fault of a stack that is not mapped", stacks)
{
    void *hole = (char *)page_map(0, PAGE_FREE, 0) + 2048;

    lab_set(row->control);
    switch (row->code) {
    case VMEXIT_PUSHF:
        OBSERVE(__asm__ volatile("mov %0, %%rsp\n\tpushfq" : : "r"(hole) : "memory"));
        break;
    case VMEXIT_POPF:
        OBSERVE(__asm__ volatile("mov %0, %%rsp\n\tpopfq" : : "r"(hole) : "memory"));
        break;
    case VMEXIT_IRET:
        OBSERVE(__asm__ volatile("mov %0, %%rsp\n\tiretq" : : "r"(hole) : "memory"));
        break;
    default:
        OBSERVE(__asm__ volatile("mov %0, %%rsp\n\tint $0x40" : : "r"(hole) : "memory"));
    }
    EXPECT_EXIT(row->code);
}

static const struct umip {
    const char *label;
    void (*run)(void *memory);
    enum feature_need control;
} umips[] = {{"sgdt", do_sgdt, INTERCEPT_GDTR_READ}, {"sidt", do_sidt, INTERCEPT_IDTR_READ}, {"sldt", do_sldt, INTERCEPT_LDTR_READ},
             {"str", do_str, INTERCEPT_TR_READ}};

FEATURE_TESTS(insn_umip, SVM, NEEDS(CPU_UMIP), MANUAL, "in CPL 3 with CR4.UMIP, #GP comes before the exit", umips)
{
    void *to = page_scratch(0);

    lab_may_change(VMCB_CR4);
    insn_write_cr4(insn_read_cr4() | CR4_UMIP);
    lab_set(row->control);
    OBSERVE(IN_USER(row->run(to)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

FEATURE_TEST(insn_invlpg_address, SVM, NEEDS(SVM_DECODE_ASSISTS), "INVLPG and INVLPGA Intercepts", "EXITINFO1 is the linear address")
{
    lab_set(INTERCEPT_INVLPG);
    struct exit_record e = OBSERVE(insn_invlpg((void *)0x123456789abc));
    EXPECT_EXIT(VMEXIT_INVLPG);
    EXPECT_EQ(e.qualification, 0x123456789abc);
}

/* The fourth table of a task: nothing is loaded when the exit comes first. */
FEATURE_TEST(insn_ltr_nothing, SVM, NEEDS(), MANUAL, "LTR that exits does not set the busy bit")
{
    uint64_t before = tables_gdt[SELECTOR_TSS / 8];

    selector = SELECTOR_TSS;
    tables_gdt[SELECTOR_TSS / 8] = before & ~(1ull << 41);
    lab_set(INTERCEPT_TR_WRITE);
    OBSERVE(do_ltr(&selector));
    EXPECT_EXIT(VMEXIT_TR_WRITE);
    EXPECT_BITS(tables_gdt[SELECTOR_TSS / 8], 1ull << 41, 0);
}

FEATURE_TEST(insn_ltr_off, SVM, NEEDS(), MANUAL, "LTR without its intercept sets the busy bit")
{
    selector = SELECTOR_TSS;
    tables_gdt[SELECTOR_TSS / 8] &= ~(1ull << 41);
    lab_clear(INTERCEPT_TR_WRITE);
    lab_may_change_all();
    OBSERVE(do_ltr(&selector));
    EXPECT_NO_EXIT();
    EXPECT_BITS(tables_gdt[SELECTOR_TSS / 8], 1ull << 41, 1ull << 41);
}

/* VMMCALL's exit in CPL 3 is one of those before all privilege; nothing of a hypercall is answered there. */
FEATURE_TEST(insn_vmmcall_user, SVM, NEEDS(), MANUAL, "a hypercall of CPL 3 gets -ABI_EPERM")
{
    long result = 0;

    IN_USER(result = hypercall(HC_MEMORY, 0, 0, 0));
    EXPECT_EQ(result, -ABI_EPERM);
}

/* ---- Registers ---- */

enum { IN_RAX = 0x1111, IN_RBX = 0x2222, IN_RCX = 0xc0000081 /* STAR */, IN_RDX = 0x4444 };

#define DO_REGISTERS(name, text)                                                                                      \
    static void registers_##name(void)                                                                                \
    {                                                                                                                 \
        uint64_t a = IN_RAX, b = IN_RBX, c = IN_RCX, d = IN_RDX;                                                      \
        __asm__ volatile(text : "+a"(a), "+b"(b), "+c"(c), "+d"(d) : : "memory");                                     \
    }
DO_REGISTERS(cpuid, "cpuid")
DO_REGISTERS(rdtsc, "rdtsc")
DO_REGISTERS(rdtscp, "rdtscp")
DO_REGISTERS(rdpmc, "rdpmc")
DO_REGISTERS(rdmsr, "rdmsr")
DO_REGISTERS(in, "inl %%dx, %%eax")
DO_REGISTERS(cr0, "movq %%cr0, %%rax")
DO_REGISTERS(smsw, "smsw %%eax")
DO_REGISTERS(dr7, "movq %%dr7, %%rax")
DO_REGISTERS(sldt, "sldt %%eax")
DO_REGISTERS(str, "str %%eax")

static const struct registers_row {
    const char *label;
    void (*run)(void);
    uint64_t field, bits; /* the word of intercepts, and what to set in it; 0: it exits as it is */
} registers_rows[] = {
    {"cpuid", registers_cpuid, 0, 0},
    {"rdtsc", registers_rdtsc, VMCB_INTERCEPT_MISC1, 1 << 14},
    {"rdtscp", registers_rdtscp, VMCB_INTERCEPT_MISC2, 1 << 7},
    {"rdpmc", registers_rdpmc, VMCB_INTERCEPT_MISC1, 1 << 15},
    {"rdmsr", registers_rdmsr, LAB_WHAT(LAB_MSR_READ, IN_RCX), 1},
    {"in", registers_in, LAB_WHAT(LAB_PORT, IN_RDX), 1},
    {"cr0", registers_cr0, VMCB_INTERCEPT_CR, 1 << 0},
    {"smsw", registers_smsw, VMCB_INTERCEPT_CR, 1 << 0},
    {"dr7", registers_dr7, VMCB_INTERCEPT_DR, 1 << 7},
    {"sldt", registers_sldt, VMCB_INTERCEPT_MISC1, 1 << 8},
    {"str", registers_str, VMCB_INTERCEPT_MISC1, 1 << 9},
};

FEATURE_TESTS(insn_registers, SVM, NEEDS(CPU_RDTSCP), MANUAL, "an instruction that exits has written no register", registers_rows)
{
    if (row->field)
        lab_write(row->field, lab_read(row->field) | row->bits);
    OBSERVE(row->run());
    EXPECT_EQ(lab_seen.exits, 1);
    EXPECT_EQ(lab_seen.gpr[GPR_RAX], IN_RAX);
    EXPECT_EQ(lab_seen.gpr[GPR_RBX], IN_RBX);
    EXPECT_EQ(lab_seen.gpr[GPR_RCX], IN_RCX);
    EXPECT_EQ(lab_seen.gpr[GPR_RDX], IN_RDX);
}

/* ---- The PAUSE filter ---- */

static const struct pause {
    const char *label;
    unsigned count;
} pauses[] = {{"1", 1}, {"7", 7}, {"1000", 1000}, {"3000", 3000}};

/* An exit to the host starts the count anew, so there is no upper bound but in the end. */
FEATURE_TESTS(insn_pause_filter, SVM, NEEDS(SVM_PAUSE_FILTER), "Pause Intercept Filtering",
              "PAUSE exits once the count is used up, and not before", pauses)
{
    unsigned long done = 0;

    LAB_WRITE({VMCB_PAUSE_FILTER_COUNT, row->count});
    lab_set(INTERCEPT_PAUSE);
    OBSERVE(for (; done < 100000; done++) insn_pause());
    EXPECT_EXIT(VMEXIT_PAUSE);
    EXPECT_GE(done, row->count - 1);
    EXPECT_LT(done, 100000);
}

FEATURE_TEST(insn_pause_filter_off, SVM, NEEDS(SVM_PAUSE_FILTER), "Pause Intercept Filtering", "without the intercept the count means nothing")
{
    lab_write(VMCB_PAUSE_FILTER_COUNT, 3);
    lab_clear(INTERCEPT_PAUSE);
    OBSERVE(for (unsigned i = 0; i < 1000; i++) insn_pause());
    EXPECT_NO_EXIT();
}

/* ---- The interrupt shadow ---- */

static void cpuid_alone(void) { __asm__ volatile("sti\n\tnop\n\tcpuid" : : "a"(0), "c"(0) : "rbx", "rdx", "memory"); }
static void cpuid_after_sti(void) { __asm__ volatile("cli\n\tsti\n\tcpuid" : : "a"(0), "c"(0) : "rbx", "rdx", "memory"); }
static void cpuid_after_mov_ss(void)
{
    __asm__ volatile("mov %%ss, %%edx\n\tmov %%edx, %%ss\n\tcpuid" : : "a"(0), "c"(0) : "rbx", "rdx", "memory");
}

static const struct shadow {
    const char *label;
    void (*run)(void);
    bool expected;
} shadows[] = {{"alone", cpuid_alone, false}, {"sti", cpuid_after_sti, true}, {"mov-ss", cpuid_after_mov_ss, true}};

FEATURE_TESTS(insn_shadow, SVM, NEEDS(), "Interrupt Shadows", "an exit in the shadow of STI or MOV SS says so", shadows)
{
    lab_may_change(VMCB_RFLAGS);
    lab_may_change(VMCB_INTERRUPT_SHADOW);
    OBSERVE(row->run());
    EXPECT_EXIT(VMEXIT_CPUID);
    EXPECT_EQ(lab_read(VMCB_INTERRUPT_SHADOW) & 1, row->expected);
}
