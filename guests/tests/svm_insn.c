/*
 * Instruction intercepts in their three stages. An instruction that is intercepted is checked (1) before any exception, (2)
 * after privilege and #UD, or (3) after its memory operand was read. Each instruction runs with its intercept on and off, in
 * CPL 0 and 3, and with a memory operand that is not mapped; one that exits has written nothing.
 */
#include "guests/lib/lab/lab.h"

#define MANUAL "Instruction Intercepts"

enum { CR4_TSD = 1 << 2, CR4_PCE = 1 << 8, CR4_UMIP = 1 << 11, CR4_OSXSAVE = 1 << 18 };
enum scenario { ON, OFF, USER_ON, USER_OFF, HOLE_ON, HOLE_OFF };

enum trait {
    KEPT = 1 << 0,     /* a lab can't switch this intercept off */
    MEMORY = 1 << 1,   /* has a memory operand */
    STORES = 1 << 2,   /* to which it writes */
    USER = 1 << 3,     /* CPL 3 may execute it */
    CHANGES = 1 << 4,  /* guest state, if it is done */
    ODD = 1 << 5,      /* what it does without intercept is in a test of its own */
};

static struct table_register table;
static uint16_t selector;

#define DO(name, ...)                                                                                                 \
    static void do_##name(void *memory)                                                                               \
    {                                                                                                                 \
        (void)memory;                                                                                                 \
        __asm__ volatile(__VA_ARGS__);                                                                                \
    }
DO(cpuid, "cpuid" : : "a"(0), "c"(0) : "rbx", "rdx", "memory")
DO(rsm, "rsm" : : : "memory")
DO(pause, "pause" : : : "memory")
DO(pushf, "pushfq\n\tlea 8(%%rsp), %%rsp" : : : "memory", "cc")
DO(int, "int $0x40" : : : "memory")
DO(icebp, ".byte 0xf1" : : : "memory")
DO(xsetbv, "xsetbv" : : "a"(1), "c"(0), "d"(0) : "memory")
DO(sgdt, "sgdt (%0)" : : "r"(memory) : "memory")
DO(sidt, "sidt (%0)" : : "r"(memory) : "memory")
DO(lgdt, "lgdt (%0)" : : "r"(memory) : "memory")
DO(lidt, "lidt (%0)" : : "r"(memory) : "memory")
DO(sldt, "sldtw (%0)" : : "r"(memory) : "memory")
DO(str, "strw (%0)" : : "r"(memory) : "memory")
DO(lldt, "lldtw (%0)" : : "r"(memory) : "memory")
DO(ltr, "ltrw (%0)" : : "r"(memory) : "memory")
DO(smsw, "smsww (%0)" : : "r"(memory) : "memory")
DO(lmsw, "lmsww (%0)" : : "r"(memory) : "memory")
DO(clts, "clts" : : : "memory")
DO(invlpg, "invlpg (%0)" : : "r"(memory) : "memory")
DO(invlpga, ".byte 0x0f, 0x01, 0xdf" : : "a"(0), "c"(1) : "memory")
DO(invd, "invd" : : : "memory")
DO(wbinvd, "wbinvd" : : : "memory")
DO(hlt, "hlt" : : : "memory")
DO(rdtsc, "rdtsc" : : : "rax", "rdx", "memory")
DO(rdtscp, "rdtscp" : : : "rax", "rcx", "rdx", "memory")
DO(rdpmc, "rdpmc" : : "c"(0) : "rax", "rdx", "memory")
DO(monitor, "monitor" : : "a"(memory), "c"(0), "d"(0) : "memory")
DO(mwait, "mwait" : : "a"(0), "c"(0) : "memory")
DO(vmrun, ".byte 0x0f, 0x01, 0xd8" : : "a"(page_scratch(3)) : "memory")
DO(vmload, ".byte 0x0f, 0x01, 0xda" : : "a"(page_scratch(3)) : "memory")
DO(vmsave, ".byte 0x0f, 0x01, 0xdb" : : "a"(page_scratch(3)) : "memory")
DO(stgi, ".byte 0x0f, 0x01, 0xdc" : : : "memory")
DO(clgi, ".byte 0x0f, 0x01, 0xdd" : : : "memory")
DO(skinit, ".byte 0x0f, 0x01, 0xde" : : "a"(0x200000) : "memory")
DO(vmmcall, "vmmcall" : : "a"(0x7fffffff) : "memory")

static void do_iret(void *memory)
{
    (void)memory;
    __asm__ volatile("movq %%rsp, %%rdx\n\tmovq %%ss, %%rax\n\tpushq %%rax\n\tpushq %%rdx\n\tpushfq\n\tmovq %%cs, %%rax\n\t"
                     "pushq %%rax\n\tlea 1f(%%rip), %%rax\n\tpushq %%rax\n\tiretq\n1:"
                     :
                     :
                     : "rax", "rdx", "memory", "cc");
}

