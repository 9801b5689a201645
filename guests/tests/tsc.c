/* TSC offset and multiplier: what RDTSC, RDTSCP and RDMSR read. */
#include "guests/lib/lab/lab.h"

#define OFFSET_AND_MULTIPLIER "Timestamp-Counter Offset and Multiplier"

enum { MSR_TSC = 0x10, FRACTION_BITS = 48 };
enum reader { READ_RDTSC, READ_RDTSCP, READ_RDMSR, READ_RDTSC_USER, READ_RDTSCP_USER };
#define READERS AXIS("rdtsc", "rdtscp", "rdmsr", "rdtsc-user", "rdtscp-user")

static uint64_t read_by(enum reader reader)
{
    uint64_t value;
    uint32_t aux;

    switch (reader) {
    case READ_RDTSC:
        return cpu_read_tsc();
    case READ_RDTSCP:
        return insn_rdtscp(&aux);
    case READ_RDMSR:
        return insn_rdmsr(MSR_TSC);
    case READ_RDTSC_USER:
        IN_USER(value = cpu_read_tsc());
        return value;
    default:
        IN_USER(value = insn_rdtscp(&aux));
        return value;
    }
}

/* The CPU's own time. */
static uint64_t real_time(void)
{
    lab_clear(PROC_TSC_OFFSETTING);
    return cpu_read_tsc();
}

static uint64_t scale(uint64_t time, uint64_t multiplier)
{
    return (uint64_t)((unsigned __int128)time * multiplier >> FRACTION_BITS);
}

/* Reads with the controls as given, and says whether it is what comes of some time between before and behind. */
static void expect_time(enum reader reader, bool offsetting, bool scaling, uint64_t offset, uint64_t multiplier)
{
    const uint64_t factor = offsetting && scaling ? multiplier : 1ull << FRACTION_BITS, added = offsetting ? offset : 0;
    uint64_t first, last, seen = 0;

    lab_trap_rdmsr(MSR_TSC, false);
    lab_set(PROC_MSR_BITMAPS);
    lab_set(PROC2_RDTSCP);
    lab_write(TSC_OFFSET, offset);
    if (feature_has(PROC2_TSC_SCALING))
        lab_write(TSC_MULTIPLIER, multiplier);
    if (scaling)
        lab_set(PROC2_TSC_SCALING);
    first = real_time();
    lab_set_to(PROC_TSC_OFFSETTING, offsetting);
    OBSERVE(seen = read_by(reader));
    EXPECT_NO_EXIT();
    last = real_time();
    /* modulo 2^64 */
    EXPECT_LE(seen - (scale(first, factor) + added), scale(last, factor) - scale(first, factor));
}

/* ---- The offset ------------------------------------------------------------------------------------------------- */

static const uint64_t offsets[] = {0,          1ull << 32,         -(1ull << 32),     1ull << 48,
                                   1ull << 63, 0x0123456789abcdef, 0xfedcba9876543210};
#define OFFSETS AXIS("0", "2-32", "minus-2-32", "2-48", "2-63", "0123456789abcdef", "fedcba9876543210")

static const struct feature_axis offset_axes[] = {READERS, OFFSETS, AXIS("off", "on"), {0}};

FEATURE_GRID(tsc_offset, VMX, NEEDS(PROC_TSC_OFFSETTING, NOT(PROC_TSC_OFFSETTING), PROC2_RDTSCP), OFFSET_AND_MULTIPLIER,
             "with TSC offsetting the offset is added to what is read, without it is not", offset_axes)
{
    expect_time((enum reader)at[0], at[2], false, offsets[at[1]], 1ull << FRACTION_BITS);
}

FEATURE_TEST(tsc_offset_kept, VMX, NEEDS(PROC_TSC_OFFSETTING), OFFSET_AND_MULTIPLIER,
             "the offset is the same behind an exit")
{
    uint64_t before, after = 0;

    lab_write(TSC_OFFSET, 1ull << 50);
    lab_set(PROC_TSC_OFFSETTING);
    before = cpu_read_tsc();
    OBSERVE_SKIP(cpu_id(0, 0); after = cpu_read_tsc());
    EXPECT_EXITS(1);
    EXPECT_GE(before, 1ull << 50);
    EXPECT_GT(after, before);
    EXPECT_LT(after - before, 1ull << 32);
    EXPECT_EQ(lab_read(TSC_OFFSET), 1ull << 50);
}

/* ---- The multiplier --------------------------------------------------------------------------------------------- */

static const uint64_t multipliers[] = {1ull << 48, 1ull << 47,  1ull << 46,         3ull << 47,
                                       1ull << 49, 10ull << 48, 0x0001000100010001, 0x0000ffffffffffff,
                                       1ull << 32, 1,           1ull << 63,         ~0ull};
#define MULTIPLIERS                                                                                                    \
    AXIS("1", "half", "quarter", "3-halves", "2", "10", "1000100010001", "below-1", "2-to-minus-16", "least", "32768", \
         "most")

static const struct feature_axis scale_axes[] = {READERS, MULTIPLIERS, {0}};

FEATURE_GRID(tsc_scale, VMX, NEEDS(PROC_TSC_OFFSETTING, NOT(PROC_TSC_OFFSETTING), PROC2_TSC_SCALING, PROC2_RDTSCP),
             OFFSET_AND_MULTIPLIER, "with TSC scaling, what is read is the product, shifted by 48 bits", scale_axes)
{
    expect_time((enum reader)at[0], true, true, 0, multipliers[at[1]]);
}

static const struct feature_axis both_axes[] = {
    AXIS("neither", "offset", "scale", "both"), AXIS("rdtsc", "rdtscp", "rdmsr"), {0}};

FEATURE_GRID(tsc_controls, VMX, NEEDS(PROC_TSC_OFFSETTING, NOT(PROC_TSC_OFFSETTING), PROC2_TSC_SCALING, PROC2_RDTSCP),
             OFFSET_AND_MULTIPLIER, "the offset is added to the product; scaling without offsetting does nothing",
             both_axes)
{
    expect_time((enum reader)at[1], at[0] & 1, at[0] & 2, 1ull << 56, 5ull << 47);
}

static const struct feature_axis scaled_offset_axes[] = {OFFSETS, AXIS("half", "3"), {0}};

FEATURE_GRID(tsc_scaled, VMX, NEEDS(PROC_TSC_OFFSETTING, NOT(PROC_TSC_OFFSETTING), PROC2_TSC_SCALING, PROC2_RDTSCP),
             OFFSET_AND_MULTIPLIER, "the offset itself is not scaled", scaled_offset_axes)
{
    expect_time(READ_RDTSC, true, true, offsets[at[0]], at[1] ? 3ull << FRACTION_BITS : 1ull << (FRACTION_BITS - 1));
}
