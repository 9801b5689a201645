/*
 * Activity states as states of a guest: what ends each, and that the exit tells the state. In shutdown, interrupts of
 * the host's don't exit, so this takes the probe, and each entry has something that ends it. Nothing but a SIPI from
 * another CPU ends wait-for-SIPI: no row enters that.
 */
#include "guests/lib/lab/lab.h"

#define MANUAL "Guest Non-Register State"

enum { ACTIVE, HALTED, SHUT_DOWN };
#define STATES AXIS("active", "hlt", "shutdown")

static const uint16_t *state_needs(const void *at)
{
    static const uint16_t needs[][2] = {{0}, {MISC_ACTIVITY_HLT}, {MISC_ACTIVITY_SHUTDOWN}};

    return needs[*(const unsigned *)at];
}

/* CPUID, which a guest that is active gets to. */
static struct entry_block begin(unsigned state)
{
    struct entry_block block = probe_guest_begin((const uint8_t *)"\x0f\xa2", 2);

    block.write(block.context, GUEST_ACTIVITY, state);
    return block;
}

/* Enters. No instruction is done before the exit, and the state is as it was. */
static void expect_exit(unsigned state, uint64_t reason)
{
    struct probe_result result = probe_guest_enter();

    EXPECT(result.exited);
    EXPECT_EQ(result.reason, reason);
    EXPECT_EQ(probe_guest_field(GUEST_RIP), PROBE_GUEST_CODE);
    EXPECT_EQ(probe_guest_field(GUEST_ACTIVITY), state);
}

static const struct feature_axis state_axes[] = {STATES, {0}};
enum { TICKS = 2000 };

static void set_timer(struct entry_block *block, uint64_t ticks)
{
    probe_guest_control(block, PIN_PREEMPTION_TIMER);
    block->write(block->context, PREEMPTION_TIMER_VALUE, ticks);
}

FEATURE_GRID(probe_activity_timer, VMX, NEEDS(PIN_PREEMPTION_TIMER), "VMX-Preemption Timer",
             "the timer counts in the HLT and shutdown states, and its exit saves them", state_axes,
             .row_needs = state_needs)
{
    struct entry_block block = begin(at[0]);

    set_timer(&block, TICKS);
    expect_exit(at[0], at[0] == ACTIVE ? EXIT_CPUID : EXIT_PREEMPTION_TIMER);
}

FEATURE_GRID(probe_activity_timer_0, VMX, NEEDS(PIN_PREEMPTION_TIMER), "VMX-Preemption Timer",
             "a timer that is 0 at the entry exits at once in each state", state_axes, .row_needs = state_needs)
{
    struct entry_block block = begin(at[0]);

    set_timer(&block, 0);
    expect_exit(at[0], EXIT_PREEMPTION_TIMER);
}

FEATURE_GRID(probe_activity_nmi_window, VMX, NEEDS(PIN_VIRTUAL_NMIS, PROC_NMI_WINDOW, PIN_PREEMPTION_TIMER),
             "NMI-Window Exiting", "the NMI window ends the HLT and shutdown states", state_axes,
             .row_needs = state_needs)
{
    struct entry_block block = begin(at[0]);

    set_timer(&block, 100 * TICKS); /* so that something ends it */
    probe_guest_control(&block, PIN_VIRTUAL_NMIS);
    probe_guest_control(&block, PROC_NMI_WINDOW);
    expect_exit(at[0], EXIT_NMI_WINDOW);
}

FEATURE_GRID(probe_activity_interrupt_window, VMX, NEEDS(PROC_INTERRUPT_WINDOW, PIN_PREEMPTION_TIMER),
             "Interrupt-Window Exiting and Virtual-Interrupt Delivery",
             "the interrupt window ends the HLT state, and not shutdown", state_axes, .row_needs = state_needs)
{
    enum { INTERRUPTS_ON = 0x200 };
    struct entry_block block = begin(at[0]);

    set_timer(&block, TICKS);
    probe_guest_control(&block, PROC_INTERRUPT_WINDOW);
    probe_guest_set(&block, GUEST_RFLAGS, INTERRUPTS_ON);
    expect_exit(at[0], at[0] == SHUT_DOWN ? EXIT_PREEMPTION_TIMER : EXIT_INTERRUPT_WINDOW);
}

FEATURE_GRID(probe_activity_tpr, VMX, NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES, PIN_PREEMPTION_TIMER),
             "VM Exits Induced by the TPR Threshold",
             "a TPR below the threshold exits after an entry to the active and HLT states, and not to shutdown",
             state_axes, .row_needs = state_needs)
{
    struct entry_block block = begin(at[0]);
    uint64_t page = 0;

    block.read(block.context, STATE_SCRATCH_PAGE, &page);
    block.write(block.context, VIRTUAL_APIC_ADDRESS, page);
    block.write(block.context, APIC_ACCESS_ADDRESS, page);
    block.write(block.context, TPR_THRESHOLD, 1);
    set_timer(&block, TICKS);
    probe_guest_control(&block, PROC_TPR_SHADOW);
    probe_guest_control(&block, PROC2_VIRTUALIZE_APIC_ACCESSES);
    expect_exit(at[0], at[0] == SHUT_DOWN ? EXIT_PREEMPTION_TIMER : EXIT_TPR_BELOW_THRESHOLD);
}

/* ---- Launch state ---- */

static const struct launch {
    const char *label;
    bool launched, resume;
    uint64_t error;
} launches[] = {
    {"vmlaunch-clear", false, false, 0},
    {"vmlaunch-launched", true, false, VMLAUNCH_NOT_CLEAR},
    {"vmresume-clear", false, true, VMRESUME_NOT_LAUNCHED},
    {"vmresume-launched", true, true, 0},
};

FEATURE_TESTS(probe_launch, VMX, NEEDS(), "VM Instruction Error Numbers",
              "VMLAUNCH wants a launch state that is clear, VMRESUME one that is launched", launches)
{
    struct entry_block block = begin(ACTIVE);
    struct probe_result result;

    block.write(block.context, STATE_LAUNCHED, row->launched);
    block.write(block.context, STATE_INSTRUCTION, row->resume);
    result = probe_guest_enter();
    EXPECT_EQ(result.exited, row->error == 0);
    if (row->error)
        EXPECT_EQ(result.error, row->error);
    else
        EXPECT_EQ(result.reason, EXIT_CPUID);
}
