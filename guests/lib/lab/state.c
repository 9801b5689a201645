#include "guests/lib/lab/state.h"

#include <stdbool.h>

#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/control.h"
#include "guests/lib/lab/insn.h"
#include "guests/lib/lab/page.h"
#include "guests/lib/lab/tables.h"
#include "guests/lib/lab/trap.h"

enum { KEPT_MSRS = 16, DR6_RESET = 0xffff0ff0, DR7_RESET = 0x400 };

static uint64_t cr0, cr3, cr4;
static struct {
    uint32_t msr;
    uint64_t value;
} kept[KEPT_MSRS];
static unsigned kept_msrs;
static bool reset_debug_registers;

void lab_keep_msr(uint32_t msr)
{
    for (unsigned i = 0; i < kept_msrs; i++)
        if (kept[i].msr == msr)
            return;
    if (kept_msrs == KEPT_MSRS)
        outcome_end(VERDICT_ERROR, 0, 0, "more than %d lab_keep_msr()", KEPT_MSRS);
    kept[kept_msrs].msr = msr;
    kept[kept_msrs].value = insn_rdmsr(msr);
    kept_msrs++;
}

void lab_reset_debug_registers(void) { reset_debug_registers = true; }

void state_setup(void)
{
    cr0 = insn_read_cr0();
    cr3 = insn_read_cr3();
    cr4 = insn_read_cr4();
}

/* IOPL, AC, NT, DF and what else a row may have left; interrupts are off. */
static void reset_flags(void) { __asm__ volatile("pushq $2\n\tpopfq" : : : "memory", "cc"); }

static void iret(void)
{
    __asm__ volatile("mov %%ss, %%ecx\n\tmov %%rsp, %%rax\n\tpush %%rcx\n\tpush %%rax\n\tpushf\n\tmov %%cs, %%ecx\n\t"
                     "push %%rcx\n\tlea 1f(%%rip), %%rax\n\tpush %%rax\n\tiretq\n1:"
                     :
                     :
                     : "rax", "rcx", "memory");
}

/* A row with virtual NMIs may have ended in an NMI handler: there are machines on which the entry behind that does not end the
 * blocking. */
static void end_nmi_blocking(void)
{
    uint64_t pin = lab_read(PIN_CONTROLS);

    lab_write(PIN_CONTROLS, pin | 1ull << (PIN_VIRTUAL_NMIS & NEED_BIT));
    iret();
    lab_write(PIN_CONTROLS, pin);
}

/*
 * No control of a lab applies any more when this is called. On VMX there are bits of CR0 and CR4 that this vCPU does not own
 * any more, but may have: both what is seen of them and what they are follows from a write to the fields.
 */
void state_reset(void)
{
    reset_flags();
    if (!hypercall_is_svm && lab_is_touched())
        LAB_WRITE({GUEST_CR0, cr0}, {GUEST_CR4, cr4});
    if (insn_read_cr4() != cr4)
        insn_write_cr4(cr4);
    if (insn_read_cr0() != cr0)
        insn_write_cr0(cr0);
    if (insn_read_cr3() != cr3)
        insn_write_cr3(cr3);
    tables_reset();
    page_reset();
    while (kept_msrs > 0) {
        kept_msrs--;
        insn_wrmsr(kept[kept_msrs].msr, kept[kept_msrs].value);
    }
    if (reset_debug_registers) {
        insn_write_dr7(DR7_RESET);
        insn_write_dr6(DR6_RESET);
        insn_write_dr0(0);
        insn_write_dr1(0);
        insn_write_dr2(0);
        insn_write_dr3(0);
    }
    reset_debug_registers = false;
    hypercall(HC_TIMER, 0, 32, 0);
    trap_reset();
    if (!hypercall_is_svm && lab_is_set(PIN_VIRTUAL_NMIS))
        end_nmi_blocking();
    trap_drain();
}