/* X(identifier, label, control, exit code, stage, length, traits, CPUID: register of which leaf, bit) */
#define NONE 0, 0, 0
#define EXT_ECX 0x80000001, 2
#define INSNS(X)                                                                                                      \
    X(cpuid, "cpuid", INTERCEPT_CPUID, VMEXIT_CPUID, 1, 2, USER, NONE)                                                \
    X(rsm, "rsm", INTERCEPT_RSM, VMEXIT_RSM, 1, 2, ODD, NONE)                                                         \
    X(pause, "pause", INTERCEPT_PAUSE, VMEXIT_PAUSE, 1, 2, USER, NONE)                                                \
    X(pushf, "pushf", INTERCEPT_PUSHF, VMEXIT_PUSHF, 1, 1, USER, NONE)                                                \
    X(int, "int", INTERCEPT_INTN, VMEXIT_SWINT, 1, 2, ODD, NONE)                                                      \
    X(iret, "iret", INTERCEPT_IRET, VMEXIT_IRET, 1, 2, USER, NONE)                                                    \
    X(icebp, "icebp", INTERCEPT_ICEBP, VMEXIT_ICEBP, 1, 1, ODD, NONE)                                                 \
    X(xsetbv, "xsetbv", INTERCEPT_XSETBV, VMEXIT_XSETBV, 1, 3, KEPT, 1, 2, 26)                                        \
    X(sgdt, "sgdt", INTERCEPT_GDTR_READ, VMEXIT_GDTR_READ, 2, 3, USER | MEMORY | STORES, NONE)                        \
    X(sidt, "sidt", INTERCEPT_IDTR_READ, VMEXIT_IDTR_READ, 2, 3, USER | MEMORY | STORES, NONE)                        \
    X(lgdt, "lgdt", INTERCEPT_GDTR_WRITE, VMEXIT_GDTR_WRITE, 2, 3, MEMORY | CHANGES, NONE)                            \
    X(lidt, "lidt", INTERCEPT_IDTR_WRITE, VMEXIT_IDTR_WRITE, 2, 3, MEMORY | CHANGES, NONE)                            \
    X(sldt, "sldt", INTERCEPT_LDTR_READ, VMEXIT_LDTR_READ, 2, 3, USER | MEMORY | STORES, NONE)                        \
    X(str, "str", INTERCEPT_TR_READ, VMEXIT_TR_READ, 2, 3, USER | MEMORY | STORES, NONE)                              \
    X(lldt, "lldt", INTERCEPT_LDTR_WRITE, VMEXIT_LDTR_WRITE, 2, 3, MEMORY | CHANGES, NONE)                            \
    X(ltr, "ltr", INTERCEPT_TR_WRITE, VMEXIT_TR_WRITE, 2, 3, MEMORY | ODD, NONE)                                      \
    X(smsw, "smsw", FIELD_CR0_READ, VMEXIT_CR_READ(0), 2, 3, USER | MEMORY | STORES, NONE)                            \
    X(lmsw, "lmsw", FIELD_CR0_WRITE, VMEXIT_CR_WRITE(0), 2, 3, MEMORY | CHANGES, NONE)                                \
    X(clts, "clts", FIELD_CR0_WRITE, VMEXIT_CR_WRITE(0), 2, 2, CHANGES, NONE)                                         \
    X(invlpg, "invlpg", INTERCEPT_INVLPG, VMEXIT_INVLPG, 2, 3, 0, NONE)                                               \
    X(invlpga, "invlpga", INTERCEPT_INVLPGA, VMEXIT_INVLPGA, 2, 3, KEPT, NONE)                                        \
    X(invd, "invd", INTERCEPT_INVD, VMEXIT_INVD, 2, 2, KEPT, NONE)                                                    \
    X(wbinvd, "wbinvd", INTERCEPT_WBINVD, VMEXIT_WBINVD, 2, 2, 0, NONE)                                               \
    X(hlt, "hlt", INTERCEPT_HLT, VMEXIT_HLT, 2, 1, ODD, NONE)                                                         \
    X(rdtsc, "rdtsc", INTERCEPT_RDTSC, VMEXIT_RDTSC, 2, 2, USER, NONE)                                                \
    X(rdtscp, "rdtscp", INTERCEPT_RDTSCP, VMEXIT_RDTSCP, 2, 3, USER, 0x80000001, 3, 27)                               \
    X(rdpmc, "rdpmc", INTERCEPT_RDPMC, VMEXIT_RDPMC, 2, 2, 0, NONE)                                                   \
    X(monitor, "monitor", INTERCEPT_MONITOR, VMEXIT_MONITOR, 3, 3, MEMORY, 1, 2, 3)                                   \
    X(mwait, "mwait", INTERCEPT_MWAIT, VMEXIT_MWAIT, 2, 3, ODD, 1, 2, 3)                                              \
    X(vmrun, "vmrun", INTERCEPT_VMRUN, VMEXIT_VMRUN, 2, 3, KEPT, NONE)                                                \
    X(vmload, "vmload", INTERCEPT_VMLOAD, VMEXIT_VMLOAD, 2, 3, KEPT, NONE)                                            \
    X(vmsave, "vmsave", INTERCEPT_VMSAVE, VMEXIT_VMSAVE, 2, 3, KEPT, NONE)                                            \
    X(stgi, "stgi", INTERCEPT_STGI, VMEXIT_STGI, 2, 3, KEPT, NONE)                                                    \
    X(clgi, "clgi", INTERCEPT_CLGI, VMEXIT_CLGI, 2, 3, KEPT, NONE)                                                    \
    X(skinit, "skinit", INTERCEPT_SKINIT, VMEXIT_SKINIT, 2, 3, KEPT, EXT_ECX, 12)                                     \
    X(vmmcall, "vmmcall", INTERCEPT_VMMCALL, VMEXIT_VMMCALL, 2, 3, KEPT | USER, NONE)

