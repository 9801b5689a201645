/*
 * The instructions introduced with VMX, run by a guest: in which modes they exit and in which they are #UD, whatever
 * CR4.VMXE says, and that the exit comes before anything is done. "VMX Instruction Reference"; insn.c, insn_stage.c and
 * insn_operand.c have what they have in common with other instructions: prefixes, CPL 3, page faults, forms of operands
 * in 64-bit mode.
 */
#include "guests/tests/vmxop_rows.h"

#include <string.h>

enum { RBX_MEMORY = 0x03, CR4_VMXE = 1 << 13 };

/* ---- Modes ------------------------------------------------------------------------------------------------------ */

static const struct feature_axis mode_axes[] = {
    AXIS_VMXOPS,
    AXIS("compatibility-32", "compatibility-16", "protected-32", "protected-16", "real", "v86"), /* enum mode */
    {0},
};

FEATURE_GRID(vmxop_mode, VMX, NEEDS(), "VMX Instruction Reference",
             "exits in protected mode; in real, virtual-8086 and compatibility mode #UD, but VMCALL and VMFUNC exit",
             mode_axes, .row_needs = vmxop_needs)
{
    const struct vmxop *op = &vmxops[at[0]];
    bool is_protected = at[1] == MODE_PROTECTED_32 || at[1] == MODE_PROTECTED_16;
    struct mode_registers registers = {.eax = VMFUNC_DISABLED, .ebx = MODE_STACK};
    uint8_t bytes[16];
    unsigned length = vmxop_encode(op, RBX_MEMORY, bytes);
    const struct mode_code code = {(const char *)bytes, (const char *)bytes + length, at[1] & 1 ? 16 : 32};
    struct exit_record e;

    vmxop_enable(op);
    e = OBSERVE(mode_run(at[1], &code, &registers));
    if (!is_protected && !op->any_mode) {
        EXPECT_FAULT(EXCEPTION_UD, 0);
        EXPECT_EQ(lab_fault.rip, MODE_ADDRESS);
        return;
    }
    EXPECT_EXIT(op->reason);
    EXPECT_EQ(e.rip, MODE_ADDRESS);
    EXPECT_EQ(e.instruction_length, length);
}

/* ---- CR4.VMXE --------------------------------------------------------------------------------------------------- */

static const struct feature_axis vmxe_axes[] = {AXIS_VMXOPS, AXIS("vmxe-0", "vmxe-1"), {0}};

FEATURE_GRID(vmxop_vmxe, VMX, NEEDS(), "VMX Instruction Reference",
             "exits whatever CR4.VMXE the guest reads: the bit is 1 in CR4 itself as long as VMX is in operation",
             vmxe_axes, .row_needs = vmxop_needs)
{
    const struct vmxop *op = &vmxops[at[0]];
    struct code_registers registers = {.rax = VMFUNC_DISABLED, .rbx = (uint64_t)page_scratch(0)};
    uint64_t shadow = insn_read_cr4() & ~(uint64_t)CR4_VMXE, where;
    unsigned length;
    uint8_t code[16];

    length = vmxop_encode(op, RBX_MEMORY, code);
    where = code_put(code, length);
    vmxop_enable(op);
    LAB_WRITE({CR4_MASK, lab_read(CR4_MASK) | CR4_VMXE}, {CR4_READ_SHADOW, at[1] ? shadow | CR4_VMXE : shadow});
    EXPECT_BITS(insn_read_cr4(), CR4_VMXE, at[1] ? CR4_VMXE : 0);
    OBSERVE(code_run(&registers));
    EXPECT_EXIT(op->reason);
    EXPECT_EQ(lab_seen.exit[0].rip, where);
    EXPECT_EQ(lab_seen.exit[0].instruction_length, length);
    EXPECT_BITS(lab_read(GUEST_CR4), CR4_VMXE, CR4_VMXE);
}

/* ---- What is not this instruction ------------------------------------------------------------------------------- */

