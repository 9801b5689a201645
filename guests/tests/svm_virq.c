/* Virtual interrupts of SVM: V_IRQ, its priority against V_TPR, VINTR, and the virtual GIF. */
#include "guests/lib/lab/lab.h"

#define MANUAL "Injecting Virtual (INTR) Interrupts"

enum { VECTOR = 0x50 };
#define V_TPR(n)      ((uint64_t)(n))
#define V_IRQ         (1ull << 8)
#define V_GIF         (1ull << 9)
#define V_PRIORITY(n) ((uint64_t)(n) << 16)
#define V_IGN_TPR     (1ull << 20)
#define V_MASKING     (1ull << 24)
#define V_GIF_ENABLE  (1ull << 25)
#define V_VECTOR(n)   ((uint64_t)(n) << 32)

static volatile unsigned count;

static void note(struct interrupt_frame *frame)
{
    (void)frame;
    count++;
}

/* An interrupt of the highest priority that no TPR holds back, with other bits as given. */
static void pend(uint64_t bits)
{
    count = 0;
    trap_set_handler(VECTOR, note);
    lab_write(VMCB_V_INTR, V_MASKING | V_IRQ | V_VECTOR(VECTOR) | bits);
}

static bool is_pending(void) { return lab_read(VMCB_V_INTR) & V_IRQ; }