/* Intercepts that are bits of another word. */
enum { FIELD_CR0_READ = 0x8001, FIELD_CR0_WRITE = 0x8002 };

static const struct insn {
    void (*run)(void *memory);
    unsigned control, code, stage, length, traits;
    uint32_t leaf, reg, bit; /* of CPUID, where not every CPU has it */
} insns[] = {
#define X(name, label, control, code, stage, length, traits, ...) {do_##name, control, code, stage, length, traits, __VA_ARGS__},
    INSNS(X)
#undef X
};

#define X(name, label, ...) label,
static const struct feature_axis axes[] = {
    AXIS(INSNS(X)), AXIS("on", "off", "user-on", "user-off", "hole-on", "hole-off"), {0},
};
#undef X

static bool exists(const unsigned *at)
{
    const struct insn *insn = &insns[at[0]];
    bool off = at[1] == OFF || at[1] == USER_OFF || at[1] == HOLE_OFF;

    if (at[1] >= HOLE_ON && !(insn->traits & MEMORY))
        return false;
    if (off && (insn->traits & KEPT))
        return false;
    return !(at[1] == OFF && (insn->traits & ODD));
}

static void need_cpu(const struct insn *insn)
{
    uint64_t number = CAP_CPUID | (uint64_t)insn->reg << 32 | insn->leaf;

    if (insn->leaf && !(feature_capability(number) >> insn->bit & 1))
        SKIP("this CPU does not have the instruction: CPUID 0x%x, bit %u", insn->leaf, insn->bit);
}

static void intercept(const struct insn *insn, bool on)
{
    if (insn->control == FIELD_CR0_READ)
        lab_write(VMCB_INTERCEPT_CR, on ? 1 : 0);
    else if (insn->control == FIELD_CR0_WRITE)
        lab_write(VMCB_INTERCEPT_CR, on ? 1 << 16 : 0);
    else if (!(insn->traits & KEPT))
        lab_set_to((enum feature_need)insn->control, on);
}

/* A memory operand with which the instruction does no harm. */
static void *make_operand(const struct insn *insn)
{
    if (insn->run == do_lgdt)
        table = (struct table_register){sizeof tables_gdt - 1, (uintptr_t)tables_gdt};
    else
        table = (struct table_register){sizeof tables_idt - 1, (uintptr_t)tables_idt};
    selector = insn->run == do_lmsw ? (uint16_t)insn_read_cr0() : insn->run == do_ltr ? SELECTOR_TSS : 0;
    return insn->run == do_lgdt || insn->run == do_lidt ? (void *)&table :
           insn->traits & STORES                        ? page_scratch(0) :
                                                          (void *)&selector;
}

/* What the guest takes in CPL 3 instead of the intercept of stage 2, or without an intercept. */
static unsigned fault_of_user(const struct insn *insn)
{
    if (insn->run == do_rsm || insn->run == do_monitor || insn->run == do_mwait)
        return EXCEPTION_UD;
    return insn->run == do_icebp ? EXCEPTION_DB : EXCEPTION_GP;
}

/* Before the instruction: what it would write over. */
enum { UNTOUCHED = 0x5a5a5a5a };

static void expect_its_exit(const struct insn *insn, const struct exit_record *e)
{
    if (!EXPECT_EXIT(insn->code))
        return;
    EXPECT_EQ(lab_seen.exits, 1);
    if (feature_has(SVM_NRIP_SAVE))
        EXPECT_EQ(e->next_rip, e->rip + insn->length);
}

