/* I/O instructions: the operand as the exit tells it, and which of fault and exit comes first. */
#include "guests/lib/lab/io.h"
#include "guests/lib/lab/lab.h"

#define INFORMATION "VM-Exit Instruction-Information Field as Used for INS and OUTS"
#define PRIORITY "Relative Priority of Faults and VM Exits"

enum { PORT = 0x5000 };

static struct exit_record observe(const struct io_access *io, struct code_registers registers)
{
    uint64_t at;

    io_put(io, &at);
    return OBSERVE(code_run(&registers));
}

static void trap(uint16_t port, unsigned bytes, bool exits)
{
    for (unsigned i = 0; i < bytes; i++)
        lab_trap_port((uint16_t)(port + i), exits);
    lab_set(PROC_IO_BITMAPS);
}

/* "Segment register" and "Address size"; of INS the segment is undefined. */
static const struct operand {
    const char *label;
    bool in;
    uint8_t prefix;
    unsigned segment, size; /* numbers as in the instruction information */
} operands[] = {
    {"outs-ds-64", false, 0, 3, 2},    {"outs-fs-64", false, 0x64, 4, 2}, {"outs-gs-64", false, 0x65, 5, 2},
    {"outs-ds-32", false, 0x67, 3, 1}, {"ins-64", true, 0, 0, 2},         {"ins-32", true, 0x67, 0, 1},
};

FEATURE_TESTS(io_operand, VMX, NEEDS(BASIC_INS_OUTS_INFORMATION, PROC_IO_BITMAPS), INFORMATION,
              "an exit by INS or OUTS tells the segment, the address size and the linear address of the operand",
              operands)
{
    enum { SIZE_SHIFT = 7, SIZE = 7, SEGMENT_SHIFT = 15, SEGMENT = 7, FS = 4, GS = 5 };
    const uint64_t above = row->size == 1 ? 0xabcd00000000 : 0, fs = 0x1000, gs = 0x2000;
    uint64_t memory = (uint64_t)page_scratch(0);
    struct io_access io = {.port = PORT, .bytes = 1, .in = row->in, .form = IO_STRING, .prefix = row->prefix,
                           .memory = (void *)(memory | above)};
    struct exit_record e;

    LAB_WRITE({GUEST_FS_BASE, fs}, {GUEST_GS_BASE, gs});
    trap(PORT, 1, true);
    e = observe(&io, (struct code_registers)IO_REGISTERS(&io, 0));
    EXPECT_EXIT(EXIT_IO);
    EXPECT_EQ(e.instruction_info >> SIZE_SHIFT & SIZE, row->size);
    if (!row->in)
        EXPECT_EQ(e.instruction_info >> SEGMENT_SHIFT & SEGMENT, row->segment);
    EXPECT_EQ(e.linear, memory + (row->segment == FS ? fs : row->segment == GS ? gs : 0));
}

/* CPL 3: the I/O permission bits of the TSS come first. The denied port is the last of four. */
enum { ALLOWED, DENIED, IOPL_3 };
static const struct feature_axis user_axes[] = {
    AXIS("allowed", "denied", "iopl-3"), AXIS("in", "out"), AXIS("dx", "string", "rep"), AXIS("pass", "trap"), {0}};

FEATURE_GRID(io_user, VMX, NEEDS(PROC_IO_BITMAPS, NOT(PROC_UNCONDITIONAL_IO)), PRIORITY,
             "in CPL 3, #GP by the permission bits of the TSS comes before the exit", user_axes)
{
    enum { BYTES = 4, RFLAGS_IOPL_3 = 3 << 12 };
    const struct io_access io = {.port = PORT, .bytes = BYTES, .in = at[1] == 0, .form = (enum io_form)(IO_DX + at[2]),
                                 .memory = page_scratch(0)};
    struct code_registers registers = IO_REGISTERS(&io, 0);
    uint64_t where;

    io_put(&io, &where);
    trap(PORT, BYTES, at[3] == 1);
    lab_clear(PROC_UNCONDITIONAL_IO);
    for (unsigned i = 0; i < BYTES && at[0] != IOPL_3; i++)
        tables_allow_port((uint16_t)(PORT + i), at[0] == ALLOWED || i < BYTES - 1);
    if (at[0] == IOPL_3)
        __asm__ volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" : : "i"(RFLAGS_IOPL_3) : "memory", "cc");
    lab_may_change(GUEST_RFLAGS);
    OBSERVE(IN_USER(code_run(&registers)));
    if (at[0] == DENIED)
        EXPECT_FAULT(EXCEPTION_GP, 0);
    else if (at[3] == 1)
        EXPECT_EXIT(EXIT_IO);
    else
        EXPECT_NO_EXIT();
}

