/* I/O bitmaps: every form of access to the ports where the bitmaps begin and end. */
#include <string.h>

#include "guests/lib/lab/io.h"
#include "guests/lib/lab/lab.h"

#define CONDITIONALLY "Instructions That Cause VM Exits Conditionally"

enum { FILL = 0x5a, GUARD = 16, RAX_PATTERN = 0x55667788 };

static const uint16_t ports[] = {0,      1,      0x7ffc, 0x7ffd, 0x7ffe, 0x7fff, 0x8000,
                                 0x8001, 0x8002, 0x8003, 0xfffc, 0xfffd, 0xfffe, 0xffff};
#define PORTS                                                                                                         \
    AXIS("0", "1", "7ffc", "7ffd", "7ffe", "7fff", "8000", "8001", "8002", "8003", "fffc", "fffd", "fffe", "ffff")
#define BYTES AXIS("1", "2", "4")
#define DIRECTION AXIS("in", "out")
#define FORM AXIS("imm", "dx", "string", "rep")

/* The place on the first four axes of all grids here. */
enum { AT_PORT, AT_BYTES, AT_DIRECTION, AT_FORM, AT_BITS };

static struct io_access access_of(const uint16_t *axis, const unsigned *at)
{
    return (struct io_access){.port = axis[at[AT_PORT]],
                              .bytes = 1u << at[AT_BYTES],
                              .in = at[AT_DIRECTION] == 0,
                              .form = (enum io_form)at[AT_FORM],
                              .memory = (uint8_t *)page_scratch(0) + GUARD};
}

/* "accesses ports FFFFH and 0000H" */
static bool wraps(const struct io_access *io) { return io->port + io->bytes > 0x10000; }

enum bits { BITS_PASS, BITS_TRAP, BITS_PART }; /* of the ports of the access: all clear, all set, the last set */

/* The neighbours' bits are the other way round than the ones that count. */
static void set_bitmap(const struct io_access *io, enum bits bits)
{
    struct lab_pair pairs[6];
    size_t n = 0;

    for (unsigned i = 0; i < io->bytes; i++)
        pairs[n++] = (struct lab_pair){LAB_WHAT(LAB_PORT, (uint16_t)(io->port + i)),
                                       bits == BITS_TRAP || (bits == BITS_PART && i == io->bytes - 1)};
    pairs[n++] = (struct lab_pair){LAB_WHAT(LAB_PORT, (uint16_t)(io->port - 1)), bits == BITS_PASS};
    pairs[n++] = (struct lab_pair){LAB_WHAT(LAB_PORT, (uint16_t)(io->port + io->bytes)), bits == BITS_PASS};
    lab_write_pairs(pairs, n);
}

/* "Exit Qualification for I/O Instructions", "VM-Exit Instruction-Information Field as Used for INS and OUTS" */
static void expect_exit(const struct io_access *io, const struct exit_record *e, const struct code_registers *before,
                        uint64_t at, unsigned length)
{
    enum { ADDRESS_64 = 2 << 7, ADDRESS_SIZE = 7 << 7, SEGMENT_DS = 3 << 15, SEGMENT = 7 << 15 };

    EXPECT_EXIT(EXIT_IO);
    EXPECT_EQ(e->qualification, IO_QUALIFICATION(io->port, io->bytes, io->in, io_is_string(io), io->form == IO_REP,
                                                 io->form == IO_IMMEDIATE));
    EXPECT_EQ(e->instruction_length, length);
    EXPECT_EQ(e->rip, at);
    EXPECT_EQ(e->interruption_info, 0);
    EXPECT_EQ(e->vectoring_info, 0);
    EXPECT_EQ(lab_seen.gpr[GPR_RAX], before->rax);
    EXPECT_EQ(lab_seen.gpr[GPR_RCX], before->rcx);
    EXPECT_EQ(lab_seen.gpr[GPR_RDX], before->rdx);
    EXPECT_EQ(lab_seen.gpr[GPR_RSI], before->rsi);
    EXPECT_EQ(lab_seen.gpr[GPR_RDI], before->rdi);
    if (!io_is_string(io))
        return;
    EXPECT_EQ(e->linear, io->memory);
    if (!feature_has(BASIC_INS_OUTS_INFORMATION))
        return;
    EXPECT_BITS(e->instruction_info, ADDRESS_SIZE, ADDRESS_64);
    if (!io->in)
        EXPECT_BITS(e->instruction_info, SEGMENT, SEGMENT_DS);
}

/* The instruction has been executed: what it is to change is changed, and nothing else. */
static void expect_done(const struct io_access *io, const struct code_registers *before,
                        const struct code_registers *after)
{
    unsigned repeats = io->form == IO_REP ? IO_REPEATS : 1, moved = io_is_string(io) ? repeats * io->bytes : 0;

    EXPECT_NO_EXIT();
    if (io->in && !io_is_string(io))
        EXPECT_EQ(after->rax >> 8 * io->bytes, io->bytes < 4 ? before->rax >> 8 * io->bytes : 0);
    else
        EXPECT_EQ(after->rax, before->rax);
    EXPECT_EQ(after->rcx, io->form == IO_REP ? 0 : before->rcx);
    EXPECT_EQ(after->rdx, before->rdx);
    EXPECT_EQ(after->rsi, before->rsi + (io->in ? 0 : moved));
    EXPECT_EQ(after->rdi, before->rdi + (io->in ? moved : 0));
}

