/* The I/O permissions map of SVM, one bit a port, and what an IOIO exit tells. */
#include <string.h>

#include "guests/lib/lab/lab.h"

#define MANUAL "I/O Instruction Intercepts: I/O Permissions Map"

enum form { DX, IMMEDIATE, STRING, REPEATED, FORMS };
enum policy { PASS, TRAP, TRAP_FIRST, TRAP_LAST };
enum axis { AXIS_PORT, AXIS_BYTES, AXIS_DIRECTION, AXIS_FORM, AXIS_POLICY };
enum { REPEATS = 2, PREFIX_16 = 1, LAST_WITH_MAP = 0x10002 };

static const uint16_t ports[] = {0, 1, 0x7ffc, 0x7ffd, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0x8002, 0x8003,
                                 0xfffc, 0xfffd, 0xfffe, 0xffff};

/* Registers of string instructions, before and after. */
static struct strings {
    uint64_t count, source, destination;
} strings;

#define STRING_IO(prefix, name)                                                                                       \
    __asm__ volatile(prefix name : "+c"(strings.count), "+S"(strings.source), "+D"(strings.destination) : "d"(port)   \
                     : "memory")

static void do_dx(uint16_t port, unsigned bytes, bool in)
{
    if (bytes == 1)
        in ? (void)insn_in8(port) : insn_out8(port, 0);
    else if (bytes == 2)
        in ? (void)insn_in16(port) : insn_out16(port, 0);
    else
        in ? (void)insn_in32(port) : insn_out32(port, 0);
}

#define IMMEDIATE_IO(text, number) __asm__ volatile(text : : "N"(number), "a"(0) : "memory")

static void do_immediate(uint16_t port, unsigned bytes, bool in)
{
    unsigned long ax;

    switch (port << 4 | bytes << 1 | in) {
    case 0x02: IMMEDIATE_IO("outb %%al, %0", 0); break;
    case 0x04: IMMEDIATE_IO("outw %%ax, %0", 0); break;
    case 0x08: IMMEDIATE_IO("outl %%eax, %0", 0); break;
    case 0x12: IMMEDIATE_IO("outb %%al, %0", 1); break;
    case 0x14: IMMEDIATE_IO("outw %%ax, %0", 1); break;
    case 0x18: IMMEDIATE_IO("outl %%eax, %0", 1); break;
    case 0x03: __asm__ volatile("inb $0, %%al" : "=a"(ax) : : "memory"); break;
    case 0x05: __asm__ volatile("inw $0, %%ax" : "=a"(ax) : : "memory"); break;
    case 0x09: __asm__ volatile("inl $0, %%eax" : "=a"(ax) : : "memory"); break;
    case 0x13: __asm__ volatile("inb $1, %%al" : "=a"(ax) : : "memory"); break;
    case 0x15: __asm__ volatile("inw $1, %%ax" : "=a"(ax) : : "memory"); break;
    case 0x19: __asm__ volatile("inl $1, %%eax" : "=a"(ax) : : "memory"); break;
    }
}

static void do_string(uint16_t port, unsigned bytes, bool in)
{
    switch (bytes << 1 | in) {
    case 2: STRING_IO("", "outsb"); break;
    case 3: STRING_IO("", "insb"); break;
    case 4: STRING_IO("", "outsw"); break;
    case 5: STRING_IO("", "insw"); break;
    case 8: STRING_IO("", "outsl"); break;
    case 9: STRING_IO("", "insl"); break;
    }
}

static void do_repeated(uint16_t port, unsigned bytes, bool in)
{
    switch (bytes << 1 | in) {
    case 2: STRING_IO("rep ", "outsb"); break;
    case 3: STRING_IO("rep ", "insb"); break;
    case 4: STRING_IO("rep ", "outsw"); break;
    case 5: STRING_IO("rep ", "insw"); break;
    case 8: STRING_IO("rep ", "outsl"); break;
    case 9: STRING_IO("rep ", "insl"); break;
    }
}

static void (*const forms[FORMS])(uint16_t port, unsigned bytes, bool in) = {do_dx, do_immediate, do_string, do_repeated};

static const struct feature_axis axes[] = {
    AXIS("0", "1", "7ffc", "7ffd", "7ffe", "7fff", "8000", "8001", "8002", "8003", "fffc", "fffd", "fffe", "ffff"),
    AXIS("1", "2", "4"),
    AXIS("in", "out"),
    AXIS("dx", "imm", "string", "rep"),
    AXIS("pass", "trap", "first", "last"),
    {0},
};

