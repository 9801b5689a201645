/*
 * "VM-Exit Instruction-Information Field" and the exit qualification with every form of memory operand, and every register.
 * The exit comes before the operand is looked at, so an operand can be anything.
 */
#include "guests/lib/lab/lab.h"

#include <string.h>

#define SCALING(n)    ((uint32_t)(n))
#define ADDRESS(n)    ((uint32_t)(n) << 7)
#define SEGMENT(n)    ((uint32_t)(n) << 15)
#define INDEX(n)      ((uint32_t)(n) << 18)
#define NO_INDEX      (1u << 22)
#define BASE(n)       ((uint32_t)(n) << 23)
#define NO_BASE       (1u << 27)
#define MASK_SCALING  SCALING(3)
#define MASK_INDEX    INDEX(15)
#define MASK_BASE     BASE(15)
#define MASK_MEMORY   (ADDRESS(7) | 1u << 10 | SEGMENT(7) | NO_INDEX | NO_BASE)
#define MASK_INDEXED  (MASK_MEMORY | MASK_SCALING | MASK_INDEX)

enum { ADDRESS_32 = 1, ADDRESS_64 = 2, SS = 2, DS = 3, FS = 4, GS = 5, REX = 0x40, REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

struct form {
    const char *label;
    uint8_t prefix, rex, mod_rm, sib; /* reg of mod_rm is the instruction's */
    bool has_sib;
    unsigned displacement_bytes;
    int32_t displacement;
    uint32_t info, mask;
    bool rip;                         /* the qualification counts from the next instruction */
};

#define BASED(base, segment) ADDRESS(ADDRESS_64) | SEGMENT(segment) | NO_INDEX | BASE(base), MASK_MEMORY | \
    MASK_BASE, false
#define INDEXED(base, index, scale) ADDRESS(ADDRESS_64) | SEGMENT(DS) | BASE(base) | INDEX(index) | \
    SCALING(scale), MASK_INDEXED | MASK_BASE, false
#define FORMS(X)                                                                                                      \
    X("rax", 0, 0, 0x00, 0, false, 0, 0, BASED(0, DS))                                                                \
    X("rbx", 0, 0, 0x03, 0, false, 0, 0, BASED(3, DS))                                                                \
    X("rdi", 0, 0, 0x07, 0, false, 0, 0, BASED(7, DS))                                                                \
    X("r8", 0, REX_B, 0x00, 0, false, 0, 0, BASED(8, DS))                                                             \
    X("r12", 0, REX_B, 0x04, 0x24, true, 0, 0, BASED(12, DS))                                                         \
    X("r15", 0, REX_B, 0x07, 0, false, 0, 0, BASED(15, DS))                                                           \
    X("rsp", 0, 0, 0x04, 0x24, true, 0, 0, BASED(4, SS))                                                              \
    X("rbp-plus-0", 0, 0, 0x45, 0, false, 1, 0, BASED(5, SS))                                                         \
    X("r13-plus-0", 0, REX_B, 0x45, 0, false, 1, 0, BASED(13, DS))                                                    \
    X("rbx-plus-7f", 0, 0, 0x43, 0, false, 1, 0x7f, BASED(3, DS))                                                     \
    X("rbx-minus-80", 0, 0, 0x43, 0, false, 1, -0x80, BASED(3, DS))                                                   \
    X("rbx-plus-7fffffff", 0, 0, 0x83, 0, false, 4, 0x7fffffff, BASED(3, DS))                                         \
    X("rbx-minus-1234567", 0, 0, 0x83, 0, false, 4, -0x1234567, BASED(3, DS))                                         \
    X("fs-rbx", 0x64, 0, 0x03, 0, false, 0, 0, BASED(3, FS))                                                          \
    X("gs-rbx", 0x65, 0, 0x03, 0, false, 0, 0, BASED(3, GS))                                                          \
    X("fs-rsp", 0x64, 0, 0x04, 0x24, true, 0, 0, BASED(4, FS))                                                        \
    X("rbx-rcx-1", 0, 0, 0x04, 0x0b, true, 0, 0, INDEXED(3, 1, 0))                                                    \
    X("rbx-rcx-2", 0, 0, 0x04, 0x4b, true, 0, 0, INDEXED(3, 1, 1))                                                    \
    X("rbx-rcx-4", 0, 0, 0x04, 0x8b, true, 0, 0, INDEXED(3, 1, 2))                                                    \
    X("rbx-rcx-8", 0, 0, 0x04, 0xcb, true, 0, 0, INDEXED(3, 1, 3))                                                    \
    X("r11-r12-4-plus-10", 0, REX_B | REX_X, 0x44, 0xa3, true, 1, 0x10, INDEXED(11, 12, 2))                           \
    X("rdx-rbp-2-minus-10000", 0, 0, 0x84, 0x6a, true, 4, -0x10000, INDEXED(2, 5, 1))                                 \
    X("rsi-8-plus-12345", 0, 0, 0x04, 0xf5, true, 4, 0x12345,                                                         \
      ADDRESS(ADDRESS_64) | SEGMENT(DS) | NO_BASE | INDEX(6) | SCALING(3), MASK_INDEXED, false)                       \
    X("absolute", 0, 0, 0x04, 0x25, true, 4, 0x12345, ADDRESS(ADDRESS_64) | SEGMENT(DS) | NO_BASE | NO_INDEX,         \
      MASK_MEMORY, false)                                                                                             \
    X("absolute-minus", 0, 0, 0x04, 0x25, true, 4, -0x1000, ADDRESS(ADDRESS_64) | SEGMENT(DS) | NO_BASE | NO_INDEX,   \
      MASK_MEMORY, false)                                                                                             \
    X("rip", 0, 0, 0x05, 0, false, 4, 0x100, ADDRESS(ADDRESS_64) | SEGMENT(DS), ADDRESS(7) | SEGMENT(7), true)        \
    X("rip-minus", 0, 0, 0x05, 0, false, 4, -0x100, ADDRESS(ADDRESS_64) | SEGMENT(DS), ADDRESS(7) | SEGMENT(7),       \
      true)                                                                                                           \
    X("ebx", 0x67, 0, 0x03, 0, false, 0, 0, ADDRESS(ADDRESS_32) | SEGMENT(DS) | NO_INDEX | BASE(3),                   \
      MASK_MEMORY | MASK_BASE, false)                                                                                 \
    X("ebx-ecx-4", 0x67, 0, 0x04, 0x8b, true, 0, 0,                                                                   \
      ADDRESS(ADDRESS_32) | SEGMENT(DS) | BASE(3) | INDEX(1) | SCALING(2), MASK_INDEXED | MASK_BASE, false)

/* Instructions with ModRM behind `opcode`; field: reg of ModRM, which is a second register if has_reg2 says so. */
struct insn {
    const char *label;
    const char *prefix, *opcode;
    unsigned field;
    bool has_reg2;
    uint64_t reason;
    uint32_t which;         /* bits 29:28, if is_table */
    bool is_table;
    uint16_t needs[3];
    uint16_t control, enable;
};

#define TABLE(reason, which) \
    false, reason, (uint32_t)(which) << 28, true, {PROC2_DESCRIPTOR_TABLE}, PROC2_DESCRIPTOR_TABLE, 0
#define INSNS(X)                                                                                                      \
    X("sgdt", "", "\x0f\x01", 0, TABLE(EXIT_GDTR_IDTR, 0))                                                            \
    X("sidt", "", "\x0f\x01", 1, TABLE(EXIT_GDTR_IDTR, 1))                                                            \
    X("lgdt", "", "\x0f\x01", 2, TABLE(EXIT_GDTR_IDTR, 2))                                                            \
    X("lidt", "", "\x0f\x01", 3, TABLE(EXIT_GDTR_IDTR, 3))                                                            \
    X("sldt", "", "\x0f", 0, TABLE(EXIT_LDTR_TR, 0))                                                                  \
    X("str", "", "\x0f", 1, TABLE(EXIT_LDTR_TR, 1))                                                                   \
    X("lldt", "", "\x0f", 2, TABLE(EXIT_LDTR_TR, 2))                                                                  \
    X("ltr", "", "\x0f", 3, TABLE(EXIT_LDTR_TR, 3))                                                                   \
    X("invpcid", "\x66", "\x0f\x38\x82", 6, true, EXIT_INVPCID, 0, false, {PROC2_INVPCID}, PROC_INVLPG,               \
      PROC2_INVPCID)                                                                                                  \
    X("invept", "\x66", "\x0f\x38\x80", 5, true, EXIT_INVEPT, 0, false, {EPT_INVEPT}, 0, 0)                           \
    X("invvpid", "\x66", "\x0f\x38\x81", 7, true, EXIT_INVVPID, 0, false, {EPT_INVVPID}, 0, 0)                        \
    X("vmclear", "\x66", "\x0f\xc7", 6, false, EXIT_VMCLEAR, 0, false, {0}, 0, 0)                                     \
    X("vmptrld", "", "\x0f\xc7", 6, false, EXIT_VMPTRLD, 0, false, {0}, 0, 0)                                         \
    X("vmptrst", "", "\x0f\xc7", 7, false, EXIT_VMPTRST, 0, false, {0}, 0, 0)                                         \
    X("vmxon", "\xf3", "\x0f\xc7", 6, false, EXIT_VMXON, 0, false, {0}, 0, 0)                                         \
    X("vmread", "", "\x0f\x78", 2, true, EXIT_VMREAD, 0, false, {0}, 0, 0)                                            \
    X("vmwrite", "", "\x0f\x79", 1, true, EXIT_VMWRITE, 0, false, {0}, 0, 0)

/* SLDT to LTR are 0F 00 /n: a string can't hold that 0. */
static unsigned put_opcode(const struct insn *insn, uint8_t *code)
{
    unsigned n = (unsigned)strlen(insn->opcode);

    memcpy(code, insn->opcode, n);
    if (n == 1)
        code[n++] = 0;
    return n;
}

static unsigned encode(const struct insn *insn, const struct form *form, uint8_t *code)
{
    unsigned n = 0;

    if (form->prefix)
        code[n++] = form->prefix;
    if (insn->prefix[0])
        code[n++] = (uint8_t)insn->prefix[0];
    if (form->rex)
        code[n++] = (uint8_t)(REX | form->rex);
    n += put_opcode(insn, code + n);
    code[n++] = (uint8_t)(form->mod_rm | insn->field << 3);
    if (form->has_sib)
        code[n++] = form->sib;
    memcpy(code + n, &form->displacement, form->displacement_bytes);
    return n + form->displacement_bytes;
}

#define ROW(...) {__VA_ARGS__},
#define LABEL(label, ...) label,
static const struct form forms[] = {FORMS(ROW)};
static const struct insn insns[] = {INSNS(ROW)};

static void set_up(const struct insn *insn)
{
    if (insn->enable)
        lab_set(insn->enable);
    if (insn->control)
        lab_set(insn->control);
}

static const uint16_t *row_needs(const void *at) { return insns[*(const unsigned *)at].needs; }

static const struct feature_axis memory_axes[] = {
    {(const char *const[]){INSNS(LABEL)}, sizeof insns / sizeof *insns},
    {(const char *const[]){FORMS(LABEL)}, sizeof forms / sizeof *forms},
    {0},
};

FEATURE_GRID(insn_memory, VMX, NEEDS(), "VM-Exit Instruction-Information Field",
             "base, index, scaling, segment, address size and second register; the displacement is the qualification", memory_axes,
             .row_needs = row_needs)
{
    const struct insn *insn = &insns[at[0]];
    const struct form *form = &forms[at[1]];
    struct code_registers registers = {0};
    uint8_t code[16];
    unsigned length = encode(insn, form, code);
    uint64_t where = code_put(code, length);
    struct exit_record e;

    set_up(insn);
    e = OBSERVE(code_run(&registers));
    EXPECT_EXIT(insn->reason);
    EXPECT_EQ(e.rip, where);
    EXPECT_EQ(e.instruction_length, length);
    EXPECT_EQ(e.qualification, (uint64_t)(int64_t)form->displacement + (form->rip ? where + length : 0));
    EXPECT_BITS(e.instruction_info, form->mask, form->info);
    if (insn->is_table)
        EXPECT_BITS(e.instruction_info, 3u << 28, insn->which);
    if (insn->has_reg2)
        EXPECT_EQ(e.instruction_info >> 28, insn->field);
}

/* ---- Register operands --------------------------------------------------------------------------------------- */

#define REGISTERS "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"

static const struct {
    uint8_t opcode, field;
    uint64_t reason;
    uint16_t needs[2];
} by_register[] = {
    {0x00, 0, EXIT_LDTR_TR, {PROC2_DESCRIPTOR_TABLE}}, {0x00, 1, EXIT_LDTR_TR, {PROC2_DESCRIPTOR_TABLE}},
    {0x00, 2, EXIT_LDTR_TR, {PROC2_DESCRIPTOR_TABLE}}, {0x00, 3, EXIT_LDTR_TR, {PROC2_DESCRIPTOR_TABLE}},
    {0xc7, 6, EXIT_RDRAND, {PROC2_RDRAND}},            {0xc7, 7, EXIT_RDSEED, {PROC2_RDSEED}},
};

enum { SIZE_16, SIZE_32, SIZE_64 };
static const struct feature_axis register_axes[] = {
    AXIS("sldt", "str", "lldt", "ltr", "rdrand", "rdseed"),
    AXIS(REGISTERS),
    AXIS("16", "32", "64"),
    {0},
};

static const uint16_t *register_needs(const void *at) { return by_register[*(const unsigned *)at].needs; }

static struct exit_record run_register(const unsigned *at, uint64_t *where, unsigned *length)
{
    uint8_t rex = (uint8_t)((at[1] >= 8 ? REX | REX_B : 0) | (at[2] == SIZE_64 ? REX | REX_W : 0)), code[8];
    struct code_registers registers = {0};
    unsigned n = 0;

