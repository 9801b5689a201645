/* CLTS, LMSW and SMSW: the other ways to CR0. */
#include "guests/lib/lab/lab.h"

#define CONDITIONALLY "Instructions That Cause VM Exits Conditionally"
#define CHANGES "Changes to Instruction Behavior in VMX Non-Root Operation"

enum { TS = 1 << 3, PE = 1 << 0 };

/* One bit of CR0: whether it is in the mask, what the shadow has, what it really is. */
static void arrange(uint64_t bit, bool masked, bool shadow, bool real)
{
    uint64_t mask = lab_read(CR0_MASK), cr0, value = lab_read(CR0_READ_SHADOW);

    lab_write(CR0_MASK, mask & ~bit);
    cr0 = insn_read_cr0();
    insn_write_cr0(real ? cr0 | bit : cr0 & ~bit);
    LAB_WRITE({CR0_MASK, masked ? mask | bit : mask & ~bit}, {CR0_READ_SHADOW, shadow ? value | bit : value & ~bit});
}

/* ---- CLTS ------------------------------------------------------------------------------------------------- */

static const struct feature_axis clts_axes[] = {
    AXIS("owned", "masked"), AXIS("shadow-0", "shadow-1"), AXIS("real-0", "real-1"), {0}};

FEATURE_GRID(cr0_clts, VMX, NEEDS(), CONDITIONALLY,
             "CLTS exits if TS is set in mask and shadow, does nothing if it is set in the mask alone, else clears TS",
             clts_axes)
{
    enum { LENGTH = 2 };
    bool masked = at[0] == 1, shadow = at[1] == 1, real = at[2] == 1;
    struct exit_record e;

    arrange(TS, masked, shadow, real);
    e = OBSERVE(insn_clts());
    if (masked && shadow) {
        EXPECT_EXIT(EXIT_CR_ACCESS);
        EXPECT_EQ(e.qualification, CR_QUALIFICATION(0, CR_ACCESS_CLTS, 0));
        EXPECT_EQ(e.instruction_length, LENGTH);
    } else {
        EXPECT_NO_EXIT();
    }
    EXPECT_BITS(lab_read(GUEST_CR0), TS, masked && real ? TS : 0);
}

/* ---- LMSW ------------------------------------------------------------------------------------------------- */

static const struct feature_axis lmsw_axes[] = {AXIS("pe", "mp", "em", "ts"), AXIS("owned", "masked"),
                                                AXIS("shadow-0", "shadow-1"), AXIS("source-0", "source-1"),
                                                AXIS("register", "memory"),   {0}};

/* The other bits of the source are as the guest sees them. */
FEATURE_GRID(cr0_lmsw, VMX, NEEDS(), CONDITIONALLY,
             "LMSW exits if one of bits 3:0 is in the mask and differs from the shadow; it never clears PE", lmsw_axes)
{
    enum { LENGTH = 3, WORD = 0xf, HIGH = 0xa5a50000 };
    uint64_t bit = 1ull << at[0], source, before;
    bool masked = at[1] == 1, shadow = at[2] == 1, on = at[3] == 1, memory = at[4] == 1;
    bool exits = masked && shadow != on && (bit != PE || on);
    uint16_t *operand = page_scratch(0);
    struct exit_record e;

    arrange(bit, masked, shadow, bit == PE);
    before = lab_read(GUEST_CR0);
    source = (insn_read_cr0() & WORD & ~bit) | (on ? bit : 0) | HIGH;
    *operand = (uint16_t)source;
    if (memory)
        e = OBSERVE(__asm__ volatile("lmsw (%0)" : : "D"(operand) : "memory"));
    else
        e = OBSERVE(__asm__ volatile("lmsw %%ax" : : "a"(source) : "memory"));
    if (exits) {
        EXPECT_EXIT(EXIT_CR_ACCESS);
        EXPECT_EQ(e.qualification, LMSW_QUALIFICATION(memory, (uint16_t)source));
        EXPECT_EQ(e.instruction_length, LENGTH);
        if (memory)
            EXPECT_EQ(e.linear, operand);
    } else {
        EXPECT_NO_EXIT();
    }
    EXPECT_EQ(lab_read(GUEST_CR0), masked || bit == PE ? before : on ? before | bit : before & ~bit);
}

/* "Faults incurred while fetching instruction operands" */
FEATURE_TEST(cr0_lmsw_page, VMX, NEEDS(), "Relative Priority of Faults and VM Exits",
             "the #PF of LMSW's operand comes before the exit")
{
    void *absent = page_map(0, 0, 0);

    arrange(TS, true, true, true);
    OBSERVE(__asm__ volatile("lmsw (%0)" : : "D"(absent) : "memory"));
    EXPECT_FAULT(EXCEPTION_PF, 0);
}

/* ---- SMSW ------------------------------------------------------------------------------------------------- */

#define SMSW_FORMS AXIS("16", "32", "64", "memory")
static const struct feature_axis smsw_axes[] = {
    AXIS("pe", "mp", "em", "ts", "et", "ne", "6", "15", "wp", "am", "cd", "pg"), AXIS("shadow-0", "shadow-1"),
    SMSW_FORMS, {0}};

FEATURE_GRID(cr0_smsw, VMX, NEEDS(NOT(PROC2_DESCRIPTOR_TABLE)), CHANGES,
             "SMSW reads bits that are in the mask from the shadow and never exits", smsw_axes)
{
    static const unsigned bits[] = {0, 1, 2, 3, 4, 5, 6, 15, 16, 18, 30, 31};
    const uint64_t pattern = 0x7777777777777777;
    uint64_t bit = 1ull << bits[at[0]], shadow = lab_read(CR0_READ_SHADOW), value = pattern, seen;
    uint64_t *operand = page_scratch(0);

    shadow = at[1] ? shadow | bit : shadow & ~bit;
    LAB_WRITE({CR0_MASK, lab_read(CR0_MASK) | bit}, {CR0_READ_SHADOW, shadow});
    seen = insn_read_cr0();
    *operand = pattern;
    if (at[2] == 0)
        OBSERVE(__asm__ volatile("smsw %%ax" : "+a"(value)));
    else if (at[2] == 1)
        OBSERVE(__asm__ volatile("smsw %%eax" : "+a"(value)));
    else if (at[2] == 2)
        OBSERVE(__asm__ volatile("smsw %%rax" : "+a"(value)));
    else
        OBSERVE(__asm__ volatile("smsw (%0)" : : "D"(operand) : "memory"); value = *operand);
    EXPECT_NO_EXIT();
    if (at[2] == 0 || at[2] == 3)
        EXPECT_EQ(value, (pattern & ~0xffffull) | (seen & 0xffff));
    else
        EXPECT_EQ(value, at[2] == 1 ? (uint32_t)seen : seen);
    EXPECT_BITS(seen, bit, at[1] ? bit : 0);
}
