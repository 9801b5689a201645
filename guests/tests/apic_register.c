/* APIC-register virtualization: which registers of the APIC-access page are those of the virtual-APIC page. */
#include "guests/lib/lab/lab.h"
#include "guests/tests/apic.h"

#define READS "Virtualizing Reads from the APIC-Access Page"
#define WRITES "Virtualizing Writes to the APIC-Access Page"
#define NEEDS_APIC NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES, NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE))

enum { VALUE = 0x12345678, STRIDE = 16 };

/* Each of the 64 places where a register may be. */
#define DIGITS(high)                                                                                                   \
    #high "00", #high "10", #high "20", #high "30", #high "40", #high "50", #high "60", #high "70", #high "80",       \
        #high "90", #high "a0", #high "b0", #high "c0", #high "d0", #high "e0", #high "f0"
#define OFFSETS AXIS(DIGITS(0), DIGITS(1), DIGITS(2), DIGITS(3))

/* The controls that say which are virtualized. */
enum controls { TPR_ALONE, DELIVERY, REGISTERS };

static const uint16_t *controls_needs(const void *row)
{
    static const uint16_t needs[][2] = {
        {0}, {PROC2_VIRTUAL_INTERRUPT_DELIVERY, 0}, {PROC2_APIC_REGISTER_VIRTUALIZATION, 0}};

    return needs[*(const unsigned *)row];
}

static void begin(enum controls controls)
{
    apic_begin();
    if (controls == DELIVERY)
        lab_set(PROC2_VIRTUAL_INTERRUPT_DELIVERY);
    if (controls == REGISTERS)
        lab_set(PROC2_APIC_REGISTER_VIRTUALIZATION);
}

static bool is_in(unsigned offset, unsigned first, unsigned last) { return offset >= first && offset <= last; }

static bool can_write(enum controls controls, unsigned offset)
{
    if (offset == APIC_TPR)
        return true;
    if (controls == DELIVERY)
        return offset == APIC_EOI || offset == APIC_ICR;
    return controls == REGISTERS &&
           (offset == APIC_ID || offset == APIC_EOI || is_in(offset, APIC_LDR, APIC_SVR) || offset == APIC_ESR ||
            is_in(offset, APIC_ICR, APIC_INITIAL_COUNT) || offset == APIC_DIVIDE);
}

static bool can_read(enum controls controls, unsigned offset)
{
    if (controls != REGISTERS)
        return offset == APIC_TPR;
    return can_write(controls, offset) || offset == APIC_VERSION || is_in(offset, APIC_ISR, APIC_IRR + 0x70);
}

static const struct feature_axis read_axes[] = {AXIS("tpr", "delivery", "registers"), OFFSETS, {0}};

FEATURE_GRID(apicreg_read, VMX, NEEDS_APIC, READS,
             "a register that is virtualized is read from the virtual-APIC page, any other exits", read_axes,
             .row_needs = controls_needs)
{
    const unsigned offset = at[1] * STRIDE;
    uint32_t seen = 0;
    struct exit_record e;

    begin((enum controls)at[0]);
    *apic_virtual(offset) = VALUE;
    e = OBSERVE(seen = apic_read(offset));
    if (can_read((enum controls)at[0], offset)) {
        EXPECT_NO_EXIT();
        EXPECT_EQ(seen, VALUE);
    } else {
        EXPECT_EXIT(EXIT_APIC_ACCESS);
        EXPECT_BITS(e.qualification, 0xffff, APIC_QUALIFICATION(ACCESS_TYPE_READ, offset));
    }
    if (at[0] != DELIVERY || offset != APIC_PPR) /* that is written by each entry */
        EXPECT_EQ(*apic_virtual(offset), VALUE);
}

/* Of these, some have an effect of their own, and no exit; all others that are virtualized exit behind the write. */
static bool write_exits(enum controls controls, unsigned offset)
{
    if (offset == APIC_TPR || offset == APIC_ICR_HIGH)
        return false;
    return !(controls == DELIVERY && offset == APIC_EOI);
}

static uint32_t written(enum controls controls, unsigned offset)
{
    if (offset == APIC_TPR)
        return VALUE & 0xff;
    if (offset == APIC_ICR_HIGH)
        return VALUE & 0xff000000;
    return controls == DELIVERY && offset == APIC_EOI ? 0 : VALUE;
}

