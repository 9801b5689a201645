/* CR0 and CR4: each bit owned by the guest, and each bit shadowed. */
#include "guests/lib/lab/lab.h"

#define CHANGES "Changes to Instruction Behavior in VMX Non-Root Operation"
#define CONDITIONALLY "Instructions That Cause VM Exits Conditionally"
#define MASKS "Guest/Host Masks and Read Shadows for CR0 and CR4"

enum { RAX = GPR_RAX, LENGTH = 3 };

/* The control register that a row is about. */
static const struct control_register {
    unsigned number;
    uint32_t mask, shadow, guest;
} cr0 = {0, CR0_MASK, CR0_READ_SHADOW, GUEST_CR0}, cr4 = {4, CR4_MASK, CR4_READ_SHADOW, GUEST_CR4};

static uint64_t read_register(const struct control_register *cr)
{
    return cr->number ? insn_read_cr4() : insn_read_cr0();
}

/* By RAX. */
static void write_register(const struct control_register *cr, uint64_t value)
{
    if (cr->number)
        __asm__ volatile("mov %0, %%cr4" : : "a"(value) : "memory");
    else
        __asm__ volatile("mov %0, %%cr0" : : "a"(value) : "memory");
}

/* Bits by their number; those without a name are reserved. */
#define CR0_BITS                                                                                                      \
    AXIS("pe", "mp", "em", "ts", "et", "ne", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "wp", "17", "am", \
         "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "nw", "cd", "pg")
#define CR4_BITS                                                                                                      \
    AXIS("vme", "pvi", "tsd", "de", "pse", "pae", "mce", "pge", "pce", "osfxsr", "osxmmexcpt", "umip", "la57", "vmxe", \
         "smxe", "15", "fsgsbase", "pcide", "osxsave", "kl", "smep", "smap", "pke", "cet", "pks", "uintr", "26", "27", \
         "28", "29", "30", "31")

/* ---- Shadowed --------------------------------------------------------------------------------------------- */

enum { READ_0, READ_1, SAME, DIFFERENT };
#define SHADOWED AXIS("read-0", "read-1", "same", "different")
static const struct feature_axis shadow_0[] = {CR0_BITS, SHADOWED, {0}}, shadow_4[] = {CR4_BITS, SHADOWED, {0}};

/* The bit is shadowed, as the opposite of what it is, or as told. The others are left as they are. */
static void shadow(const struct control_register *cr, uint64_t bit, bool on)
{
    uint64_t mask = lab_read(cr->mask), value = lab_read(cr->shadow);

    LAB_WRITE({cr->mask, mask | bit}, {cr->shadow, on ? value | bit : value & ~bit});
}

static void try_shadowed(const struct control_register *cr, const unsigned *at)
{
    uint64_t bit = 1ull << at[0], real = lab_read(cr->guest), seen;
    bool on = at[1] == READ_1 || (at[1] >= SAME && !(real & bit));
    struct exit_record e;

    shadow(cr, bit, on);
    OBSERVE(seen = read_register(cr));
    EXPECT_NO_EXIT();
    EXPECT_BITS(seen, bit, on ? bit : 0);
    if (at[1] < SAME)
        return;
    if (at[1] == SAME) {
        OBSERVE(write_register(cr, seen));
        EXPECT_NO_EXIT();
    } else {
        e = OBSERVE(write_register(cr, seen ^ bit));
        EXPECT_EXIT(EXIT_CR_ACCESS);
        EXPECT_EQ(e.qualification, CR_QUALIFICATION(cr->number, CR_ACCESS_TO, RAX));
        EXPECT_EQ(e.instruction_length, LENGTH);
        EXPECT_EQ(lab_seen.gpr[GPR_RAX], seen ^ bit);
    }
    EXPECT_EQ(lab_read(cr->guest), real);
    EXPECT_EQ(read_register(cr), seen);
}

FEATURE_GRID(cr0_shadowed, VMX, NEEDS(), MASKS,
             "a bit of CR0 that is in the mask reads as in the shadow; MOV exits only where it differs from that",
             shadow_0)
{
    try_shadowed(&cr0, at);
}

FEATURE_GRID(cr4_shadowed, VMX, NEEDS(), MASKS,
             "a bit of CR4 that is in the mask reads as in the shadow; MOV exits only where it differs from that",
             shadow_4)
{
    try_shadowed(&cr4, at);
}

/* Bits 63:32 are reserved. */
static const struct feature_axis high_axes[] = {
    AXIS("cr0", "cr4"), AXIS("32", "47", "63"), AXIS("read-0", "read-1", "different"), {0}};

FEATURE_GRID(cr_high, VMX, NEEDS(), MASKS, "masks and shadows have all 64 bits", high_axes)
{
    static const unsigned numbers[] = {32, 47, 63}, cases[] = {READ_0, READ_1, DIFFERENT};

    try_shadowed(at[0] ? &cr4 : &cr0, (const unsigned[]){numbers[at[1]], cases[at[2]]});
}

/* ---- Owned ------------------------------------------------------------------------------------------------ */

/* Bits that can change in 64-bit mode, when kernel pages are open to CPL 3 (SMEP and SMAP can't). */
static const struct owned {
    const char *label;
    const struct control_register *cr;
    unsigned bit;
    uint16_t need;
} owned[] = {
    {"mp", &cr0, 1, 0},          {"em", &cr0, 2, 0},         {"ts", &cr0, 3, 0},      {"wp", &cr0, 16, 0},
    {"am", &cr0, 18, 0},         {"vme", &cr4, 0, 0},        {"pvi", &cr4, 1, 0},     {"tsd", &cr4, 2, 0},
    {"de", &cr4, 3, 0},          {"pse", &cr4, 4, 0},        {"mce", &cr4, 6, 0},     {"pge", &cr4, 7, 0},
    {"pce", &cr4, 8, 0},         {"osfxsr", &cr4, 9, 0},     {"osxmmexcpt", &cr4, 10, 0}, {"umip", &cr4, 11, CPU_UMIP},
    {"fsgsbase", &cr4, 16, CPU_FSGSBASE}, {"pcide", &cr4, 17, CPU_PCID},
};
static const struct feature_axis owned_axes[] = {
    AXIS("mp", "em", "ts", "wp", "am", "vme", "pvi", "tsd", "de", "pse", "mce", "pge", "pce", "osfxsr", "osxmmexcpt",
         "umip", "fsgsbase", "pcide"),
    AXIS("set", "clear"), AXIS("shadow-0", "shadow-1"), {0}};

static const uint16_t *owned_needs(const void *row)
{
    static uint16_t needs[2];

    needs[0] = owned[*(const unsigned *)row].need;
    return needs;
}

FEATURE_GRID(cr_owned, VMX, NEEDS(), MASKS,
             "a bit that is not in the mask is the guest's: MOV changes it, the shadow counts for nothing",
             owned_axes, .row_needs = owned_needs)
{
    const struct owned *row = &owned[at[0]];
    const struct control_register *cr = row->cr;
    uint64_t bit = 1ull << row->bit, seen = 0, value;
    bool set = at[1] == 0;

    lab_write(cr->mask, lab_read(cr->mask) & ~bit);
    value = read_register(cr);
    write_register(cr, set ? value & ~bit : value | bit);
    shadow(cr, 0, false);
    lab_write(cr->shadow, at[2] ? lab_read(cr->shadow) | bit : lab_read(cr->shadow) & ~bit);
    value = read_register(cr);
    EXPECT_BITS(value, bit, set ? 0 : bit);
    OBSERVE(write_register(cr, value ^ bit); seen = read_register(cr));
    EXPECT_NO_EXIT();
    EXPECT_EQ(seen, value ^ bit);
    EXPECT_BITS(lab_read(cr->guest), bit, set ? bit : 0);
}

/* Bits that VMX operation fixes: "any bit to a value not supported in VMX operation". */
FEATURE_TEST(cr_fixed_ne, VMX, NEEDS(), CHANGES,
             "MOV that clears a CR0.NE that the guest owns faults: VMX operation fixes it")
{
    lab_write(CR0_MASK, lab_read(CR0_MASK) & ~(1ull << 5));
    OBSERVE(write_register(&cr0, insn_read_cr0() & ~(1ull << 5)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
    EXPECT_BITS(lab_read(GUEST_CR0), 1 << 5, 1 << 5);
}

FEATURE_TEST(cr_fixed_vmxe, VMX, NEEDS(), CHANGES,
             "MOV that clears a CR4.VMXE that the guest owns faults: VMX operation fixes it")
{
    lab_write(CR4_MASK, lab_read(CR4_MASK) & ~(1ull << 13));
    EXPECT_BITS(insn_read_cr4(), 1 << 13, 1 << 13);
    OBSERVE(write_register(&cr4, insn_read_cr4() & ~(1ull << 13)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
    EXPECT_BITS(lab_read(GUEST_CR4), 1 << 13, 1 << 13);
}

/* ---- What a bit does: the real one counts, whatever is seen of it ------------------------------------------- */

enum { TS = 1 << 3, DE = 1 << 3, TSD = 1 << 2 };
static const struct feature_axis effect_axes[] = {
    AXIS("ts", "de", "tsd"), AXIS("real-0", "real-1"), AXIS("shadow-0", "shadow-1"), {0}};

FEATURE_GRID(cr_effect, VMX, NEEDS(NOT(PROC_MOV_DR), NOT(PROC_RDTSC)), MASKS,
             "a shadowed bit does what the real one says, not what the shadow says", effect_axes)
{
    static const struct {
        const struct control_register *cr;
        uint64_t bit;
        unsigned vector;
    } effects[] = {{&cr0, TS, EXCEPTION_NM}, {&cr4, DE, EXCEPTION_UD}, {&cr4, TSD, EXCEPTION_GP}};
    const struct control_register *cr = effects[at[0]].cr;
    uint64_t bit = effects[at[0]].bit, value;

    lab_write(cr->mask, lab_read(cr->mask) & ~bit);
    value = read_register(cr);
    write_register(cr, at[1] ? value | bit : value & ~bit);
    shadow(cr, bit, at[2] == 1);
    lab_clear(PROC_MOV_DR);
    lab_clear(PROC_RDTSC);
    if (at[0] == 0)
        OBSERVE(__asm__ volatile("fnop"));
    else if (at[0] == 1)
        OBSERVE(__asm__ volatile("mov %%dr4, %%rax" : : : "rax"));
    else
        OBSERVE(IN_USER(__asm__ volatile("rdtsc" : : : "rax", "rdx")));
    if (at[1])
        EXPECT_FAULT(effects[at[0]].vector, 0);
    else
        EXPECT_NO_EXIT();
}

FEATURE_TEST(cr_user, VMX, NEEDS(), "Relative Priority of Faults and VM Exits",
             "in CPL 3, MOV to a shadowed CR0 faults and does not exit")
{
    OBSERVE(IN_USER(insn_write_cr0(0)));
    EXPECT_FAULT(EXCEPTION_GP, 0);
}