/* The memory operand's faults come after the exit: they are none of those that have priority. */
static const struct feature_axis fault_axes[] = {
    AXIS("ins", "outs"), AXIS("string", "rep"), AXIS("page", "canonical"), AXIS("pass", "trap"), {0}};

FEATURE_GRID(io_fault, VMX, NEEDS(PROC_IO_BITMAPS, NOT(PROC_UNCONDITIONAL_IO)), PRIORITY,
             "the exit by INS or OUTS comes before the faults of its memory operand", fault_axes)
{
    enum { WRITE = 1 << 1 };
    const uint64_t not_canonical = 0x8000000000000000;
    bool ins = at[0] == 0, page = at[2] == 0;
    const struct io_access io = {.port = PORT, .bytes = 1, .in = ins, .form = (enum io_form)(IO_STRING + at[1]),
                                 .memory = page ? page_map(0, 0, 0) : (void *)not_canonical};
    struct exit_record e;

    trap(PORT, 1, at[3] == 1);
    lab_clear(PROC_UNCONDITIONAL_IO);
    e = observe(&io, (struct code_registers)IO_REGISTERS(&io, 0));
    if (at[3] == 1) {
        EXPECT_EXIT(EXIT_IO);
        EXPECT_EQ(e.qualification, IO_QUALIFICATION(PORT, 1, ins, true, at[1] == 1, false));
    } else if (page) {
        EXPECT_FAULT(EXCEPTION_PF, ins ? WRITE : 0);
        EXPECT_EQ(lab_fault.cr2, io.memory);
    } else {
        EXPECT_FAULT(EXCEPTION_GP, 0);
    }
}

/* ---- OUTS in other modes, where each segment counts and addresses are smaller -------------------------------- */

#define SEGMENTS(X, size)                                                                                             \
    X(es, size, ".byte 0x26, 0x6e") X(cs, size, ".byte 0x2e, 0x6e") X(ss, size, ".byte 0x36, 0x6e")                   \
    X(ds, size, ".byte 0x6e") X(fs, size, ".byte 0x64, 0x6e") X(gs, size, ".byte 0x65, 0x6e")
#define CODE(segment, size, text) MODE_CODE(outs_##segment##_##size, size, text)
SEGMENTS(CODE, 16)
SEGMENTS(CODE, 32)
#undef CODE

#define PLACE(segment, size, text) &outs_##segment##_##size,
static const struct mode_code *const outs[][6] = {{SEGMENTS(PLACE, 16)}, {SEGMENTS(PLACE, 32)}};
#undef PLACE

static const struct {
    enum mode mode;
    bool wide;
} modes[] = {{MODE_COMPATIBILITY_32, true}, {MODE_COMPATIBILITY_16, false}, {MODE_PROTECTED_32, true},
             {MODE_PROTECTED_16, false},    {MODE_REAL, false}};
static const struct feature_axis mode_axes[] = {
    AXIS("compatibility-32", "compatibility-16", "protected-32", "protected-16", "real"),
    AXIS("es", "cs", "ss", "ds", "fs", "gs"), AXIS("pass", "trap"), {0}};

FEATURE_GRID(io_mode, VMX, NEEDS(PROC_IO_BITMAPS, NOT(PROC_UNCONDITIONAL_IO), PROC2_UNRESTRICTED_GUEST), INFORMATION,
             "outside of 64-bit mode, the exit by OUTS tells any segment and the smaller address size", mode_axes)
{
    enum { OFFSET = 0x3000, SIZE_SHIFT = 7, SIZE = 7, SEGMENT_SHIFT = 15, SEGMENT = 7 };
    const struct mode_code *code = outs[modes[at[0]].wide][at[1]];
    bool trapped = at[2] == 1;
    struct mode_registers registers = {.edx = PORT, .esi = OFFSET};
    struct exit_record e;

    trap(PORT, 1, trapped);
    lab_clear(PROC_UNCONDITIONAL_IO);
    lab_may_change_all();
    e = OBSERVE(mode_run(modes[at[0]].mode, code, &registers));
    if (!trapped) {
        EXPECT_NO_EXIT();
        EXPECT_EQ(registers.esi, OFFSET + 1);
        return;
    }
    EXPECT_EXIT(EXIT_IO);
    EXPECT_EQ(e.qualification, IO_QUALIFICATION(PORT, 1, false, true, false, false));
    EXPECT_EQ(e.instruction_length, code->end - code->begin);
    EXPECT_EQ(e.linear, OFFSET);
    if (!feature_has(BASIC_INS_OUTS_INFORMATION))
        return;
    EXPECT_EQ(e.instruction_info >> SIZE_SHIFT & SIZE, modes[at[0]].wide ? 1 : 0);
    EXPECT_EQ(e.instruction_info >> SEGMENT_SHIFT & SEGMENT, at[1]);
}