FEATURE_GRID(insn, SVM, NEEDS(), MANUAL, "which of exit and exception wins, by stage, privilege and operand", axes, .exists = exists)
{
    const struct insn *insn = &insns[at[0]];
    enum scenario scenario = (enum scenario)at[1];
    bool on = scenario == ON || scenario == USER_ON || scenario == HOLE_ON, user = scenario == USER_ON || scenario == USER_OFF;
    void *operand = scenario >= HOLE_ON ? page_map(0, PAGE_FREE, 0) : make_operand(insn);
    struct exit_record e;

    need_cpu(insn);
    if (insn->run == do_xsetbv)
        insn_write_cr4(insn_read_cr4() | CR4_OSXSAVE);
    if (insn->traits & STORES)
        *(volatile uint32_t *)page_scratch(0) = UNTOUCHED;
    intercept(insn, on);
    if (!on)
        lab_may_change_all();
    e = user ? OBSERVE(IN_USER(insn->run(operand))) : OBSERVE(insn->run(operand));
    intercept(insn, false);
    if (scenario >= HOLE_ON && (!on || insn->stage == 3))
        EXPECT_FAULT(EXCEPTION_PF, insn->traits & STORES ? PAGE_WRITE : 0);
    else if (on && (!user || insn->stage == 1 || insn->traits & USER))
        expect_its_exit(insn, &e);
    else if (user && !(insn->traits & USER))
        EXPECT_EQ(lab_fault.vector, fault_of_user(insn));
    else
        EXPECT_NO_EXIT();
    if (user && !(insn->traits & USER) && !(on && insn->stage == 1))
        EXPECT_EQ(lab_seen.exits, 0);
    if (insn->traits & STORES)
        EXPECT_EQ(*(volatile uint32_t *)page_scratch(0) == UNTOUCHED, on || scenario == HOLE_OFF);
}

/* ---- What the odd ones do without their intercept ---- */

FEATURE_TEST(insn_rsm_off, SVM, NEEDS(), MANUAL, "RSM outside SMM: #UD")
{
    lab_clear(INTERCEPT_RSM);
    OBSERVE(insn_rsm());
    EXPECT_FAULT(EXCEPTION_UD, 0);
}

FEATURE_TEST(insn_icebp_off, SVM, NEEDS(), MANUAL, "ICEBP: #DB")
{
    lab_clear(INTERCEPT_ICEBP);
    OBSERVE(insn_icebp());
    EXPECT_FAULT(EXCEPTION_DB, 0);
}

static volatile unsigned count;

static void count_one(struct interrupt_frame *frame)
{
    (void)frame;
    count++;
}

FEATURE_TEST(insn_int_off, SVM, NEEDS(), MANUAL, "INT n goes to its handler")
{
    count = 0;
    trap_set_handler(0x40, count_one);
    lab_clear(INTERCEPT_INTN);
    OBSERVE(do_int(NULL));
    EXPECT_NO_EXIT();
    EXPECT_EQ(count, 1);
}

FEATURE_TEST(insn_int_vector, SVM, NEEDS(SVM_DECODE_ASSISTS), "INTn Intercept", "EXITINFO1 is the vector")
{
    lab_set(INTERCEPT_INTN);
    struct exit_record e = OBSERVE(do_int(NULL));
    EXPECT_EXIT(VMEXIT_SWINT);
    EXPECT_EQ(e.qualification, 0x40);
}

FEATURE_TEST(insn_int3, SVM, NEEDS(), MANUAL, "the intercept of INT n does not take INT3")
{
    lab_set(INTERCEPT_INTN);
    OBSERVE(insn_int3());
    EXPECT_FAULT(EXCEPTION_BP, 0);
}

/* Something has to end the wait: an interrupt of the kernel's own timer. */
static void wait_by(void (*wait)(void *memory))
{
    insn_monitor(page_scratch(0));
    hypercall(HC_TIMER, cpu_read_tsc() + cpu_id(CPUID_NESTOR_INFO, 0).ebx * 2ull, 0x41, 0);
    insn_sti();
    wait(NULL);
    while (!count)
        insn_pause();
    insn_cli();
}

static const struct waiting {
    const char *label;
    void (*wait)(void *memory);
} waits[] = {{"hlt", do_hlt}, {"mwait", do_mwait}};

FEATURE_TESTS(insn_wait, SVM, NEEDS(), MANUAL, "HLT and MWAIT without intercept wait, and an interrupt ends that", waits)
{
    if (!(feature_capability(CAP_CPUID | 2ull << 32 | 1) >> 3 & 1))
        SKIP("this CPU does not have MONITOR: CPUID 1, bit 3");
    count = 0;
    trap_set_handler(0x41, count_one);
    lab_clear(INTERCEPT_HLT);
    lab_clear(INTERCEPT_MWAIT);
    lab_clear(INTERCEPT_MWAIT_ARMED);
    lab_clear(INTERCEPT_MONITOR);
    wait_by(row->wait);
    EXPECT_EQ(count, 1);
}