/* Memory that no INS has written, around `written` bytes. */
static void expect_memory(const struct io_access *io, unsigned written)
{
    const uint8_t *page = page_scratch(0);

    for (unsigned i = 0; i < GUARD + IO_REPEATS * 4 + GUARD; i++)
        if ((i < GUARD || i >= GUARD + written) && page[i] != (io->in ? FILL : 0)) {
            FAIL("byte %d of the memory operand is 0x%x", (int)i - GUARD, page[i]);
            return;
        }
}

/* OUT writes zeros: where ports pass, those are real. */
static void try_access(const struct io_access *io, bool exits)
{
    const struct code_registers before = IO_REGISTERS(io, io->in ? RAX_PATTERN : 0);
    struct code_registers after = before;
    struct exit_record e;
    uint64_t at;
    unsigned length = io_put(io, &at), repeats = io->form == IO_REP ? IO_REPEATS : 1;

    if (io->in)
        memset(page_scratch(0), FILL, GUARD + IO_REPEATS * 4 + GUARD);
    e = OBSERVE(code_run(&after));
    if (exits)
        expect_exit(io, &e, &before, at, length);
    else
        expect_done(io, &before, &after);
    expect_memory(io, io->in && io_is_string(io) && !exits ? repeats * io->bytes : 0);
}

static const struct feature_axis bitmap_axes[] = {PORTS, BYTES, DIRECTION, FORM, AXIS("pass", "trap", "part"), {0}};

static bool bitmap_exists(const unsigned *at)
{
    return (at[AT_FORM] != IO_IMMEDIATE || ports[at[AT_PORT]] <= 0xff) &&
           (at[AT_BITS] != BITS_PART || at[AT_BYTES] > 0);
}

FEATURE_GRID(io_bitmap, VMX, NEEDS(PROC_IO_BITMAPS, NOT(PROC_UNCONDITIONAL_IO)), CONDITIONALLY,
             "with I/O bitmaps, an access exits if the bit of one of its ports is set, or if it wraps around",
             bitmap_axes,
             .exists = bitmap_exists)
{
    const struct io_access io = access_of(ports, at);

    set_bitmap(&io, (enum bits)at[AT_BITS]);
    lab_set(PROC_IO_BITMAPS);
    lab_clear(PROC_UNCONDITIONAL_IO);
    try_access(&io, at[AT_BITS] != BITS_PASS || wraps(&io));
}

static const uint16_t few_ports[] = {0, 0x5001, 0x7fff, 0xffff};
enum { ALONE = 2 };
static const struct feature_axis unconditional_axes[] = {
    AXIS("0", "5001", "7fff", "ffff"), BYTES, DIRECTION, FORM, AXIS("bitmap-pass", "bitmap-trap", "alone"), {0}};

static bool unconditional_exists(const unsigned *at)
{
    return at[AT_FORM] != IO_IMMEDIATE || few_ports[at[AT_PORT]] <= 0xff;
}

FEATURE_GRID(io_unconditional, VMX, NEEDS(PROC_UNCONDITIONAL_IO, PROC_IO_BITMAPS), CONDITIONALLY,
             "unconditional I/O exiting makes every access exit, and counts for nothing where I/O bitmaps are used",
             unconditional_axes, .exists = unconditional_exists)
{
    const struct io_access io = access_of(few_ports, at);

    set_bitmap(&io, at[AT_BITS] == BITS_TRAP ? BITS_TRAP : BITS_PASS);
    lab_set(PROC_UNCONDITIONAL_IO);
    lab_set_to(PROC_IO_BITMAPS, at[AT_BITS] != ALONE);
    try_access(&io, at[AT_BITS] != BITS_PASS || wraps(&io));
}

static const uint16_t edges[] = {0x7ffc, 0x7ffd, 0x7ffe, 0x7fff, 0x8000, 0xfffc};
static const struct feature_axis byte_axes[] = {
    AXIS("7ffc", "7ffd", "7ffe", "7fff", "8000", "fffc"), AXIS("0", "1", "2", "3"), {0}};

FEATURE_GRID(io_byte, VMX, NEEDS(PROC_IO_BITMAPS), CONDITIONALLY,
             "an IN of 4 bytes exits if only the bit of one of its ports is set",
             byte_axes)
{
    const struct io_access io = {.port = edges[at[0]], .bytes = 4, .in = true, .form = IO_DX,
                                 .memory = page_scratch(0)};

    set_bitmap(&io, BITS_PASS);
    lab_trap_port((uint16_t)(io.port + at[1]), true);
    lab_set(PROC_IO_BITMAPS);
    try_access(&io, true);
}