    if (at[2] == SIZE_16)
        code[n++] = 0x66;
    if (rex)
        code[n++] = rex;
    code[n++] = 0x0f;
    code[n++] = by_register[at[0]].opcode;
    code[n++] = (uint8_t)(0xc0 | by_register[at[0]].field << 3 | (at[1] & 7));
    *where = code_put(code, n);
    *length = n;
    lab_set(by_register[at[0]].needs[0]);
    return OBSERVE(code_run(&registers));
}

FEATURE_GRID(insn_register, VMX, NEEDS(), "VM-Exit Instruction-Information Field",
             "the number of the register operand; for RDRAND and RDSEED its size", register_axes, .row_needs = register_needs)
{
    bool is_random = by_register[at[0]].opcode == 0xc7;
    struct exit_record e;
    unsigned length;
    uint64_t where;

    e = run_register(at, &where, &length);
    EXPECT_EXIT(by_register[at[0]].reason);
    EXPECT_EQ(e.rip, where);
    EXPECT_EQ(e.instruction_length, length);
    EXPECT_EQ(e.instruction_info >> 3 & 15, at[1]);
    if (is_random)
        EXPECT_EQ(e.instruction_info >> 11 & 3, at[2]);
    else
        EXPECT_BITS(e.instruction_info, 3u << 28 | 1u << 10, (uint32_t)by_register[at[0]].field << 28 | 1u << 10);
}

static const struct feature_axis displacement_axes[] = {AXIS("sldt", "str", "lldt", "ltr", "rdrand", "rdseed"), {0}};

/* In one row: where this goes wrong, some old displacement shows now and then. */
FEATURE_GRID(insn_displacement, VMX, NEEDS(), "Exit Qualification",
             "an instruction without a displacement has the qualification 0", displacement_axes, .row_needs = register_needs)
{
    unsigned length;
    uint64_t where;

    for (unsigned place[3] = {at[0], 0, 0}; place[2] <= SIZE_64; place[2]++)
        for (place[1] = 0; place[1] < 16; place[1]++)
            if (!EXPECT_EQ(run_register(place, &where, &length).qualification, 0))
                return;
}
