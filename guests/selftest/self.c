/*
 * Tests that are made to get a certain verdict, which is the first part of their label or identifier: tests/lab_selftest.t
 * compares. They are no tests of a machine.
 */
#include <string.h>

#include "guests/lib/lab/lab.h"

#define MANUAL "none: these test the library"

FEATURE_TEST(pass, ANY, NEEDS(), MANUAL, "an expectation that holds")
{
    EXPECT_EQ(2 + 2, 4);
}

FEATURE_TEST(pass_catch, ANY, NEEDS(), MANUAL, "a fault that is caught, and variables on both sides of it")
{
    int before = 1, after = 2;
    struct fault f = CATCH(before = 3, insn_ud2(), after = 4);

    EXPECT_EQ(f.vector, EXCEPTION_UD);
    EXPECT_EQ(f.error, 0);
    EXPECT_EQ(before, 3);
    EXPECT_EQ(after, 2);
}

FEATURE_TEST(pass_observe, ANY, NEEDS(), MANUAL, "an exit that is observed ends the statement, and variables on both sides of it")
{
    unsigned before = 1, after = 2;

    lab_set(hypercall_is_svm ? INTERCEPT_HLT : PROC_HLT);
    for (unsigned i = 0; i < 3; i++) {
        OBSERVE(before += i; insn_hlt(); after = 4);
        EXPECT_EXIT(ON_PLATFORM(EXIT_HLT, VMEXIT_HLT));
    }
    EXPECT_EQ(before, 4);
    EXPECT_EQ(after, 2);
}

FEATURE_TEST(pass_count, ANY, NEEDS(), MANUAL, "each exit has its number; those of the host's interrupts are counted, too")
{
    uint64_t apart = UINT64_MAX;

    if (hypercall_is_svm)
        lab_set(INTERCEPT_CPUID);
    for (unsigned i = 0; i < 8 && apart != 1; i++) {
        uint64_t before = lab_seen.exit[1].count;

        OBSERVE_SKIP(cpu_id(0, 0); cpu_id(0, 0));
        EXPECT_EXITS(2);
        EXPECT(lab_seen.exit[0].count > before);
        apart = lab_seen.exit[1].count - lab_seen.exit[0].count;
    }
    EXPECT_EQ(apart, 1);
}

FEATURE_TEST(pass_no_exit, ANY, NEEDS(), MANUAL, "a statement that does not exit goes to its end")
{
    unsigned after = 2;
    struct exit_record e = OBSERVE(insn_nop(); after = 4);

    EXPECT_NO_EXIT();
    EXPECT_EQ(e.reason, NO_EXIT);
    EXPECT_EQ(after, 4);
}

FEATURE_TEST(pass_again, VMX, NEEDS(PIN_PREEMPTION_TIMER), MANUAL, "after an exit that would come again at once, the test goes on")
{
    for (unsigned i = 0; i < 2; i++) {
        OBSERVE(lab_write(PREEMPTION_TIMER_VALUE, 0); lab_set(PIN_PREEMPTION_TIMER); insn_nop());
        EXPECT_EXIT(EXIT_PREEMPTION_TIMER);
        EXPECT(!lab_is_set(PIN_PREEMPTION_TIMER));
        OBSERVE(insn_nop());
        EXPECT_NO_EXIT();
    }
}