static const struct encoding {
    const char *label, *code;
    unsigned length;
    bool enable_vmfunc;
    uint16_t needs[2];
} encodings[] = {
    {"invept-register", "\x66\x0f\x38\x80\xcb", 5, false, {EPT_INVEPT}},
    {"invvpid-register", "\x66\x0f\x38\x81\xcb", 5, false, {EPT_INVVPID}},
    {"invept-without-66", "\x0f\x38\x80\x0b", 4, false, {EPT_INVEPT}},
    {"invvpid-without-66", "\x0f\x38\x81\x0b", 4, false, {EPT_INVVPID}},
    {"vmptrst-66", "\x66\x0f\xc7\x3b", 4, false, {0}},
    {"vmptrst-f2", "\xf2\x0f\xc7\x3b", 4, false, {0}},
    {"vmptrst-f3", "\xf3\x0f\xc7\x3b", 4, false, {0}},
    {"vmptrld-f2", "\xf2\x0f\xc7\x33", 4, false, {0}},
    {"vmread-66", "\x66\x0f\x78\x0b", 4, false, {0}},
    {"vmread-f2", "\xf2\x0f\x78\x0b", 4, false, {0}},
    {"vmread-f3", "\xf3\x0f\x78\x0b", 4, false, {0}},
    {"vmwrite-66", "\x66\x0f\x79\x0b", 4, false, {0}},
    {"vmwrite-f2", "\xf2\x0f\x79\x0b", 4, false, {0}},
    {"vmwrite-f3", "\xf3\x0f\x79\x0b", 4, false, {0}},
    {"vmfunc-66", "\x66\x0f\x01\xd4", 4, true, {PROC2_VMFUNC}},
    {"vmfunc-f2", "\xf2\x0f\x01\xd4", 4, true, {PROC2_VMFUNC}},
    {"vmfunc-f3", "\xf3\x0f\x01\xd4", 4, true, {PROC2_VMFUNC}},
};

static const uint16_t *encoding_needs(const void *row) { return ((const struct encoding *)row)->needs; }

FEATURE_TESTS(vmxop_undefined, VMX, NEEDS(), "VMX Instruction Reference",
              "an encoding beside that of a VMX instruction is #UD, and does not exit", encodings,
              .row_needs = encoding_needs)
{
    struct code_registers registers = {.rax = VMFUNC_DISABLED, .rbx = (uint64_t)page_scratch(0)};
    uint64_t where = code_put((const uint8_t *)row->code, row->length);

    if (row->enable_vmfunc)
        lab_set(PROC2_VMFUNC);
    OBSERVE(code_run(&registers));
    EXPECT_FAULT(EXCEPTION_UD, 0);
    EXPECT_EQ(lab_fault.rip, where);
}

/* ---- The state that the exit saves ------------------------------------------------------------------------------ */

static const struct feature_axis flag_axes[] = {AXIS_VMXOPS, AXIS("flags-0", "flags-1"), {0}};

/* CF, PF, AF, ZF, SF, OF: as the instructions use for their results. */
FEATURE_GRID(vmxop_flags, VMX, NEEDS(), "VMX Instruction Reference",
             "the exit comes before the instruction's result in the flags", flag_axes, .row_needs = vmxop_needs)
{
    enum { FLAGS = 0x8d5, FIXED = 2 };
    const struct vmxop *op = &vmxops[at[0]];
    struct code_registers registers = {
        .rax = VMFUNC_DISABLED, .rbx = (uint64_t)page_scratch(0), .rcx = at[1] ? FIXED | FLAGS : FIXED};
    uint8_t code[16] = {0x51, 0x9d}; /* PUSH RCX; POPF */
    unsigned length = vmxop_encode(op, RBX_MEMORY, code + 2);

    code_put(code, 2 + length);
    vmxop_enable(op);
    OBSERVE(code_run(&registers));
    EXPECT_EXIT(op->reason);
    EXPECT_BITS(lab_read(GUEST_RFLAGS), FLAGS, at[1] ? FLAGS : 0);
}

static const struct feature_axis blocking_axes[] = {AXIS_VMXOPS, AXIS("sti", "mov-ss"), {0}};

FEATURE_GRID(vmxop_blocking, VMX, NEEDS(), "Saving Non-Register State",
             "behind STI and MOV SS, the exit saves the blocking that is still there", blocking_axes,
             .row_needs = vmxop_needs)
{
    static const uint8_t mov_ss[] = {0x8e, 0xd1, 0x90}, sti[] = {0xfb};
    const struct vmxop *op = &vmxops[at[0]];
    struct code_registers registers = {.rax = VMFUNC_DISABLED, .rbx = (uint64_t)page_scratch(0), .rcx = SELECTOR_DATA};
    uint8_t code[16];
    unsigned before = at[1] ? 2 : 1;

    memcpy(code, at[1] ? mov_ss : sti, before);
    code_put(code, before + vmxop_encode(op, RBX_MEMORY, code + before));
    vmxop_enable(op);
    lab_may_change(GUEST_INTERRUPTIBILITY);
    OBSERVE(code_run(&registers));
    EXPECT_EXIT(op->reason);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), at[1] ? BLOCKING_MOV_SS : BLOCKING_STI);
}

