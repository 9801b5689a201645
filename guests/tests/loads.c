/*
 * State that entries load and exits save by controls of their own: debug controls, and what newer processors have.
 * pat_efer.c has the rest.
 */
#include "guests/lib/lab/lab.h"

enum { DR7_RESET = 0x400, DR7_L1 = 1 << 2, DR7_G1 = 1 << 3 }; /* DR1 is 0: there is no code */

static const struct feature_axis debug_axes[] = {AXIS("entry-off", "entry-on"), AXIS("exit-off", "exit-on"), {0}};

static const uint16_t *debug_needs(const void *row)
{
    static uint16_t needs[3];
    const unsigned *at = row;

    needs[0] = at[0] ? ENTRYC_LOAD_DEBUG : NOT(ENTRYC_LOAD_DEBUG);
    needs[1] = at[1] ? EXITC_SAVE_DEBUG : NOT(EXITC_SAVE_DEBUG);
    return needs;
}

/* The hypercall that writes the field is an exit, too, and DR7 is 400H behind each. */
FEATURE_GRID(loads_debug, VMX, NEEDS(), "Loading Guest Control Registers, Debug Registers, and MSRs",
             "an entry loads DR7 if its control says so, an exit saves it if its control says so", debug_axes,
             .row_needs = debug_needs)
{
    const uint64_t field = DR7_RESET | DR7_L1, written = DR7_RESET | DR7_G1;
    uint64_t loaded = 0;

    lab_reset_debug_registers();
    lab_may_change(GUEST_DR7);
    lab_set_to(ENTRYC_LOAD_DEBUG, at[0]);
    lab_set_to(EXITC_SAVE_DEBUG, at[1]);
    OBSERVE(lab_write(GUEST_DR7, field); loaded = insn_read_dr7(); insn_write_dr7(written); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(loaded, at[0] ? field : DR7_RESET);
    EXPECT_EQ(lab_read(GUEST_DR7), at[1] ? written : field);
}

static uint64_t read_msr(uint32_t msr)
{
    uint64_t value = 0;

    if (msr == 0)
        return 0;
    lab_trap_rdmsr(msr, false);
    if (CATCH(value = insn_rdmsr(msr)).vector != NO_FAULT)
        SKIP("needs MSR %x", (unsigned)msr);
    return value;
}

/* Each exit clears the register, so a control that is 0 leaves an 0 in it, or in the field. */
FEATURE_GRID(loads_debugctl, VMX, NEEDS(), "Loading Guest Control Registers, Debug Registers, and MSRs",
             "an entry loads IA32_DEBUGCTL if its control says so, an exit saves it if its control says so", debug_axes,
             .row_needs = debug_needs)
{
    enum { DEBUGCTL = 0x1d9, BTF = 1 << 1 };
    uint64_t loaded = read_msr(DEBUGCTL);

    lab_may_change(GUEST_IA32_DEBUGCTL);
    lab_set_to(ENTRYC_LOAD_DEBUG, at[0]);
    lab_set_to(EXITC_SAVE_DEBUG, at[1]);
    OBSERVE(lab_write(GUEST_IA32_DEBUGCTL, BTF); loaded = read_msr(DEBUGCTL); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(loaded, at[0] ? BTF : 0);
    EXPECT_EQ(lab_read(GUEST_IA32_DEBUGCTL), at[0] || !at[1] ? BTF : 0);
}

/* Registers that an exit gives back to the host. What a processor can load it saves at each exit, but for the last. */
static const struct load {
    const char *label;
    uint16_t entry, exit;
    uint32_t field, msr; /* msr: 0 if the register is no MSR */
    uint64_t value;      /* harmless, and not the host's */
    bool saved;
} loads[] = {
    {"bndcfgs", ENTRYC_LOAD_BNDCFGS, EXITC_CLEAR_BNDCFGS, GUEST_IA32_BNDCFGS, 0xd90, 0x7003, true},
    {"pkrs", ENTRYC_LOAD_PKRS, EXITC_LOAD_PKRS, GUEST_IA32_PKRS, 0x6e1, 0x55555554, true},
    {"s-cet", ENTRYC_LOAD_CET, EXITC_LOAD_CET, GUEST_S_CET, 0x6a2, 1 << 1, true},
    {"ssp", ENTRYC_LOAD_CET, EXITC_LOAD_CET, GUEST_SSP, 0, 0x7008, true},
    {"ssp-table", ENTRYC_LOAD_CET, EXITC_LOAD_CET, GUEST_INTERRUPT_SSP_TABLE_ADDRESS, 0x6a8, 0x7000, true},
    {"perf-global-ctrl", ENTRYC_LOAD_PERF_GLOBAL_CTRL, EXITC_LOAD_PERF_GLOBAL_CTRL, GUEST_IA32_PERF_GLOBAL_CTRL, 0x38f,
     1 << 1, false},
};

static const struct feature_axis load_axes[] = {
    AXIS("bndcfgs", "pkrs", "s-cet", "ssp", "ssp-table", "perf-global-ctrl"), AXIS("off", "on"), {0}};

static const uint16_t *load_needs(const void *row)
{
    static uint16_t needs[3];
    const unsigned *at = row;

    needs[0] = loads[at[0]].entry;
    needs[1] = loads[at[0]].exit;
    return needs;
}

FEATURE_GRID(loads_state, VMX, NEEDS(), "Loading Guest Control Registers, Debug Registers, and MSRs",
             "an entry loads the register if its control says so; an exit saves it, and gives the host its own",
             load_axes, .row_needs = load_needs)
{
    const struct load *load = &loads[at[0]];
    bool on = at[1] == 1;
    uint64_t host = read_msr(load->msr), value = host ^ load->value, loaded = 0;

    lab_may_change(load->field);
    lab_set(load->exit);
    lab_set_to(load->entry, on);
    OBSERVE(lab_write(load->field, value); loaded = read_msr(load->msr); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    if (load->msr)
        EXPECT_EQ(loaded, on ? value : host);
    if (load->saved)
        EXPECT_EQ(lab_read(load->field), on ? value : host);
    lab_clear(load->entry);
    EXPECT_EQ(read_msr(load->msr), host);
}
