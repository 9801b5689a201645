/*
 * "VM-Exit Instruction-Information Field" and the displacement for VMX instructions outside 64-bit mode, with 16- and
 * 32-bit addresses; and each register operand. insn_operand.c has the forms of 64-bit mode.
 */
#include "guests/tests/vmxop_rows.h"

#include <string.h>

#define SCALING(n)   ((uint32_t)(n))
#define ADDRESS(n)   ((uint32_t)(n) << 7)
#define MEMORY_BITS  (ADDRESS(7) | 1u << 10)
#define SEGMENT(n)   ((uint32_t)(n) << 15)
#define INDEX(n)     ((uint32_t)(n) << 18)
#define NO_INDEX     (1u << 22)
#define BASE(n)      ((uint32_t)(n) << 23)
#define NO_BASE      (1u << 27)
#define REGISTERS_OF(fields) MEMORY_BITS | SEGMENT(7) | NO_INDEX | NO_BASE | (fields)
#define ALONE        REGISTERS_OF(BASE(15)) /* a base and no index */
#define PAIR         REGISTERS_OF(BASE(15) | INDEX(15) | SCALING(3))
#define SCALED       REGISTERS_OF(INDEX(15) | SCALING(3))
#define NEITHER      REGISTERS_OF(0)
#define ONE_OF_BOTH                                                                                                    \
    MEMORY_BITS | SEGMENT(7) /* [SI] and [DI]: the manual does not say whether that is a base or an index */

enum { ES, CS, SS, DS, FS, GS, AX = 0, CX, DX, BX, SP, BP, SI, DI, ADDRESS_SIZE = 0x67 };

struct form {
    const char *label;
    unsigned bits; /* of the address */
    uint8_t segment, mod_rm;
    int sib;       /* -1: none */
    unsigned displacement_bytes;
    int32_t displacement;
    uint32_t info, mask;
};

#define FORMS_16(X)                                                                                                   \
    X("16-bx-si", 16, 0, 0x00, -1, 0, 0, SEGMENT(DS) | BASE(BX) | INDEX(SI), PAIR)                                    \
    X("16-bx-di", 16, 0, 0x01, -1, 0, 0, SEGMENT(DS) | BASE(BX) | INDEX(DI), PAIR)                                    \
    X("16-bp-si", 16, 0, 0x02, -1, 0, 0, SEGMENT(SS) | BASE(BP) | INDEX(SI), PAIR)                                    \
    X("16-bp-di-minus-2", 16, 0, 0x43, -1, 1, -2, SEGMENT(SS) | BASE(BP) | INDEX(DI), PAIR)                           \
    X("16-si", 16, 0, 0x04, -1, 0, 0, SEGMENT(DS), ONE_OF_BOTH)                                                       \
    X("16-di-plus-1234", 16, 0, 0x85, -1, 2, 0x1234, SEGMENT(DS), ONE_OF_BOTH)                                        \
    X("16-absolute", 16, 0, 0x06, -1, 2, 0x4321, SEGMENT(DS) | NO_BASE | NO_INDEX, NEITHER)                           \
    X("16-bp-plus-7f", 16, 0, 0x46, -1, 1, 0x7f, SEGMENT(SS) | BASE(BP) | NO_INDEX, ALONE)                            \
    X("16-bx-minus-8000", 16, 0, 0x87, -1, 2, -0x8000, SEGMENT(DS) | BASE(BX) | NO_INDEX, ALONE)                      \
    X("16-es-bx", 16, 0x26, 0x07, -1, 0, 0, SEGMENT(ES) | BASE(BX) | NO_INDEX, ALONE)                                 \
    X("16-cs-bx", 16, 0x2e, 0x07, -1, 0, 0, SEGMENT(CS) | BASE(BX) | NO_INDEX, ALONE)                                 \
    X("16-ds-bp", 16, 0x3e, 0x46, -1, 1, 0, SEGMENT(DS) | BASE(BP) | NO_INDEX, ALONE)                                 \
    X("16-fs-absolute", 16, 0x64, 0x06, -1, 2, 8, SEGMENT(FS) | NO_BASE | NO_INDEX, NEITHER)
