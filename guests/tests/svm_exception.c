/* SVM's exception intercepts: one bit a vector; the exit tells the error code, and the guest has not seen the exception. */
#include "guests/lib/lab/lab.h"

#define MANUAL "Exception Intercepts"

enum { CR4_SSE = 1 << 9 | 1 << 10 /* OSFXSR, OSXMMEXCPT */ };

static volatile uint64_t zero;

static void raise_de(void) { __asm__ volatile("xorl %%edx, %%edx\n\tdivl %k0" : : "r"(zero), "a"(1) : "rdx", "memory", "cc"); }
static void raise_db(void) { __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop\n\tnop" : : : "memory", "cc"); }
static void raise_bp(void) { insn_int3(); }
static void raise_ud(void) { insn_ud2(); }
static void raise_nm(void)
{
    insn_write_cr0(insn_read_cr0() | 1 << 3);
    __asm__ volatile("fnop" : : : "memory");
}
static void raise_np(void) { __asm__ volatile("mov %0, %%fs" : : "r"(SELECTOR_FREE) : "memory"); }
static void raise_ss(void) { __asm__ volatile("mov %0, %%ss" : : "r"(SELECTOR_FREE) : "memory"); }
static void raise_gp(void) { __asm__ volatile("mov %0, %%fs" : : "r"(0x1000) : "memory"); }
static void raise_gp_address(void) { (void)*(volatile char *)(1ull << 63); }
static void raise_pf(void) { *(volatile char *)0x7f0000000010 = 1; }
static void raise_pf_user(void) { IN_USER(*(volatile char *)0x7f0000000010 = 1); }
static void raise_ac(void) { IN_USER(__asm__ volatile("pushfq\n\torq $0x40000, (%%rsp)\n\tpopfq\n\tmovl 1(%0), %%eax" : : "r"(page_scratch(0)) : "rax", "memory", "cc")); }
static void raise_nested_task(void)
{
    __asm__ volatile("pushq $0\n\tpushfq\n\torq $0x4000, (%%rsp)\n\tpopfq\n\tiretq" : : : "memory", "cc");
}
static void raise_mf(void)
{
    static const uint16_t unmasked = 0x360;

    __asm__ volatile("fninit\n\tfldcw %0\n\tfldz\n\tfldz\n\tfdivp\n\tfwait" : : "m"(unmasked) : "memory");
}

/* The stack of the gate is behind the limit of the TSS. */
static void raise_ts(void) { __asm__ volatile("int $0x40" : : : "memory"); }

static void prepare_ts(void)
{
    enum { LAST_STACK = 7, LIMIT_BEFORE_IT = 83, BUSY = 41 };
    uint64_t *tss = &tables_gdt[SELECTOR_TSS / 8];

    tables_idt[0x40].ist = LAST_STACK;
    *tss = (*tss & ~(0xffffull | 1ull << BUSY)) | LIMIT_BEFORE_IT;
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS) : "memory");
}

static void raise_xm(void)
{
    static const uint32_t divide_by_zero_unmasked = 0x1d80, one = 0x3f800000;

    __asm__ volatile("ldmxcsr %0\n\txorps %%xmm1, %%xmm1\n\tmovss %1, %%xmm0\n\tdivss %%xmm1, %%xmm0"
                     :
                     : "m"(divide_by_zero_unmasked), "m"(one)
                     : "memory");
}

static const struct exception_row {
    const char *label;
    void (*raise)(void);
    unsigned vector;
    uint64_t error;
} rows[] = {
    {"de", raise_de, EXCEPTION_DE, 0},
    {"db", raise_db, EXCEPTION_DB, 0},
    {"bp", raise_bp, EXCEPTION_BP, 0},
    {"ud", raise_ud, EXCEPTION_UD, 0},
    {"nm", raise_nm, EXCEPTION_NM, 0},
    {"ts", raise_ts, EXCEPTION_TS, SELECTOR_TSS},
    {"np", raise_np, EXCEPTION_NP, SELECTOR_FREE},
    {"ss", raise_ss, EXCEPTION_SS, SELECTOR_FREE},
    {"gp-selector", raise_gp, EXCEPTION_GP, 0x1000},
    {"gp-address", raise_gp_address, EXCEPTION_GP, 0},
    {"gp-nested-task", raise_nested_task, EXCEPTION_GP, 0},
    {"pf", raise_pf, EXCEPTION_PF, PAGE_WRITE},
    {"pf-user", raise_pf_user, EXCEPTION_PF, PAGE_WRITE | PAGE_USER},
    {"mf", raise_mf, EXCEPTION_MF, 0},
    {"ac", raise_ac, EXCEPTION_AC, 0},
    {"xm", raise_xm, EXCEPTION_XM, 0},
};

static void prepare(const struct exception_row *row)
{
    lab_may_change(VMCB_CR0);
    if (row->vector == EXCEPTION_DB)
        lab_reset_debug_registers();
    lab_may_change(VMCB_RFLAGS);
    if (row->vector == EXCEPTION_NP || row->vector == EXCEPTION_SS)
        tables_gdt[SELECTOR_FREE / 8] = 0x00cf13000000ffff; /* data, not present */
    if (row->vector == EXCEPTION_AC)
        insn_write_cr0(insn_read_cr0() | 1 << 18);
    if (row->vector == EXCEPTION_TS)
        prepare_ts();
    if (row->vector == EXCEPTION_XM)
        insn_write_cr4(insn_read_cr4() | CR4_SSE);
    if (row->vector == EXCEPTION_MF)
        insn_write_cr0(insn_read_cr0() | 1 << 5);
}

