/* Controls about instructions, events and the APIC. */
#include "guests/tests/vmxworks.h"

#include <string.h>

enum {
    VIRTUAL_APIC_PAGE = 15,
    APIC_ACCESS_PAGE = 14,
    BITMAP_PAGE = 13,
    TPR = 0x80,
    VERSION = 0x30,
    RFLAGS_IF = 1 << 9
};
enum { CR4_OSXSAVE = 1 << 18, TICKS = 1 << 14 };

static uint64_t taken;

static void take(struct interrupt_frame *frame)
{
    taken++;
    frame->flags &= ~(uint64_t)RFLAGS_IF;
}

static void take_and_exit(struct interrupt_frame *frame)
{
    take(frame);
    cpu_id(0, 0);
}

static uint64_t tsc(void) { return __builtin_ia32_rdtsc(); }

/* ---- Events ----------------------------------------------------------------------------------------------------- */

void works_timer(const struct works *row)
{
    lab_write(PREEMPTION_TIMER_VALUE, 0);
    lab_set(row->control);
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_PREEMPTION_TIMER);
}

void works_virtual_nmis(const struct works *row)
{
    taken = 0;
    trap_set_handler(EXCEPTION_NMI, take_and_exit);
    lab_set(row->control);
    lab_may_change(GUEST_INTERRUPTIBILITY);
    OBSERVE(lab_write(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_NMI, EXCEPTION_NMI)));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), BLOCKING_NMI);
    EXPECT_EQ(taken, 1);
}

void works_nmi_window(const struct works *row)
{
    lab_set(PIN_VIRTUAL_NMIS);
    OBSERVE(lab_set(row->control); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_NMI_WINDOW);
}

void works_interrupt_window(const struct works *row)
{
    lab_may_change(GUEST_RFLAGS);
    OBSERVE(lab_set(row->control); cpu_interrupts_on(); __asm__ volatile("nop"));
    cpu_interrupts_off();
    EXPECT_EXIT(EXIT_INTERRUPT_WINDOW);
}

void works_mtf(const struct works *row)
{
    OBSERVE(lab_set(row->control));
    EXPECT_EXIT(EXIT_MONITOR_TRAP_FLAG);
}

/* The timer ends the HLT state, as nothing else does. */
void works_hlt_activity(const struct works *row)
{
    (void)row;
    lab_may_change(GUEST_ACTIVITY);
    lab_write(PREEMPTION_TIMER_VALUE, TICKS);
    lab_set(PIN_PREEMPTION_TIMER);
    OBSERVE(lab_write(GUEST_ACTIVITY, ACTIVITY_HALTED); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_PREEMPTION_TIMER);
    EXPECT_EQ(lab_read(GUEST_ACTIVITY), ACTIVITY_HALTED);
}

static uint64_t taken_at;

static void take_place(struct interrupt_frame *frame)
{
    taken++;
    taken_at = frame->ip;
}

/* A software interrupt of length 0 comes back to the instruction itself: the one behind the hypercall. */
void works_inject_length(const struct works *row)
{
    enum { VECTOR = 0x90 };

    (void)row;
    taken = taken_at = 0;
    trap_set_handler(VECTOR, take_place);
    OBSERVE(
        LAB_WRITE({ENTRY_INSTRUCTION_LENGTH, 0}, {ENTRY_INTERRUPTION_INFO, EVENT(EVENT_SOFTWARE_INTERRUPT, VECTOR)}));
    EXPECT_NO_EXIT();
    EXPECT_EQ(taken, 1);
    EXPECT_NE(taken_at, 0);
}

/* ---- Time ------------------------------------------------------------------------------------------------------- */

void works_tsc_offsetting(const struct works *row)
{
    const uint64_t step = 1ull << 40, little = 1ull << 36;
    uint64_t offset = lab_read(TSC_OFFSET), before, after;

    lab_set(row->control);
    before = tsc();
    lab_write(TSC_OFFSET, offset + step);
    after = tsc();
    lab_write(TSC_OFFSET, offset);
    EXPECT_GE(after - before, step);
    EXPECT_LT(after - before, step + little);
}