#define FORMS_32(X)                                                                                                   \
    X("32-eax", 32, 0, 0x00, -1, 0, 0, SEGMENT(DS) | BASE(AX) | NO_INDEX, ALONE)                                      \
    X("32-edi", 32, 0, 0x07, -1, 0, 0, SEGMENT(DS) | BASE(DI) | NO_INDEX, ALONE)                                      \
    X("32-ebp-minus-80", 32, 0, 0x45, -1, 1, -0x80, SEGMENT(SS) | BASE(BP) | NO_INDEX, ALONE)                         \
    X("32-esp-plus-10", 32, 0, 0x44, 0x24, 1, 0x10, SEGMENT(SS) | BASE(SP) | NO_INDEX, ALONE)                         \
    X("32-ebx-plus-7fffffff", 32, 0, 0x83, -1, 4, 0x7fffffff, SEGMENT(DS) | BASE(BX) | NO_INDEX, ALONE)               \
    X("32-absolute", 32, 0, 0x05, -1, 4, 0x12345, SEGMENT(DS) | NO_BASE | NO_INDEX, NEITHER)                          \
    X("32-absolute-high", 32, 0, 0x05, -1, 4, -0x1000, SEGMENT(DS) | NO_BASE | NO_INDEX, NEITHER)                     \
    X("32-ebx-ecx-4", 32, 0, 0x04, 0x8b, 0, 0, SEGMENT(DS) | BASE(BX) | INDEX(CX) | SCALING(2), PAIR)                 \
    X("32-ebp-edx-2-plus-4", 32, 0, 0x44, 0x55, 1, 4, SEGMENT(SS) | BASE(BP) | INDEX(DX) | SCALING(1), PAIR)          \
    X("32-esi-8-plus-12345", 32, 0, 0x04, 0xf5, 4, 0x12345, SEGMENT(DS) | NO_BASE | INDEX(SI) | SCALING(3), SCALED)   \
    X("32-es-eax", 32, 0x26, 0x00, -1, 0, 0, SEGMENT(ES) | BASE(AX) | NO_INDEX, ALONE)                                \
    X("32-cs-eax", 32, 0x2e, 0x00, -1, 0, 0, SEGMENT(CS) | BASE(AX) | NO_INDEX, ALONE)                                \
    X("32-ss-eax", 32, 0x36, 0x00, -1, 0, 0, SEGMENT(SS) | BASE(AX) | NO_INDEX, ALONE)                                \
    X("32-gs-esp", 32, 0x65, 0x04, 0x24, 0, 0, SEGMENT(GS) | BASE(SP) | NO_INDEX, ALONE)

static const struct form forms[] = {FORMS_16(VMXOP_ROW) FORMS_32(VMXOP_ROW)};
static const struct feature_axis form_axes[] = {
    AXIS_VMXOPS_MEMORY,
    {(const char *const[]){FORMS_16(VMXOP_LABEL) FORMS_32(VMXOP_LABEL)}, sizeof forms / sizeof *forms},
    AXIS("code-16", "code-32"),
    {0},
};

static unsigned encode(const struct vmxop *op, const struct form *form, unsigned code_bits, uint8_t *code)
{
    unsigned n = 0;

    if (form->segment)
        code[n++] = form->segment;
    if (form->bits != code_bits)
        code[n++] = ADDRESS_SIZE;
    n += vmxop_encode(op, form->mod_rm, code + n);
    if (form->sib >= 0)
        code[n++] = (uint8_t)form->sib;
    memcpy(code + n, &form->displacement, form->displacement_bytes);
    return n + form->displacement_bytes;
}

FEATURE_GRID(vmxop_memory, VMX, NEEDS(), "VM-Exit Instruction-Information Field",
             "in protected mode: address size, segment, base, index, scaling, second register; the displacement",
             form_axes, .row_needs = vmxop_needs)
{
    const struct vmxop *op = &vmxops[at[0]];
    const struct form *form = &forms[at[1]];
    unsigned code_bits = at[2] ? 32 : 16, length;
    uint64_t address_bits = form->bits == 16 ? 0xffff : 0xffffffff;
    uint8_t bytes[16];
    struct exit_record e;
    struct mode_code code;

    length = encode(op, form, code_bits, bytes);
    code = (struct mode_code){(const char *)bytes, (const char *)bytes + length, code_bits};
    e = OBSERVE(mode_run(at[2] ? MODE_PROTECTED_32 : MODE_PROTECTED_16, &code, 0));
    EXPECT_EXIT(op->reason);
    EXPECT_EQ(e.instruction_length, length);
    EXPECT_BITS(e.instruction_info, form->mask, form->info | ADDRESS(form->bits == 32));
    EXPECT_BITS(e.qualification, address_bits, (uint64_t)(int64_t)form->displacement & address_bits);
    if (op->has_reg2)
        EXPECT_EQ(e.instruction_info >> 28, op->field);
}