FEATURE_TEST(pass_user, ANY, NEEDS(), MANUAL, "a statement in CPL 3, and its fault")
{
    unsigned long inside = 0, outside = 0;
    struct fault f;

    IN_USER(__asm__ volatile("mov %%cs, %0" : "=r"(inside)));
    __asm__ volatile("mov %%cs, %0" : "=r"(outside));
    EXPECT_EQ(inside, SELECTOR_USER_CODE);
    EXPECT_EQ(outside, SELECTOR_CODE);
    f = CATCH(IN_USER(insn_hlt()));
    EXPECT_EQ(f.vector, EXCEPTION_GP);
    EXPECT_EQ(f.cs, SELECTOR_USER_CODE);
    OBSERVE(IN_USER(insn_cli()));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

MODE_CODE(add32, 32, "addl %ebx, %eax; pushl %eax; popl %edx; movl %cr0, %ecx")
MODE_CODE(add16, 16, "addl %ebx, %eax; pushl %eax; popl %edx; movw %cs, %cx")
MODE_CODE(undefined32, 32, "ud2")
MODE_CODE(undefined16, 16, "ud2")
MODE_CODE(halt32, 32, "hlt")
MODE_CODE(halt16, 16, "hlt")

static const struct mode_row {
    const char *label;
    enum mode mode;
    const struct mode_code *add, *undefined, *halt;
} mode_rows[] = {
    {"compatibility-32", MODE_COMPATIBILITY_32, &add32, &undefined32, &halt32},
    {"compatibility-16", MODE_COMPATIBILITY_16, &add16, &undefined16, &halt16},
    {"protected-32", MODE_PROTECTED_32, &add32, &undefined32, &halt32},
    {"protected-16", MODE_PROTECTED_16, &add16, &undefined16, &halt16},
    {"real", MODE_REAL, &add16, &undefined16, &halt16},
    {"v86", MODE_V86, &add16, &undefined16, &halt16},
};

FEATURE_TESTS(pass_mode, ANY, NEEDS(), MANUAL, "code in other modes ends, faults and exits", mode_rows)
{
    struct mode_registers registers = {.eax = 0x12340000, .ebx = 0x5678};
    struct fault f;

    mode_run(row->mode, row->add, &registers);
    EXPECT_EQ(registers.eax, 0x12345678);
    EXPECT_EQ(registers.edx, 0x12345678);
    f = CATCH(mode_run(row->mode, row->undefined, NULL));
    EXPECT_EQ(f.vector, EXCEPTION_UD);
    EXPECT_EQ(f.rip, MODE_ADDRESS);
    lab_set(hypercall_is_svm ? INTERCEPT_HLT : PROC_HLT);
    OBSERVE(mode_run(row->mode, row->halt, NULL));
    if (row->mode == MODE_V86)
        EXPECT_FAULT(EXCEPTION_GP, 0);
    else
        EXPECT_EXIT(ON_PLATFORM(EXIT_HLT, VMEXIT_HLT));
    mode_run(row->mode, row->add, &registers);
    EXPECT_EQ(registers.eax, 0x1234acf0);
}

static unsigned interrupts;

static void count(struct interrupt_frame *frame)
{
    (void)frame;
    interrupts++;
}

FEATURE_TEST(pass_handler, ANY, NEEDS(), MANUAL, "a handler gets its vector, and goes on")
{
    interrupts = 0;
    trap_set_handler(0x40, count);
    __asm__ volatile("int $0x40" : : : "memory");
    EXPECT_EQ(interrupts, 1);
}

FEATURE_TEST(error_handler, ANY, NEEDS(), MANUAL, "the handler of another row is gone")
{
    __asm__ volatile("int $0x40" : : : "memory");
    EXPECT(true);
}

enum { CR0_TS = 1 << 3, CR4_DE = 1 << 3, MSR_STAR = 0xc0000081, DAMAGE = 0x5a };

FEATURE_TEST(pass_damage, ANY, NEEDS(), MANUAL, "a row that leaves nothing as it was")
{
    char *page = page_scratch(0), *mapped = page_map(0, (uint64_t)page, PAGE_PRESENT | PAGE_WRITE);

    mapped[8] = DAMAGE;
    EXPECT_EQ(page[8], DAMAGE);
    lab_set(hypercall_is_svm ? INTERCEPT_RDTSC : PROC_RDTSC);
    lab_keep_msr(MSR_STAR);
    insn_wrmsr(MSR_STAR, insn_rdmsr(MSR_STAR) + DAMAGE);
    insn_write_cr0(insn_read_cr0() | CR0_TS);
    insn_write_cr4(insn_read_cr4() | CR4_DE);
    tables_allow_port(0x80, true);
    tables_idt[EXCEPTION_UD].type = 0;
    tables_gdt[SELECTOR_USER_CODE / 8] = 0;
    *page_entry((void *)PAGE_FREE, 2) = 0;
    __asm__ volatile("movl %0, %%ds\n\tmovl %0, %%es\n\tsti" : : "r"(0) : "memory");
}

FEATURE_TEST(pass_fresh, ANY, NEEDS(), MANUAL, "a row that finds everything as it should be")
{
    unsigned long flags = insn_rflags(), ds;
    uint64_t star = insn_rdmsr(MSR_STAR);
    const char *page = page_scratch(0);
    struct fault f;

    __asm__ volatile("mov %%ds, %0" : "=r"(ds));
    EXPECT_EQ(ds, SELECTOR_DATA);
    EXPECT_EQ(flags & 0x200, 0);
    EXPECT_EQ(star, 0);
    EXPECT_EQ(page[8], 0);
    EXPECT_EQ(insn_read_cr0() & CR0_TS, 0);
    EXPECT_EQ(insn_read_cr4() & CR4_DE, 0);
    f = CATCH(insn_ud2());
    EXPECT_EQ(f.vector, EXCEPTION_UD);
    f = CATCH(IN_USER(insn_in8(0x80)));
    EXPECT_EQ(f.vector, EXCEPTION_GP);
    f = CATCH(*(volatile char *)0x40000008 = 1);
    EXPECT_EQ(f.vector, EXCEPTION_PF);
    EXPECT_NE(*page_entry((void *)PAGE_FREE, 2), 0);
    OBSERVE(cpu_read_tsc());
    EXPECT_NO_EXIT();
}

/* Port 80H may exit or not; port 60H has to. */
FEATURE_TEST(pass_run, ANY, NEEDS(), MANUAL, "HC_LAB_RUN sets and fills in, and at what can't be set fills in nothing")
{
    struct lab_pair pairs[] = {{LAB_WHAT(LAB_PORT, 0x80), 0}, {LAB_WHAT(LAB_PORT, 0x80), 7}, {LAB_WHAT(LAB_PORT, 0x60), 7}};
    struct lab_pair refused[] = {{LAB_WHAT(LAB_PORT, 0x60), 0}, {LAB_WHAT(LAB_PORT, 0x80), 7}};

    EXPECT_EQ(hypercall(HC_LAB_RUN, (unsigned long)pairs, 1, 2), 0);
    EXPECT_EQ(pairs[1].value, 0);
    EXPECT_EQ(pairs[2].value, 1);
    EXPECT_EQ(hypercall(HC_LAB_RUN, (unsigned long)refused, 1, 1), -ABI_EACCES);
    EXPECT_EQ(refused[1].value, 7);
    EXPECT_EQ(hypercall(HC_LAB_RUN, (unsigned long)pairs, UINT64_MAX / sizeof *pairs, 1), -ABI_EFAULT);
    EXPECT_EQ(hypercall(HC_LAB_RUN, (unsigned long)pairs, 1, UINT64_MAX), -ABI_EFAULT);
    EXPECT_EQ(hypercall(HC_LAB_RUN, (unsigned long)pairs + 1, 1, 1), -ABI_EFAULT);
    lab_trap_port(0x80, true);
}

static struct lab_observation guard_seen __attribute__((aligned(4096)));
static struct context guard_place;
static long guard_result;

/* From deeper in the stack than the guard of the row. */
CONTEXT_FRAME static void guard_again(void)
{
    volatile char deep[512];

    deep[0] = 0;
    guard_result = context_hypercall(&guard_place, HC_LAB_GUARD_AGAIN, (unsigned long)&guard_seen, 0, 0);
    if (guard_result == 0)
        *(volatile char *)0x3fe00000 = deep[0];
    CONTEXT_END();
}

FEATURE_TEST(pass_guard_again, ANY, NEEDS(), MANUAL, "HC_LAB_GUARD_AGAIN comes back to where it was called")
{
    guard_again();
    EXPECT_EQ(guard_result, LAB_GUARD_DEATH);
    EXPECT_EQ(guard_seen.exits, 1);
}

static unsigned one_row(void) { return 1; }
static void name_row(unsigned number, char label[FEATURE_LABEL])
{
    (void)number;
    strcpy(label, "before");
}
static void see(unsigned number) { outcome_worsen(VERDICT_SKIP, NULL, 0, "row %u was looked at", number); }

FEATURE_MADE(skip_seen, ANY, NEEDS(), MANUAL, "what is seen before the row begins", one_row, name_row, .check = see)
{
    FAIL("it runs, as number %u", number);
}

FEATURE_TEST(error_nothing, ANY, NEEDS(), MANUAL, "a test that expects nothing") {}

FEATURE_TEST(error_fault, ANY, NEEDS(), MANUAL, "a fault that nobody expected") { insn_ud2(); }

FEATURE_TEST(error_page_fault, ANY, NEEDS(), MANUAL, "an access to what is not mapped")
{
    *(volatile char *)0x7f0000000000 = 1;
}

FEATURE_TEST(error_triple_fault, ANY, NEEDS(), MANUAL, "the end of the VM, if it were not for the guard")
{
    const struct table_register nothing = {0, 0};

    __asm__ volatile("lidt %0\n\tud2" : : "m"(nothing) : "memory");
}

FEATURE_TEST(error_hole, ANY, NEEDS(), MANUAL, "an access to where no memory is")
{
    *(volatile char *)0x3fe00000 = 1;
}

FEATURE_TEST(error_refused, ANY, NEEDS(), MANUAL, "a field that is nobody's")
{
    lab_write(ON_PLATFORM(HOST_RIP, VMCB_NESTED_CR3), 0);
    EXPECT(true);
}

FEATURE_TEST(error_over_skip, ANY, NEEDS(), MANUAL, "a worse verdict counts more")
{
    outcome_worsen(VERDICT_SKIP, NULL, 0, "not this one");
    ERROR("this one");
}

FEATURE_TEST(fail, ANY, NEEDS(), MANUAL, "an expectation that does not hold, and one after it")
{
    EXPECT_EQ(2 + 2, 5);
    EXPECT(2 > 3);
}

FEATURE_TEST(fail_over_error, ANY, NEEDS(), MANUAL, "a worse verdict counts more, the order does not")
{
    EXPECT_EQ(1, 2);
    insn_ud2();
}

FEATURE_TEST(fail_no_exit, ANY, NEEDS(), MANUAL, "an exit that does not come")
{
    OBSERVE(insn_nop());
    EXPECT_EXIT(ON_PLATFORM(EXIT_HLT, VMEXIT_HLT));
}

FEATURE_TEST(fail_fault, ANY, NEEDS(), MANUAL, "a fault instead of an exit")
{
    OBSERVE(insn_ud2());
    EXPECT_EXIT(ON_PLATFORM(EXIT_HLT, VMEXIT_HLT));
}

FEATURE_TEST(fail_changed, ANY, NEEDS(), MANUAL, "what an exit must leave alone is not so")
{
    lab_set(hypercall_is_svm ? INTERCEPT_HLT : PROC_HLT);
    OBSERVE(insn_write_cr3(insn_read_cr3() | 0x18); insn_hlt()); /* PWT and PCD: without effect here */
    EXPECT_EXIT(ON_PLATFORM(EXIT_HLT, VMEXIT_HLT));
}

FEATURE_TEST(timeout, ANY, NEEDS(), MANUAL, "an endless loop with interrupts off", .milliseconds = 50)
{
    for (;;)
        insn_pause();
}

FEATURE_TEST(error_halt, ANY, NEEDS(), MANUAL, "a HLT that nothing can end")
{
    insn_cli();
    insn_hlt();
}

FEATURE_TEST(timeout_wait, ANY, NEEDS(), MANUAL, "a HLT that nothing ends", .milliseconds = 50)
{
    __asm__ volatile("sti; hlt" : : : "memory");
}

FEATURE_TEST(timeout_exits, ANY, NEEDS(), MANUAL, "more exits than the test has", .exits = 100)
{
    for (;;)
        hypercall(HC_MEMORY, 0, 0, 0);
}

FEATURE_TEST(skip, ANY, NEEDS(), MANUAL, "a test that skips itself") { SKIP("because it says so"); }

FEATURE_TEST(skip_needs, ANY, NEEDS(CPU_FSGSBASE, NOT(CPU_FSGSBASE)), MANUAL, "something that no machine has")
{
    EXPECT(false);
}

static const struct row {
    const char *label;
    bool good;
} rows[] = {{"a", true}, {"b", false}, {"c", true}};

FEATURE_TESTS(table, ANY, NEEDS(), MANUAL, "a row for each entry; b fails", rows)
{
    EXPECT(row->good);
}

static bool is_corner(const unsigned *at) { return at[0] != 1 || at[1] != 1; }

static const struct feature_axis axes[] = {AXIS("0", "1"), AXIS("x", "y", "z"), {0}};

FEATURE_GRID(grid, ANY, NEEDS(), MANUAL, "a row for each combination, but 1-y; 0-z fails", axes, .exists = is_corner)
{
    EXPECT(at[0] != 0 || at[1] != 2);
}

static unsigned count_made(void) { return 8; }
static void name_made(unsigned number, char label[FEATURE_LABEL]) { label[0] = (char)('a' + number), label[1] = 0; }
static bool is_last(unsigned number) { return number >= 6; }

FEATURE_MADE(pass_made, ANY, NEEDS(), MANUAL, "rows that are made up, the last of which stay behind the others", count_made, name_made,
             .last = is_last)
{
    EXPECT(number < 8);
}