FEATURE_TESTS(exception_on, SVM, NEEDS(), MANUAL, "an exception exits if its bit is set, EXITINFO1 is its error code", rows)
{
    uint64_t cr2;

    prepare(row);
    insn_write_cr2(0x1234);
    lab_trap_exceptions(1u << row->vector);
    if (row->vector == EXCEPTION_DB)
        lab_may_change_all();
    struct exit_record e = OBSERVE(row->raise());
    cr2 = insn_read_cr2();
    if (!EXPECT_EXIT(VMEXIT_EXCEPTION(row->vector)))
        return;
    EXPECT_EQ(lab_seen.exits, 1);
    EXPECT_EQ(e.qualification, row->error);
    if (row->vector == EXCEPTION_PF) {
        EXPECT_EQ(e.qualification2, 0x7f0000000010);
        EXPECT_EQ(cr2, 0x1234);
    }
}

FEATURE_TESTS(exception_off, SVM, NEEDS(), MANUAL, "an exception does not exit if its bit is clear, though all others are set", rows)
{
    prepare(row);
    lab_trap_exceptions(~(1u << row->vector) & ~(1u << 2));
    OBSERVE(row->raise());
    EXPECT_FAULT(row->vector, row->error);
}

FEATURE_TESTS(exception_soft, SVM, NEEDS(), MANUAL, "INT n of an exception's vector is none", rows)
{
    unsigned vector = row->vector;

    for (unsigned v = 0; v < 32; v++)
        tables_idt[v].type |= GATE_DPL_3;
    lab_trap_exceptions(~(1u << 2));
    switch (vector) {
#define SOFT(n)                                                                                                       \
    case n:                                                                                                           \
        OBSERVE(__asm__ volatile("int %0" : : "i"(n) : "memory"));                                                    \
        break;
        SOFT(0) SOFT(1) SOFT(3) SOFT(6) SOFT(7) SOFT(19)
#undef SOFT
    default:
        SKIP("its handler takes an error code from the stack, which INT n does not push");
    }
    EXPECT_FAULT(vector, 0);
}

/* ---- One exception in the delivery of another ---- */

FEATURE_TEST(exception_intinfo, SVM, NEEDS(), "EXITINTINFO Pseudo-Code", "#PF in the delivery of INT n is told with it")
{
    CATCH(insn_ud2()); /* the last exception, which is not to be told instead */
    tables_idt[0x40].offset_high = 0x7f00;
    tables_idt[0x40].selector = SELECTOR_FREE;
    lab_trap_exceptions(1u << EXCEPTION_GP | 1u << EXCEPTION_NP);
    tables_gdt[SELECTOR_FREE / 8] = 0x00af1a000000ffff; /* 64-bit code, not present */
    struct exit_record e = OBSERVE(__asm__ volatile("int $0x40" : : : "memory"));
    EXPECT_EXIT(VMEXIT_EXCEPTION(EXCEPTION_NP));
    EXPECT_EQ(e.qualification & ~7ull, SELECTOR_FREE);
    EXPECT_EQ(e.vectoring_info, 1u << 31 | 4u << 8 | 0x40);
}

FEATURE_TEST(exception_intinfo_fault, SVM, NEEDS(), "EXITINTINFO Pseudo-Code", "#NP in the delivery of #UD is told with it")
{
    tables_idt[EXCEPTION_UD].selector = SELECTOR_FREE;
    tables_gdt[SELECTOR_FREE / 8] = 0x00af1a000000ffff;
    lab_trap_exceptions(1u << EXCEPTION_NP);
    struct exit_record e = OBSERVE(insn_ud2());
    EXPECT_EXIT(VMEXIT_EXCEPTION(EXCEPTION_NP));
    EXPECT_EQ(e.vectoring_info, 1u << 31 | 3u << 8 | EXCEPTION_UD);
}

FEATURE_TEST(exception_double, SVM, NEEDS(), MANUAL, "#NP in the delivery of #GP is #DF, which exits with error code 0")
{
    tables_idt[EXCEPTION_GP].selector = SELECTOR_FREE;
    tables_gdt[SELECTOR_FREE / 8] = 0x00af1a000000ffff;
    lab_trap_exceptions(1u << EXCEPTION_DF);
    struct exit_record e = OBSERVE(raise_gp());
    EXPECT_EXIT(VMEXIT_EXCEPTION(EXCEPTION_DF));
    EXPECT_EQ(e.qualification, 0);
}

FEATURE_TEST(exception_none, SVM, NEEDS(), MANUAL, "an exit with no event in delivery has EXITINTINFO.V 0")
{
    lab_trap_exceptions(1u << EXCEPTION_UD);
    struct exit_record e = OBSERVE(insn_ud2());
    EXPECT_EXIT(VMEXIT_EXCEPTION(EXCEPTION_UD));
    EXPECT_EQ(e.vectoring_info >> 31, 0);
}

FEATURE_TEST(exception_shutdown, SVM, NEEDS(), "Shutdown Intercept", "a triple fault is a shutdown, which exits")
{
    tables_idt[EXCEPTION_GP].selector = tables_idt[EXCEPTION_DF].selector = SELECTOR_FREE;
    tables_gdt[SELECTOR_FREE / 8] = 0x00af1a000000ffff; /* 64-bit code, not present */
    lab_may_change_all();
    OBSERVE(__asm__ volatile("mov %0, %%fs" : : "r"(0x1000) : "memory"));
    EXPECT_EXIT(VMEXIT_SHUTDOWN);
}