/* ---- Registers -------------------------------------------------------------------------------------------------- */

#define REGISTERS                                                                                                      \
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
enum { REGISTER_COUNT = 16, REX = 0x40, REX_R = 4, REX_B = 1, MOD_REGISTER = 0xc0 };

/* An instruction with both operands of these numbers, the first a register or memory at [register]; its length in
 * *length. */
static struct exit_record run_registers(const struct vmxop *op, unsigned first, bool memory, unsigned second,
                                        unsigned *length)
{
    struct code_registers registers = {0};
    uint8_t code[16];
    unsigned n = 0;

    if (op->prefix[0])
        code[n++] = (uint8_t)op->prefix[0];
    code[n++] = (uint8_t)(REX | (second >= 8 ? REX_R : 0) | (first >= 8 ? REX_B : 0));
    memcpy(code + n, op->opcode, strlen(op->opcode));
    n += (unsigned)strlen(op->opcode);
    code[n++] = (uint8_t)((memory ? 0 : MOD_REGISTER) | (second & 7) << 3 | (first & 7));
    code_put(code, n);
    *length = n;
    return OBSERVE(code_run(&registers));
}

static bool has_register(const unsigned *at) { return vmxops[at[0]].has_register; }

static const struct feature_axis register_axes[] = {AXIS_VMXOPS_MEMORY, AXIS(REGISTERS), {0}};

FEATURE_GRID(vmxop_register, VMX, NEEDS(), "VM-Exit Instruction-Information Field",
             "VMREAD and VMWRITE with a register operand: its number, and that of each second register", register_axes,
             .exists = has_register)
{
    const struct vmxop *op = &vmxops[at[0]];

    for (unsigned second = 0; second < REGISTER_COUNT; second++) {
        unsigned length;
        struct exit_record e = run_registers(op, at[1], false, second, &length);

        if (!EXPECT_EXIT(op->reason) || !EXPECT_EQ(e.instruction_length, length) ||
            !EXPECT_BITS(e.instruction_info, 1u << 10, 1u << 10) || !EXPECT_EQ(e.instruction_info >> 3 & 15, at[1]) ||
            !EXPECT_EQ(e.instruction_info >> 28, second))
            return;
    }
}

static bool has_reg2(const unsigned *at) { return vmxops[at[0]].has_reg2; }

FEATURE_GRID(vmxop_second, VMX, NEEDS(), "VM-Exit Instruction-Information Field",
             "with a memory operand: the number of the second register", register_axes, .exists = has_reg2,
             .row_needs = vmxop_needs)
{
    const struct vmxop *op = &vmxops[at[0]];
    unsigned length;
    struct exit_record e = run_registers(op, GPR_RBX, true, at[1], &length);

    EXPECT_EXIT(op->reason);
    EXPECT_EQ(e.instruction_length, length);
    EXPECT_BITS(e.instruction_info, 1u << 10, 0);
    EXPECT_EQ(e.instruction_info >> 28, at[1]);
}

static const struct feature_axis none_axes[] = {AXIS("vmlaunch", "vmresume", "vmxoff", "vmcall"), {0}};

FEATURE_GRID(vmxop_none, VMX, NEEDS(), "Exit Qualification", "instructions without operands have the qualification 0",
             none_axes)
{
    static const uint8_t last[] = {0xc2, 0xc3, 0xc4, 0xc1};
    struct code_registers registers = {.rbx = (uint64_t)page_scratch(0)};
    uint8_t code[] = {0x48, 0x8b, 0x93, 0x78, 0x05, 0, 0, 0x0f, 0x01, last[at[0]]};
    struct exit_record e;

    code_put(code, sizeof code);
    e = OBSERVE(code_run(&registers));
    EXPECT_EQ(e.instruction_length, 3);
    EXPECT_EQ(e.qualification, 0);
}
