/* Controls about what an entry loads, and an exit saves and loads. */
#include "guests/tests/vmxworks.h"

#define EFER 0xc0000080u
#define PAT_FIELD   0x0105000600070406ull /* differs from the host's in entries that no page of ours uses */
#define PAT_WRITTEN 0x0004010500070406ull
enum { EFER_SCE = 1 << 0, DR7_FIXED = 0x400, DR7_L0 = 1 << 0, DR7_L1 = 1 << 2, RATE_MSR = 0x485, IA32E = 1 << 9 };

void works_save_debug(const struct works *row)
{
    lab_reset_debug_registers();
    lab_may_change(GUEST_DR7);
    lab_clear(PROC_MOV_DR);
    lab_set(row->control);
    OBSERVE(insn_write_dr7(DR7_FIXED | DR7_L1); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(GUEST_DR7), DR7_FIXED | DR7_L1);
}

void works_load_debug(const struct works *row)
{
    lab_reset_debug_registers();
    lab_clear(PROC_MOV_DR);
    lab_set(row->control);
    lab_write(GUEST_DR7, DR7_FIXED | DR7_L0);
    EXPECT_EQ(insn_read_dr7(), DR7_FIXED | DR7_L0);
}

void works_entry_pat(const struct works *row)
{
    lab_keep_msr(WORKS_PAT);
    lab_set(row->control);
    lab_write(GUEST_IA32_PAT, PAT_FIELD);
    EXPECT_EQ(insn_rdmsr(WORKS_PAT), PAT_FIELD);
}

void works_save_pat(const struct works *row)
{
    lab_keep_msr(WORKS_PAT);
    lab_set(row->control);
    lab_may_change(GUEST_IA32_PAT);
    OBSERVE(insn_wrmsr(WORKS_PAT, PAT_WRITTEN); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(GUEST_IA32_PAT), PAT_WRITTEN);
}

/* What the host has right after the exit is not what the guest has written. */
void works_exit_pat(const struct works *row)
{
    lab_keep_msr(WORKS_PAT);
    lab_set(row->control);
    lab_may_change(GUEST_IA32_PAT);
    OBSERVE(insn_wrmsr(WORKS_PAT, PAT_WRITTEN); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_NE(lab_read(LAB_WHAT(LAB_HOST, WORKS_PAT)), PAT_WRITTEN);
}

void works_entry_efer(const struct works *row)
{
    uint64_t efer = insn_rdmsr(EFER);

    lab_set(row->control);
    lab_write(GUEST_IA32_EFER, efer ^ EFER_SCE);
    EXPECT_EQ(insn_rdmsr(EFER), efer ^ EFER_SCE);
    lab_write(GUEST_IA32_EFER, efer);
    EXPECT_EQ(insn_rdmsr(EFER), efer);
}

void works_save_efer(const struct works *row)
{
    uint64_t efer = insn_rdmsr(EFER);

    lab_keep_msr(EFER);
    lab_set(row->control);
    lab_may_change(GUEST_IA32_EFER);
    OBSERVE(insn_wrmsr(EFER, efer ^ EFER_SCE); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(GUEST_IA32_EFER), efer ^ EFER_SCE);
}

void works_exit_efer(const struct works *row)
{
    uint64_t efer = insn_rdmsr(EFER), host;

    lab_keep_msr(EFER);
    lab_set(row->control);
    lab_may_change(GUEST_IA32_EFER);
    OBSERVE(cpu_id(0, 0));
    host = lab_read(LAB_WHAT(LAB_HOST, EFER));
    OBSERVE(insn_wrmsr(EFER, efer ^ EFER_SCE); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(LAB_WHAT(LAB_HOST, EFER)), host);
}

void works_save_timer(const struct works *row)
{
    enum { VALUE = 1 << 20, ROUNDS = 20000, RATE = 31 };

    lab_write(PREEMPTION_TIMER_VALUE, VALUE);
    lab_set(PIN_PREEMPTION_TIMER);
    lab_set(row->control);
    OBSERVE(for (unsigned i = 0; i < ROUNDS; i++) __asm__ volatile("" : : : "memory"); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_LE(lab_read(PREEMPTION_TIMER_VALUE), VALUE - (ROUNDS >> (feature_capability(RATE_MSR) & RATE)) + 1);
}

/* The entry control is 1 as EFER.LMA is, which the exit stores there; in unpaged code it is 0. */
MODE_CODE(exit_32, 32, "cpuid")

void works_ia32e(const struct works *row)
{
    (void)row;
    lab_may_change_all();
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_BITS(lab_read(ENTRY_CONTROLS), IA32E, IA32E);
    OBSERVE(mode_run(MODE_PROTECTED_32, &exit_32, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_BITS(lab_read(ENTRY_CONTROLS), IA32E, 0);
}