void works_tsc_scaling(const struct works *row)
{
    const uint64_t one = 1ull << 48;
    uint64_t offset = lab_read(TSC_OFFSET), before, after, end;

    before = tsc() - offset;
    lab_write(TSC_MULTIPLIER, 2 * one);
    lab_set(row->control);
    after = tsc() - offset;
    lab_clear(row->control);
    end = tsc() - offset;
    EXPECT_GE(after, 2 * before);
    EXPECT_LE(after, 2 * end);
}

void works_pause_loop(const struct works *row)
{
    enum { GAP = 500, WINDOW = 20000, PAUSES = 20000 };

    LAB_WRITE({PLE_GAP, GAP}, {PLE_WINDOW, WINDOW});
    lab_clear(PROC_PAUSE);
    lab_set(row->control);
    OBSERVE(for (unsigned i = 0; i < PAUSES; i++) __builtin_ia32_pause());
    EXPECT_EXIT(EXIT_PAUSE);
}

/* ---- Instructions ----------------------------------------------------------------------------------------------- */

void works_io_bitmaps(const struct works *row)
{
    lab_trap_port(WORKS_PORT, true);
    lab_set(row->control);
    OBSERVE(insn_in8(WORKS_PORT));
    EXPECT_EXIT(EXIT_IO);
    lab_trap_port(WORKS_PORT, false);
    OBSERVE(insn_in8(WORKS_PORT));
    EXPECT_NO_EXIT();
}

void works_msr_bitmaps(const struct works *row)
{
    lab_set(row->control);
    lab_trap_rdmsr(WORKS_MSR, true);
    OBSERVE(insn_rdmsr(WORKS_MSR));
    EXPECT_EXIT(EXIT_RDMSR);
    lab_trap_rdmsr(WORKS_MSR, false);
    OBSERVE(insn_rdmsr(WORKS_MSR));
    EXPECT_NO_EXIT();
}

MODE_CODE(add_16, 16, "mov $2, %ax\n\tadd $2, %ax")

void works_unrestricted(const struct works *row)
{
    struct mode_registers registers = {.eax = 0};

    (void)row;
    OBSERVE(mode_run(MODE_REAL, &add_16, &registers));
    EXPECT_NO_EXIT();
    EXPECT_EQ(registers.eax, 4);
}

/* A function that is not enabled exits; without the control, any is #UD. */
void works_vmfunc(const struct works *row)
{
    struct code_registers registers = {.rax = 1};

    code_put((const uint8_t *)"\x0f\x01\xd4", 3);
    lab_set(row->control);
    OBSERVE(code_run(&registers));
    EXPECT_EXIT(EXIT_VMFUNC);
    lab_clear(row->control);
    OBSERVE(code_run(&registers));
    EXPECT_FAULT(EXCEPTION_UD, 0);
}

/* A field that is written can be read again, both without an exit. */
void works_shadowing(const struct works *row)
{
    const uint64_t field = GUEST_ES_BASE, value = 0x123456789abc;
    uint64_t got = 0;

    LAB_WRITE({VMREAD_BITMAP, (uint64_t)page_scratch(BITMAP_PAGE)},
              {VMWRITE_BITMAP, (uint64_t)page_scratch(BITMAP_PAGE)});
    lab_set(row->control);
    OBSERVE(__asm__ volatile("vmwrite %2, %1; vmread %1, %0" : "=r"(got) : "r"(field), "r"(value) : "cc"));
    EXPECT_NO_EXIT();
    EXPECT_EQ(got, value);
}