static void window(void) { __asm__ volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory"); }

static const struct feature_axis priority_axes[] = {
    AXIS("priority-0", "priority-1", "priority-5", "priority-8", "priority-15"), AXIS("tpr-0", "tpr-1", "tpr-5", "tpr-8", "tpr-15"),
    AXIS("counts", "ignored"), {0},
};
static const unsigned levels[] = {0, 1, 5, 8, 15};

FEATURE_GRID(virq_priority, SVM, NEEDS(), MANUAL, "it is taken if V_IGN_TPR is set or its priority is above V_TPR; else it stays pending",
             priority_axes)
{
    unsigned priority = levels[at[0]], tpr = levels[at[1]];
    bool ignored = at[2] == 1, taken = ignored || priority > tpr;

    pend(V_PRIORITY(priority) | V_TPR(tpr) | (ignored ? V_IGN_TPR : 0));
    window();
    EXPECT_EQ(count, taken);
    EXPECT_EQ(is_pending(), !taken);
}

static const struct vector {
    const char *label;
    unsigned vector;
} vectors[] = {{"20", 0x20}, {"31", 0x31}, {"7f", 0x7f}, {"80", 0x80}, {"fe", 0xfe}, {"ff", 0xff}};

FEATURE_TESTS(virq_vector, SVM, NEEDS(), MANUAL, "its vector is V_INTR_VECTOR", vectors)
{
    count = 0;
    trap_set_handler((uint8_t)row->vector, note);
    lab_write(VMCB_V_INTR, V_MASKING | V_IRQ | V_IGN_TPR | V_VECTOR(row->vector));
    window();
    EXPECT_EQ(count, 1);
}

FEATURE_TEST(virq_none, SVM, NEEDS(), MANUAL, "without V_IRQ there is none")
{
    count = 0;
    trap_set_handler(VECTOR, note);
    lab_write(VMCB_V_INTR, V_MASKING | V_IGN_TPR | V_VECTOR(VECTOR));
    window();
    EXPECT_EQ(count, 0);
}

FEATURE_TEST(virq_once, SVM, NEEDS(), MANUAL, "it is taken once, and V_IRQ is 0 after that")
{
    pend(V_IGN_TPR);
    window();
    window();
    hypercall(HC_YIELD, 0, 0, 0);
    window();
    EXPECT_EQ(count, 1);
    EXPECT(!is_pending());
}

FEATURE_TEST(virq_if, SVM, NEEDS(), MANUAL, "with IF 0 it stays pending, over exits as well")
{
    pend(V_IGN_TPR);
    insn_nop();
    EXPECT(is_pending());
    hypercall(HC_YIELD, 0, 0, 0);
    EXPECT(is_pending());
    EXPECT_EQ(count, 0);
    window();
    EXPECT_EQ(count, 1);
}

FEATURE_TEST(virq_shadow, SVM, NEEDS(), MANUAL, "it is not taken in the shadow of STI")
{
    unsigned within = 0;

    pend(V_IGN_TPR);
    __asm__ volatile("sti\n\tmovl %1, %0\n\tnop\n\tcli" : "=&r"(within) : "m"(count) : "memory");
    EXPECT_EQ(within, 0);
    EXPECT_EQ(count, 1);
}

FEATURE_TEST(virq_cr8_read, SVM, NEEDS(), MANUAL, "CR8 is V_TPR")
{
    lab_write(VMCB_V_INTR, V_MASKING | V_TPR(9));
    EXPECT_EQ(insn_read_cr8(), 9);
}

FEATURE_TEST(virq_cr8_write, SVM, NEEDS(), MANUAL, "writing CR8 is writing V_TPR")
{
    lab_write(VMCB_V_INTR, V_MASKING);
    insn_write_cr8(11);
    hypercall(HC_NULL, 0, 0, 0);
    EXPECT_BITS(lab_read(VMCB_V_INTR), 0xff, 11);
}

FEATURE_TEST(virq_cr8_opens, SVM, NEEDS(), MANUAL, "an interrupt that V_TPR holds back comes when CR8 is lowered")
{
    pend(V_PRIORITY(5) | V_TPR(8));
    insn_sti();
    insn_nop();
    EXPECT_EQ(count, 0);
    insn_write_cr8(3);
    insn_nop();
    insn_cli();
    EXPECT_EQ(count, 1);
}

/* ---- The intercept ---- */

FEATURE_TEST(virq_exit, SVM, NEEDS(), MANUAL, "with the intercept VINTR it exits instead, and stays pending")
{
    pend(V_IGN_TPR);
    lab_set(INTERCEPT_VINTR);
    lab_may_change(VMCB_RFLAGS);
    lab_may_change(VMCB_INTERRUPT_SHADOW);
    OBSERVE(window());
    EXPECT_EXIT(VMEXIT_VINTR);
    EXPECT(is_pending());
    lab_clear(INTERCEPT_VINTR);
    EXPECT_EQ(count, 0);
}

FEATURE_TEST(virq_exit_if, SVM, NEEDS(), MANUAL, "with IF 0 it does not exit")
{
    pend(V_IGN_TPR);
    lab_set(INTERCEPT_VINTR);
    OBSERVE(insn_nop(); insn_nop());
    EXPECT_NO_EXIT();
}

FEATURE_TEST(virq_exit_tpr, SVM, NEEDS(), MANUAL, "held back by V_TPR it does not exit")
{
    pend(V_PRIORITY(4) | V_TPR(9));
    lab_set(INTERCEPT_VINTR);
    OBSERVE(window());
    EXPECT_NO_EXIT();
}

FEATURE_TEST(virq_exit_shadow, SVM, NEEDS(), MANUAL, "the exit comes behind the shadow of STI")
{
    unsigned long marker = 0;

    pend(V_IGN_TPR);
    lab_set(INTERCEPT_VINTR);
    lab_may_change(VMCB_RFLAGS);
    lab_may_change(VMCB_INTERRUPT_SHADOW);
    OBSERVE(__asm__ volatile("sti\n\tmovq $1, %0\n\tnop\n\tcli" : "=m"(marker) : : "memory"));
    EXPECT_EXIT(VMEXIT_VINTR);
    EXPECT_EQ(marker, 1);
}

/* ---- EVENTINJ beside it ---- */

FEATURE_TEST(virq_eventinj_first, SVM, NEEDS(), MANUAL, "an injected event comes before the virtual interrupt, and both come")
{
    count = 0;
    trap_set_handler(VECTOR, note);
    trap_set_handler(0x51, note);
    LAB_WRITE({VMCB_V_INTR, V_MASKING | V_IRQ | V_IGN_TPR | V_VECTOR(VECTOR)}, {VMCB_EVENTINJ, 1ull << 31 | 0x51});
    EXPECT_EQ(count, 1);
    EXPECT(is_pending());
    window();
    EXPECT_EQ(count, 2);
}

/* A timer of the kernel's comes by the same bits of the VMCB; the guest must not see that. */
FEATURE_TEST(virq_and_host, SVM, NEEDS(), "none: Nestor's kernel and the guest of a lab share V_IRQ", "an interrupt of the kernel's leaves V_INTR as it is")
{
    uint64_t before = V_MASKING | V_PRIORITY(3) | V_VECTOR(0x99), after;

    count = 0;
    trap_set_handler(VECTOR, note);
    lab_write(VMCB_V_INTR, before);
    hypercall(HC_INTERRUPT, 0, VECTOR, 0);
    after = lab_read(VMCB_V_INTR);
    EXPECT_EQ(after, before);
    insn_sti();
    for (unsigned i = 0; i < 1000000 && count == 0; i++)
        insn_pause();
    insn_cli();
    EXPECT_EQ(count, 1);
    EXPECT_EQ(lab_read(VMCB_V_INTR), before);
}

FEATURE_TEST(virq_and_host_both, SVM, NEEDS(), "none: Nestor's kernel and the guest of a lab share V_IRQ", "an interrupt of the kernel's waits for that of the guest, and comes")
{
    pend(V_IGN_TPR);
    trap_set_handler(0x51, note);
    hypercall(HC_INTERRUPT, 0, 0x51, 0);
    EXPECT(is_pending());
    insn_sti();
    for (unsigned i = 0; i < 100 && count < 2; i++)
        hypercall(HC_YIELD, 0, 0, 0);
    insn_cli();
    EXPECT_EQ(count, 2);
}

/* ---- The virtual GIF ---- */

#define GIF_MANUAL "Virtual GIF (VGIF)"

static void stgi(void) { __asm__ volatile(".byte 0x0f, 0x01, 0xdc" : : : "memory"); }
static void clgi(void) { __asm__ volatile(".byte 0x0f, 0x01, 0xdd" : : : "memory"); }

static void give_gif(bool gif)
{
    lab_write(VMCB_V_INTR, V_MASKING | V_GIF_ENABLE | (gif ? V_GIF : 0));
    lab_clear(INTERCEPT_STGI);
    lab_clear(INTERCEPT_CLGI);
}

FEATURE_TEST(virq_gif_clgi, SVM, NEEDS(SVM_VIRTUAL_GIF), GIF_MANUAL, "CLGI clears V_GIF and does not exit")
{
    give_gif(true);
    OBSERVE(clgi());
    EXPECT_NO_EXIT();
    hypercall(HC_NULL, 0, 0, 0);
    EXPECT_BITS(lab_read(VMCB_V_INTR), V_GIF, 0);
}

FEATURE_TEST(virq_gif_stgi, SVM, NEEDS(SVM_VIRTUAL_GIF), GIF_MANUAL, "STGI sets V_GIF and does not exit")
{
    give_gif(false);
    OBSERVE(stgi());
    EXPECT_NO_EXIT();
    hypercall(HC_NULL, 0, 0, 0);
    EXPECT_BITS(lab_read(VMCB_V_INTR), V_GIF, V_GIF);
}

FEATURE_TEST(virq_gif_holds, SVM, NEEDS(SVM_VIRTUAL_GIF), GIF_MANUAL, "a virtual interrupt waits for STGI")
{
    give_gif(false);
    pend(V_IGN_TPR | V_GIF_ENABLE);
    window();
    EXPECT_EQ(count, 0);
    stgi();
    window();
    EXPECT_EQ(count, 1);
}

static const struct gif {
    const char *label;
    void (*run)(void);
    enum feature_need control;
    unsigned code;
} gifs[] = {{"stgi", stgi, INTERCEPT_STGI, VMEXIT_STGI}, {"clgi", clgi, INTERCEPT_CLGI, VMEXIT_CLGI}};

FEATURE_TESTS(virq_gif_exit, SVM, NEEDS(SVM_VIRTUAL_GIF), GIF_MANUAL, "with its intercept the instruction exits, and V_GIF stays", gifs)
{
    give_gif(row->run == clgi);
    lab_set(row->control);
    OBSERVE(row->run());
    EXPECT_EXIT(row->code);
    EXPECT_BITS(lab_read(VMCB_V_INTR), V_GIF, row->run == clgi ? V_GIF : 0);
}

FEATURE_TESTS(virq_gif_user, SVM, NEEDS(SVM_VIRTUAL_GIF), GIF_MANUAL, "#GP in CPL 3", gifs)
{
    give_gif(true);
    OBSERVE(IN_USER(row->run()));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

/* With a cleared virtual GIF, the host still gets its own. */
FEATURE_TEST(virq_gif_host, SVM, NEEDS(SVM_VIRTUAL_GIF), GIF_MANUAL, "the host's interrupts don't wait for the virtual GIF", .milliseconds = 8000)
{
    uint64_t start = cpu_read_tsc(), stolen = (uint64_t)hypercall(HC_STOLEN, 0, 0, 0);

    give_gif(true);
    clgi();
    while (cpu_read_tsc() - start < cpu_id(CPUID_NESTOR_INFO, 0).ebx * 100ull)
        insn_pause();
    EXPECT_GE((uint64_t)hypercall(HC_STOLEN, 0, 0, 0), stolen); /* that there is an answer is the point */
}