/* ---- The operand is not looked at ------------------------------------------------------------------------------- */

static const struct feature_axis address_axes[] = {
    AXIS_VMXOPS_MEMORY, AXIS("not-canonical", "not-canonical-stack", "wraps", "misaligned-ac"), {0},
};

FEATURE_GRID(vmxop_address, VMX, NEEDS(), "Relative Priority of Faults and VM Exits",
             "the exit comes before #GP, #SS and #AC for the operand's address", address_axes, .row_needs = vmxop_needs)
{
    enum { NOT_CANONICAL, NOT_CANONICAL_STACK, WRAPS, MISALIGNED, MOV_RBP_RBX_BYTES = 3 };
    static const uint64_t not_canonical = 0x8000000000000000;
    const struct vmxop *op = &vmxops[at[0]];
    struct code_registers registers = {
        .rbx = at[1] == WRAPS ? ~0ull - 2 : at[1] == MISALIGNED ? (uint64_t)page_scratch(0) + 3 : not_canonical,
        .rcx = 1u << 18 | 2, /* RFLAGS.AC */
    };
    uint8_t code[16] = {0x48, 0x89, 0xdd}; /* MOV RBP, RBX */
    unsigned n = 0;
    uint64_t where;

    if (at[1] == NOT_CANONICAL_STACK) {
        n = MOV_RBP_RBX_BYTES + vmxop_encode(op, 0x45, code + MOV_RBP_RBX_BYTES);
        code[n++] = 0; /* [RBP + 0] */
    } else if (at[1] == MISALIGNED) {
        code[0] = 0x51, code[1] = 0x9d; /* PUSH RCX; POPF */
        n = 2 + vmxop_encode(op, RBX_MEMORY, code + 2);
        insn_write_cr0(insn_read_cr0() | 1u << 18);
    } else {
        n = vmxop_encode(op, RBX_MEMORY, code);
    }
    where = code_put(code, n);
    lab_may_change(GUEST_RFLAGS);
    if (at[1] == MISALIGNED)
        OBSERVE(IN_USER(code_run(&registers)));
    else
        OBSERVE(code_run(&registers));
    EXPECT_EXIT(op->reason);
    EXPECT_GE(lab_seen.exit[0].rip, where);
}

/* ---- VMFUNC ----------------------------------------------------------------------------------------------------- */

static const struct function {
    const char *label;
    uint64_t rax;
    bool undefined;
} functions[] = {
    {"0", 0, false},
    {"1", 1, false},
    {"2", 2, false},
    {"31", 31, false},
    {"32", 32, false},
    {"63", 63, false},
    {"1-high", 0xffffffff00000001, false},
    {"64", 64, true},
    {"65", 65, true},
    {"127", 127, true},
    {"256", 256, true},
    {"80000000", 0x80000000, true},
    {"ffffffff", 0xffffffff, true},
};
static const struct feature_axis function_axes[] = {
    AXIS("0", "1", "2", "31", "32", "63", "1-high", "64", "65", "127", "256", "80000000", "ffffffff"),
    AXIS("kernel", "user"),
    {0},
};

FEATURE_GRID(vmxop_vmfunc, VMX, NEEDS(PROC2_VMFUNC), "General Operation of the VMFUNC Instruction",
             "a function that the VM-function controls do not enable exits; EAX above 63 is #UD, in any CPL",
             function_axes)
{
    static const uint8_t code[] = {0x0f, 0x01, 0xd4};
    const struct function *function = &functions[at[0]];
    struct code_registers registers = {.rax = function->rax};
    uint64_t where = code_put(code, sizeof code);

    lab_set(PROC2_VMFUNC);
    lab_write(VM_FUNCTION_CONTROLS, 0);
    if (at[1])
        OBSERVE(IN_USER(code_run(&registers)));
    else
        OBSERVE(code_run(&registers));
    if (function->undefined) {
        EXPECT_FAULT(EXCEPTION_UD, 0);
        EXPECT_EQ(lab_fault.rip, where);
        return;
    }
    EXPECT_EXIT(EXIT_VMFUNC);
    EXPECT_EQ(lab_seen.exit[0].rip, where);
    EXPECT_EQ(lab_seen.exit[0].instruction_length, sizeof code);
    EXPECT_EQ(lab_seen.gpr[GPR_RAX], function->rax);
}