/* Immediate ports have 8 bits. */
static bool exists(const unsigned *at)
{
    if (at[AXIS_FORM] == IMMEDIATE && ports[at[AXIS_PORT]] > 0xff)
        return false;
    return at[AXIS_BYTES] > 0 || at[AXIS_POLICY] <= TRAP;
}

/* The opcode's byte, and one each for the operand size, the immediate, REP. */
static unsigned length(unsigned bytes, enum form form)
{
    return 1 + (bytes == 2 ? PREFIX_16 : 0) + (form == IMMEDIATE) + (form == REPEATED);
}

static void set_map(uint32_t port, unsigned bytes, enum policy policy)
{
    for (uint32_t p = port; p < port + bytes; p++) {
        bool traps = policy == TRAP || (policy == TRAP_FIRST && p == port) || (policy == TRAP_LAST && p == port + bytes - 1);

        lab_write(LAB_WHAT(LAB_PORT, p), traps);
    }
}

/* What did not happen left no trace; what did moved the pointers of a string. */
static void expect_strings(enum form form, unsigned bytes, bool in, bool done, const struct strings *before)
{
    unsigned n = !done || form < STRING ? 0 : form == REPEATED ? REPEATS : 1;
    const struct strings now = {lab_seen.gpr[GPR_RCX], lab_seen.gpr[GPR_RSI], lab_seen.gpr[GPR_RDI]};
    const struct strings *after = done ? &strings : &now;

    if (form < STRING)
        return;
    EXPECT_EQ(after->count, before->count - (form == REPEATED ? n : 0));
    EXPECT_EQ(after->source, before->source + (in ? 0 : n * bytes));
    EXPECT_EQ(after->destination, before->destination + (in ? n * bytes : 0));
}

FEATURE_GRID(io_permission, SVM, NEEDS(), MANUAL,
             "an access exits if the bit of any of its bytes is set, and is told with port, size, kind and the next RIP", axes,
             .exists = exists)
{
    uint16_t port = ports[at[AXIS_PORT]];
    unsigned bytes = 1u << at[AXIS_BYTES];
    bool in = at[AXIS_DIRECTION] == 0, traps = at[AXIS_POLICY] != PASS;
    enum form form = (enum form)at[AXIS_FORM];
    struct strings before;

    set_map(port, bytes, (enum policy)at[AXIS_POLICY]);
    memset(page_scratch(0), 0x5a, 64);
    strings = (struct strings){REPEATS, (uintptr_t)page_scratch(0) + 32, (uintptr_t)page_scratch(0)};
    before = strings;
    struct exit_record e = OBSERVE(forms[form](port, bytes, in));

    if (!traps) {
        EXPECT_NO_EXIT();
    } else if (EXPECT_EXIT(VMEXIT_IOIO)) {
        EXPECT_BITS(e.qualification, 0xffff007d, IOIO_INFO(port, bytes, in, form >= STRING, form == REPEATED));
        EXPECT_EQ(e.qualification2, e.rip + length(bytes, form));
        EXPECT_EQ(*(uint8_t *)page_scratch(0), 0x5a);
    }
    expect_strings(form, bytes, in, !traps, &before);
}

/* ---- What comes first ---- */

