/*
 * VMX as a guest of Nestor sees it, which has none: CPUID, the MSRs, CR4.VMXE and the instructions are as on a CPU
 * without VMX. And the bits of CR4 that VMX operation fixes, where the guest owns them.
 */
#include "guests/tests/vmxop_rows.h"

#define CHANGES "Changes to Instruction Behavior in VMX Non-Root Operation"

enum { CR4_VMXE = 1 << 13, CR4_SMXE = 1 << 14 };
enum { FEATURE_CONTROL = 0x3a, BASIC = 0x480, CR4_FIXED0 = 0x488, CR4_FIXED1 = 0x489 };

/* ---- What tells of VMX ------------------------------------------------------------------------------------------ */

FEATURE_TEST(guest_cpuid, VMX, NEEDS(), "CPUID - CPU Identification",
             "CPUID tells of no VMX and no SMX, though the CPU has VMX")
{
    enum { VMX = 1 << 5, SMX = 1 << 6 };

    EXPECT_BITS(cpu_id(1, 0).ecx, VMX | SMX, 0);
    EXPECT_BITS(feature_capability(CAP_CPUID | 2ull << 32 | 1), VMX, VMX);
}

static const struct feature_axis msr_axes[] = {
    AXIS("3a", "480", "481", "482", "483", "484", "485", "486", "487", "488", "489", "48a", "48b", "48c", "48d", "48e",
         "48f", "490", "491", "492", "493"),
    AXIS("read", "write"),
    {0},
};

/* FEATURE_CONTROL, then the capability MSRs in order. */
static uint32_t msr_at(unsigned place) { return place == 0 ? FEATURE_CONTROL : BASIC + place - 1; }

static void access_msr(const unsigned *at)
{
    if (at[1])
        insn_wrmsr(msr_at(at[0]), 0);
    else
        insn_rdmsr(msr_at(at[0]));
}

FEATURE_GRID(guest_msr, VMX, NEEDS(), "VMX Capability Reporting Facility",
             "a CPU without VMX has no such MSR: #GP(0)", msr_axes)
{
    struct fault fault = CATCH(access_msr(at));

    EXPECT_EQ(fault.vector, EXCEPTION_GP);
    EXPECT_EQ(fault.error, 0);
}

FEATURE_GRID(guest_msr_exits, VMX, NEEDS(PROC_MSR_BITMAPS), "Instructions That Cause VM Exits Conditionally",
             "RDMSR and WRMSR of it exit, whether the CPU has it or not", msr_axes)
{
    OBSERVE(access_msr(at));
    EXPECT_EXIT(at[1] ? EXIT_WRMSR : EXIT_RDMSR);
    EXPECT_EQ((uint32_t)lab_seen.gpr[GPR_RCX], msr_at(at[0]));
}

/* ---- CR4 -------------------------------------------------------------------------------------------------------- */

FEATURE_TEST(guest_vmxe_reads, VMX, NEEDS(), "Guest/Host Masks and Read Shadows for CR0 and CR4",
             "CR4.VMXE reads as 0, though it is 1 in VMX operation")
{
    EXPECT_BITS(insn_read_cr4(), CR4_VMXE | CR4_SMXE, 0);
    EXPECT_BITS(lab_read(GUEST_CR4), CR4_VMXE, CR4_VMXE);
}

FEATURE_TEST(guest_vmxe_write, VMX, NEEDS(), "Control Registers", "setting CR4.VMXE is #GP(0), and changes nothing")
{
    uint64_t cr4 = insn_read_cr4();
    struct fault fault = CATCH(insn_write_cr4(cr4 | CR4_VMXE));

    EXPECT_EQ(fault.vector, EXCEPTION_GP);
    EXPECT_EQ(fault.error, 0);
    EXPECT_EQ(insn_read_cr4(), cr4);
}

FEATURE_TEST(guest_vmxe_exits, VMX, NEEDS(), "Instructions That Cause VM Exits Conditionally", "setting CR4.VMXE exits")
{
    uint64_t cr4 = insn_read_cr4();
    struct exit_record e = OBSERVE(insn_write_cr4(cr4 | CR4_VMXE));

    EXPECT_EXIT(EXIT_CR_ACCESS);
    EXPECT_BITS(e.qualification, 0x3f, CR_QUALIFICATION(4, CR_ACCESS_TO, 0));
}

static const struct feature_axis fixed_axes[] = {
    AXIS("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
         "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31"),
    {0},
};

FEATURE_GRID(guest_cr4_fixed, VMX, NEEDS(), CHANGES,
             "a bit of CR4 that VMX operation fixes can't be changed where the guest owns it: #GP(0), and no exit",
             fixed_axes)
{
    uint64_t bit = 1ull << at[0], real = lab_read(GUEST_CR4), seen;

    if (feature_capability(CR4_FIXED1) & ~feature_capability(CR4_FIXED0) & bit)
        SKIP("this bit is not fixed");
    lab_write(CR4_MASK, lab_read(CR4_MASK) & ~bit);
    seen = insn_read_cr4();
    EXPECT_BITS(seen, bit, real & bit);
    OBSERVE(insn_write_cr4(seen ^ bit));
    EXPECT_FAULT(EXCEPTION_GP, 0);
    EXPECT_EQ(insn_read_cr4(), seen);
    EXPECT_EQ(lab_read(GUEST_CR4), real);
}

/* ---- Instructions ----------------------------------------------------------------------------------------------- */

static bool is_no_hypercall(const unsigned *at) { return vmxops[at[0]].reason != EXIT_VMCALL; }

static const struct feature_axis op_axes[] = {AXIS_VMXOPS, AXIS("kernel", "user"), {0}};

FEATURE_GRID(guest_op, VMX, NEEDS(), "VMX Instruction Reference",
             "outside VMX operation, the instruction is #UD, in any CPL", op_axes, .exists = is_no_hypercall,
             .row_needs = vmxop_needs)
{
    enum { RBX_MEMORY = 0x03 };
    struct code_registers registers = {.rbx = (uint64_t)page_scratch(0)};
    uint8_t code[16];
    uint64_t where = code_put(code, vmxop_encode(&vmxops[at[0]], RBX_MEMORY, code));
    struct fault fault;

    if (at[1])
        fault = CATCH(IN_USER(code_run(&registers)));
    else
        fault = CATCH(code_run(&registers));
    EXPECT_EQ(fault.vector, EXCEPTION_UD);
    EXPECT_EQ(fault.rip, where);
}
