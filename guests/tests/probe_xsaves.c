/*
 * XSAVES and XRSTORS with the XSS-exiting bitmap. What IA32_XSS can have is the host's, too, so this is a guest of the
 * probe: the MSR areas of its entry and exit set and clear it.
 */
#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/insn_rows.h"

#define MANUAL "Instructions That Cause VM Exits Conditionally"

enum { XSS = 0xda0, CR4_OSXSAVE = 1 << 18, AREA = 0x40 /* in the page of data */, BYTES = 5 };
enum { XSTATE_BV = AREA + 512, XCOMP_BV = AREA + 520, UNTOUCHED = 0x5a };
#define COMPACTED (1ull << 63)

static const struct feature_axis axes[] = {
    AXIS("xsaves", "xrstors"),
    AXIS("mask-off", "mask-on"),
    AXIS("xss-off", "xss-on"),
    AXIS("bitmap-off", "bitmap-on"),
    {0},
};

/* MOV EAX, mask; XOR EDX, EDX; MOV EBX, data; the instruction on [RBX + AREA]; CPUID */
static struct entry_block begin(bool restores, uint32_t mask)
{
    uint8_t code[] = {0xb8, 0,    0,   0, 0, 0x31, 0xd2, 0xbb, 0, 0x40, 0, 0, 0x48, 0x0f, 0xc7, restores ? 0x5b : 0x6b,
                      AREA, 0x0f, 0xa2};
    struct entry_block block;

    _Static_assert(PROBE_GUEST_DATA == 0x4000, "as in the code");
    memcpy(code + 1, &mask, sizeof mask);
    block = probe_guest_begin(code, sizeof code);
    memset(probe_guest_data() + XSTATE_BV, restores ? 0 : UNTOUCHED, 64);
    if (restores)
        memcpy(probe_guest_data() + XCOMP_BV, &(uint64_t){COMPACTED}, sizeof(uint64_t));
    probe_guest_set(&block, GUEST_CR4, CR4_OSXSAVE);
    probe_guest_control(&block, PROC2_XSAVES);
    return block;
}
enum { AT_INSTRUCTION = 12 };

/* The entry loads IA32_XSS, the exit clears it. */
static void set_xss(struct entry_block *block, uint64_t value)
{
    enum { ENTRY_BYTES = 16 };
    uint64_t area = 0;

    block->read(block->context, STATE_MSR_AREA, &area);
    const struct entry_pair pairs[] = {
        {ENTRY_MSR_INDEX(0), XSS},
        {ENTRY_MSR_VALUE(0), value},
        {ENTRY_MSR_INDEX(1), XSS},
        {ENTRY_MSR_VALUE(1), 0},
        {ENTRY_MSR_LOAD_ADDRESS, area},
        {ENTRY_MSR_LOAD_COUNT, 1},
        {EXIT_MSR_LOAD_ADDRESS, area + ENTRY_BYTES},
        {EXIT_MSR_LOAD_COUNT, 1},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        block->write(block->context, pairs[i].field, pairs[i].value);
}

/* A bit of IA32_XSS that this CPU has: entries with another one fail. */
static uint64_t find_bit(void)
{
    static const uint8_t bits[] = {11 /* user CET state */, 12, 8 /* processor trace */, 10, 13, 14, 15, 16};

    for (unsigned i = 0; i < sizeof bits; i++) {
        struct entry_block block = begin(false, 0);
        struct probe_result result;

        set_xss(&block, 1ull << bits[i]);
        result = probe_guest_enter();
        if (result.exited && !(result.reason & EXIT_ENTRY_FAILED))
            return 1ull << bits[i];
    }
    SKIP("IA32_XSS of this CPU has no bits");
}

FEATURE_GRID(probe_xsaves, VMX, NEEDS(PROC2_XSAVES, HW_XSAVE), MANUAL,
             "it exits if a bit is 1 in EDX:EAX, IA32_XSS and the XSS-exiting bitmap, and is done otherwise", axes)
{
    const bool restores = at[0], exits = at[1] && at[2] && at[3];
    const uint64_t bit = at[2] ? find_bit() : 1 << 11;
    struct entry_block block = begin(restores, at[1] ? (uint32_t)bit : 0);
    struct probe_result result;
    const uint8_t *header = probe_guest_data() + XSTATE_BV;

    if (at[2])
        set_xss(&block, bit);
    block.write(block.context, XSS_EXITING_BITMAP, at[3] ? bit : 0);
    result = probe_guest_enter();
    EXPECT(result.exited);
    if (!restores)
        EXPECT_EQ(*header, exits ? UNTOUCHED : 0);
    if (!exits) {
        EXPECT_EQ(result.reason, EXIT_CPUID);
        EXPECT_EQ(probe_guest_field(GUEST_RIP), PROBE_GUEST_CODE + AT_INSTRUCTION + BYTES);
        return;
    }
    EXPECT_EQ(result.reason, restores ? EXIT_XRSTORS : EXIT_XSAVES);
    EXPECT_EQ(result.qualification, AREA);
    EXPECT_EQ(probe_guest_field(GUEST_RIP), PROBE_GUEST_CODE + AT_INSTRUCTION);
    EXPECT_EQ(probe_guest_field(EXIT_INSTRUCTION_LENGTH), BYTES);
    EXPECT_BITS(probe_guest_field(EXIT_INSTRUCTION_INFO), INFO_RBX_MASK, INFO_RBX);
}