FEATURE_TEST(io_user_denied, SVM, NEEDS(), MANUAL, "the TSS is asked before the map: #GP, not an exit")
{
    lab_trap_port(0x5000, true);
    OBSERVE(IN_USER(insn_out8(0x5000, 0)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}

FEATURE_TEST(io_user_allowed, SVM, NEEDS(), MANUAL, "where the TSS allows the port in CPL 3, the map decides: exit")
{
    lab_trap_port(0x5000, true);
    tables_allow_port(0x5000, true);
    OBSERVE(IN_USER(insn_out8(0x5000, 0)));
    EXPECT_EXIT(VMEXIT_IOIO);
}

FEATURE_TEST(io_user_passes, SVM, NEEDS(), MANUAL, "where both allow the port in CPL 3, nothing exits")
{
    lab_trap_port(0x5000, false);
    tables_allow_port(0x5000, true);
    OBSERVE(IN_USER(insn_out8(0x5000, 0)));
    EXPECT_NO_EXIT();
}

static const struct feature_axis user_axes[] = {
    AXIS("dx", "imm", "string", "rep"),
    AXIS("1", "2", "4"),
    AXIS("in", "out"),
    AXIS("denied-trap", "allowed-trap", "denied-pass", "allowed-pass"),
    {0},
};

/* What the TSS denies is the last byte of the access. */
FEATURE_GRID(io_user_each, SVM, NEEDS(), MANUAL, "in CPL 3 the TSS comes first, by #GP, and then the map", user_axes)
{
    enum { PORT = 0 };
    const unsigned bytes = 1u << at[1];
    const bool in = at[2] == 0, allowed = at[3] % 2, traps = at[3] < 2;

    for (unsigned i = 0; i < bytes; i++)
        tables_allow_port((uint16_t)(PORT + i), allowed || i + 1 < bytes);
    set_map(PORT, bytes, traps ? TRAP : PASS);
    strings = (struct strings){REPEATS, (uintptr_t)page_scratch(0), (uintptr_t)page_scratch(1)};
    OBSERVE(IN_USER(forms[at[0]](PORT, bytes, in)));
    if (!allowed)
        EXPECT_FAULT(EXCEPTION_GP, 0);
    else if (traps)
        EXPECT_EXIT(VMEXIT_IOIO);
    else
        EXPECT_NO_EXIT();
}

static const struct hole {
    const char *label;
    bool in, traps;
} holes[] = {{"ins-trap", true, true}, {"ins-pass", true, false}, {"outs-trap", false, true}, {"outs-pass", false, false}};

FEATURE_TESTS(io_hole, SVM, NEEDS(), MANUAL, "the exit of INS and OUTS comes before the page fault of their memory operand", holes)
{
    void *hole = page_map(0, PAGE_FREE, 0);

    lab_trap_port(0x5000, row->traps);
    strings = (struct strings){1, (uintptr_t)hole, (uintptr_t)hole};
    OBSERVE(do_string(0x5000, 1, row->in));
    if (row->traps) {
        EXPECT_EXIT(VMEXIT_IOIO);
        EXPECT_EQ(lab_seen.exits, 1);
    } else {
        EXPECT_FAULT(EXCEPTION_PF, row->in ? PAGE_WRITE : 0);
    }
}

/* ---- What else EXITINFO1 tells ---- */

FEATURE_TEST(io_info_a64, SVM, NEEDS(), "IOIO Intercept Information (EXITINFO1)", "OUTS by RSI has address size A64")
{
    lab_trap_port(0x5000, true);
    strings = (struct strings){1, (uintptr_t)page_scratch(0), 0};
    struct exit_record e = OBSERVE(do_string(0x5000, 1, false));
    EXPECT_EXIT(VMEXIT_IOIO);
    EXPECT_BITS(e.qualification, IOIO_A16 | IOIO_A32 | IOIO_A64, IOIO_A64);
}

FEATURE_TEST(io_info_a32, SVM, NEEDS(), "IOIO Intercept Information (EXITINFO1)", "OUTS by ESI has address size A32")
{
    lab_trap_port(0x5000, true);
    struct exit_record e = OBSERVE(
        __asm__ volatile("addr32 outsb" : : "S"(page_scratch(0)), "d"(0x5000) : "memory"));
    EXPECT_EXIT(VMEXIT_IOIO);
    EXPECT_BITS(e.qualification, IOIO_A16 | IOIO_A32 | IOIO_A64, IOIO_A32);
    EXPECT_EQ(e.qualification2, e.rip + 2);
}

FEATURE_TEST(io_info_segment, SVM, NEEDS(SVM_DECODE_ASSISTS), "IOIO Intercept Information (EXITINFO1)",
             "OUTS with FS says so")
{
    lab_trap_port(0x5000, true);
    struct exit_record e = OBSERVE(
        __asm__ volatile("fs outsb" : : "S"(page_scratch(0)), "d"(0x5000) : "memory"));
    EXPECT_EXIT(VMEXIT_IOIO);
    EXPECT_BITS(e.qualification >> IOIO_SEGMENT_SHIFT, 7, 4);
}

/* ---- The lab's own border ---- */

static const struct border {
    const char *label;
    uint32_t port;
    bool may_pass;
} borders[] = {
    {"0", 0, true},        {"7", 7, true},        {"8", 8, false},             {"20", 0x20, false},     {"80", 0x80, true},
    {"cf8", 0xcf8, false}, {"4fff", 0x4fff, false}, {"5000", 0x5000, true}, {"50ff", 0x50ff, true}, {"5100", 0x5100, false},
    {"8010", 0x8010, true}, {"8011", 0x8011, false}, {"8a00", 0x8a00, false}, {"b004", 0xb004, false},
    {"fff0", 0xfff0, true}, {"10002", LAST_WITH_MAP, true}, {"10003", LAST_WITH_MAP + 1, false},
};

FEATURE_TESTS(io_border, SVM, NEEDS(), "none: the policy of Nestor's lab", "which ports a lab may have", borders)
{
    EXPECT_EQ(lab_try(LAB_WHAT(LAB_PORT, row->port), 0, NULL), row->may_pass);
}