/* XSAVES of no component. Nestor's guests have no XSAVE: CR4.OSXSAVE is set for this. */
void works_xsaves(const struct works *row)
{
    static const uint8_t code[] = {0x31, 0xc0, 0x31, 0xd2, 0x48, 0x0f, 0xc7, 0x2b};
    struct code_registers registers = {.rbx = (uint64_t)page_scratch(0)};
    uint64_t cr4 = lab_read(GUEST_CR4);

    lab_write(CR4_MASK, lab_read(CR4_MASK) & ~(uint64_t)CR4_OSXSAVE);
    insn_write_cr4(insn_read_cr4() | CR4_OSXSAVE);
    code_put(code, sizeof code);
    lab_set(row->control);
    OBSERVE(code_run(&registers));
    EXPECT_NO_EXIT();
    lab_clear(row->control);
    OBSERVE(code_run(&registers));
    EXPECT_FAULT(EXCEPTION_UD, 0);
    lab_write(GUEST_CR4, cr4);
}

/* ---- The virtual APIC ------------------------------------------------------------------------------------------- */

static uint32_t *virtual_apic(void)
{
    uint32_t *page = page_scratch(VIRTUAL_APIC_PAGE);

    LAB_WRITE({TPR_THRESHOLD, 0}, {VIRTUAL_APIC_ADDRESS, (uint64_t)page});
    lab_set(PROC_TPR_SHADOW);
    return page;
}

void works_tpr_shadow(const struct works *row)
{
    const uint32_t *page = virtual_apic();
    uint64_t got = 0;

    (void)row;
    lab_clear(PROC_CR8_LOAD);
    lab_clear(PROC_CR8_STORE);
    OBSERVE(insn_write_cr8(5); got = insn_read_cr8());
    EXPECT_NO_EXIT();
    EXPECT_EQ(got, 5);
    EXPECT_EQ(page[TPR / 4], 0x50);
}

static volatile uint32_t *access_page(void)
{
    uint64_t page = (uint64_t)page_scratch(APIC_ACCESS_PAGE);

    lab_write(APIC_ACCESS_ADDRESS, page);
    lab_nested_write(page, 1, lab_nested_read(page, 1)); /* a 4-KiB page of its own in the EPT */
    return (volatile uint32_t *)page;
}

void works_apic_accesses(const struct works *row)
{
    volatile uint32_t *page = access_page();
    struct exit_record e;

    lab_set(row->control);
    e = OBSERVE(page[TPR / 4]);
    EXPECT_EXIT(EXIT_APIC_ACCESS);
    EXPECT_EQ(e.qualification, TPR);
}

void works_apic_register(const struct works *row)
{
    uint32_t *virtual_page = virtual_apic(), got = 0;
    volatile uint32_t *page = access_page();

    virtual_page[VERSION / 4] = 0x12345;
    lab_set(PROC2_VIRTUALIZE_APIC_ACCESSES);
    lab_set(row->control);
    OBSERVE(got = page[VERSION / 4]);
    EXPECT_NO_EXIT();
    EXPECT_EQ(got, 0x12345);
}

void works_x2apic(const struct works *row)
{
    enum { X2APIC_TPR = 0x808 };
    uint32_t *page = virtual_apic();
    uint64_t got = 0;

    page[TPR / 4] = 0x40;
    lab_trap_rdmsr(X2APIC_TPR, false);
    lab_set(row->control);
    OBSERVE(got = insn_rdmsr(X2APIC_TPR));
    EXPECT_NO_EXIT();
    EXPECT_EQ((uint32_t)got, 0x40);
}

void works_virtual_interrupt(const struct works *row)
{
    enum { VECTOR = 0x60, VIRR = 0x200 };
    uint32_t *page = virtual_apic();

    taken = 0;
    trap_set_handler(VECTOR, take);
    page[(VIRR + VECTOR / 32 * 16) / 4] = 1u << VECTOR % 32;
    lab_set(row->control);
    lab_write(GUEST_INTERRUPT_STATUS, VECTOR);
    OBSERVE(cpu_interrupts_on(); __asm__ volatile("nop"));
    cpu_interrupts_off();
    EXPECT_NO_EXIT();
    EXPECT_EQ(taken, 1);
}