FEATURE_GRID(apicreg_write, VMX, NEEDS_APIC, WRITES,
             "a register that is virtualized is written in the virtual-APIC page, with an exit behind it, if any",
             read_axes, .row_needs = controls_needs)
{
    const enum controls controls = (enum controls)at[0];
    const unsigned offset = at[1] * STRIDE;
    struct exit_record e;

    begin(controls);
    lab_may_change(GUEST_INTERRUPT_STATUS);
    e = OBSERVE(apic_write(offset, VALUE));
    if (!can_write(controls, offset)) {
        EXPECT_EXIT(EXIT_APIC_ACCESS);
        EXPECT_BITS(e.qualification, 0xffff, APIC_QUALIFICATION(ACCESS_TYPE_WRITE, offset));
        EXPECT_EQ(*apic_virtual(offset), 0);
        return;
    }
    if (write_exits(controls, offset)) {
        EXPECT_EXIT(EXIT_APIC_WRITE);
        EXPECT_BITS(e.qualification, 0xfff, offset);
    } else {
        EXPECT_NO_EXIT();
    }
    EXPECT_EQ(*apic_virtual(offset), written(controls, offset));
}

/* ---- Parts of a register ---------------------------------------------------------------------------------------- */

static const struct part {
    const char *label;
    uint8_t code[2][4]; /* reads AL, AX, EAX, RAX from [RBX], writes it */
    uint8_t length, bytes, at;
    bool exits;
} parts[] = {
#define PARTS(X)                                                                                                      \
    X("1-at-0", {{0x8a, 0x03}, {0x88, 0x03}}, 2, 1, 0, false)                                                         \
    X("1-at-1", {{0x8a, 0x03}, {0x88, 0x03}}, 2, 1, 1, false)                                                         \
    X("1-at-3", {{0x8a, 0x03}, {0x88, 0x03}}, 2, 1, 3, false)                                                         \
    X("1-at-4", {{0x8a, 0x03}, {0x88, 0x03}}, 2, 1, 4, true)                                                          \
    X("2-at-0", {{0x66, 0x8b, 0x03}, {0x66, 0x89, 0x03}}, 3, 2, 0, false)                                             \
    X("2-at-2", {{0x66, 0x8b, 0x03}, {0x66, 0x89, 0x03}}, 3, 2, 2, false)                                             \
    X("2-at-3", {{0x66, 0x8b, 0x03}, {0x66, 0x89, 0x03}}, 3, 2, 3, true)                                              \
    X("4-at-0", {{0x8b, 0x03}, {0x89, 0x03}}, 2, 4, 0, false)                                                         \
    X("4-at-1", {{0x8b, 0x03}, {0x89, 0x03}}, 2, 4, 1, true)                                                          \
    X("4-at-4", {{0x8b, 0x03}, {0x89, 0x03}}, 2, 4, 4, true)                                                          \
    X("8-at-0", {{0x48, 0x8b, 0x03}, {0x48, 0x89, 0x03}}, 3, 8, 0, true)
#define ROW(...) {__VA_ARGS__},
    PARTS(ROW)
};
#define LABEL(label, ...) label,
static const struct feature_axis part_axes[] = {
    AXIS("read", "write"), {(const char *const[]){PARTS(LABEL)}, sizeof parts / sizeof *parts}, {0}};

FEATURE_GRID(apicreg_part, VMX,
             NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES, NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE),
                   PROC2_APIC_REGISTER_VIRTUALIZATION),
             READS, "a part of the lowest 32 bits is virtualized, more or another is not", part_axes)
{
    const struct part *part = &parts[at[1]];
    const uint64_t mask = part->bytes == 8 ? ~0ull : (1ull << 8 * part->bytes) - 1;
    struct code_registers registers = {.rax = 0, .rbx = APIC_ADDRESS + APIC_SVR + part->at};

    begin(REGISTERS);
    *apic_virtual(APIC_SVR) = VALUE;
    code_put(part->code[at[0]], part->length);
    OBSERVE(code_run(&registers));
    if (part->exits) {
        EXPECT_EXIT(EXIT_APIC_ACCESS);
        EXPECT_EQ(*apic_virtual(APIC_SVR), VALUE);
    } else if (at[0]) {
        EXPECT_EXIT(EXIT_APIC_WRITE);
        EXPECT_EQ(*apic_virtual(APIC_SVR), VALUE & ~(mask << 8 * part->at));
    } else {
        EXPECT_NO_EXIT();
        EXPECT_EQ(registers.rax & mask, VALUE >> 8 * part->at & mask);
    }
}

FEATURE_TEST(apicreg_place, VMX,
             NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES, NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE),
                   PROC2_APIC_REGISTER_VIRTUALIZATION),
             "APIC-Write VM Exits", "an APIC-write exit is a trap: RIP is behind the instruction")
{
    static const uint8_t code[] = {0x89, 0x03, 0x90}; /* mov [rbx], eax; nop */
    struct code_registers registers = {.rax = 1, .rbx = APIC_ADDRESS + APIC_SVR};
    uint64_t where;
    struct exit_record e;

    begin(REGISTERS);
    where = code_put(code, sizeof code);
    e = OBSERVE(code_run(&registers));
    EXPECT_EXIT(EXIT_APIC_WRITE);
    EXPECT_EQ(e.rip, where + 2);
}
