/* VMCS shadowing: which VMREADs and VMWRITEs go to the shadow VMCS, and what they do there. */
#include <string.h>

#include "guests/lib/lab/lab.h"

#define SHADOWING "VMCS Shadowing Bitmap Addresses"
#define VMREAD_TEXT "VMREAD--Read Field from Virtual-Machine Control Structure"
#define VMWRITE_TEXT "VMWRITE--Write Field to Virtual-Machine Control Structure"

enum { READ_BITMAP = 0, WRITE_BITMAP = 1 };
enum operation { DO_VMREAD, DO_VMWRITE };
#define OPERATIONS AXIS("vmread", "vmwrite")

/* "VMX Instruction Conventions": how one ended. */
enum outcome_of { SUCCEEDED, FAIL_INVALID, FAIL_VALID };

static enum outcome_of vmread_to(uint64_t field, uint64_t *value)
{
    bool carry, zero;

    __asm__ volatile("vmread %3, %2" : "=@ccc"(carry), "=@ccz"(zero), "+r"(*value) : "r"(field) : "memory");
    return carry ? FAIL_INVALID : zero ? FAIL_VALID : SUCCEEDED;
}

static enum outcome_of vmwrite_from(uint64_t field, uint64_t value)
{
    bool carry, zero;

    __asm__ volatile("vmwrite %3, %2" : "=@ccc"(carry), "=@ccz"(zero) : "r"(field), "r"(value) : "memory");
    return carry ? FAIL_INVALID : zero ? FAIL_VALID : SUCCEEDED;
}

static uint64_t seen;

static enum outcome_of run(enum operation operation, uint64_t field)
{
    return operation == DO_VMREAD ? vmread_to(field, &seen) : vmwrite_from(field, 0);
}

/* Both bitmaps are full of this byte. */
static void begin(uint8_t bits)
{
    memset(page_scratch(READ_BITMAP), bits, PAGE_BYTES);
    memset(page_scratch(WRITE_BITMAP), bits, PAGE_BYTES);
    LAB_WRITE({VMREAD_BITMAP, (uint64_t)page_scratch(READ_BITMAP)},
              {VMWRITE_BITMAP, (uint64_t)page_scratch(WRITE_BITMAP)});
    lab_set(PROC2_VMCS_SHADOWING);
}

static void set_bit(enum operation operation, uint64_t field, bool on)
{
    uint8_t *bitmap = page_scratch(operation == DO_VMREAD ? READ_BITMAP : WRITE_BITMAP);
    const uint8_t bit = (uint8_t)(1u << field % 8);

    bitmap[field / 8] = (uint8_t)(on ? bitmap[field / 8] | bit : bitmap[field / 8] & ~bit);
}

/* ---- The bitmaps ------------------------------------------------------------------------------------------------ */

/* One of each width and type, and the ends; what the field is does not matter to the bitmaps, nor that it exists. */
static const uint16_t fields[] = {0x0000, 0x0001, 0x0007, 0x0008, 0x0800, 0x0810, 0x0c02, 0x2000,
                                  0x2001, 0x2010, 0x2400, 0x2804, 0x2c02, 0x4000, 0x4402, 0x4800,
                                  0x4c00, 0x6000, 0x6400, 0x681e, 0x6c16, 0x7ff7, 0x7ff8, 0x7fff};
#define FIELDS                                                                                                         \
    AXIS("0", "1", "7", "8", "800", "810", "c02", "2000", "2001", "2010", "2400", "2804", "2c02", "4000", "4402",      \
         "4800", "4c00", "6000", "6400", "681e", "6c16", "7ff7", "7ff8", "7fff")

static const struct feature_axis bitmap_axes[] = {
    OPERATIONS, FIELDS, AXIS("exit-alone", "pass-alone", "exit", "pass"), {0}};

FEATURE_GRID(shadow_bitmap, VMX, NEEDS(PROC2_VMCS_SHADOWING), SHADOWING,
             "the field's bit of the instruction's bitmap says whether it exits", bitmap_axes)
{
    const enum operation operation = (enum operation)at[0];
    const uint64_t field = fields[at[1]];
    const bool exits = at[2] % 2 == 0, alone = at[2] < 2;
    struct exit_record e;

    begin(exits == alone ? 0 : 0xff);
    set_bit(operation, field, exits);
    e = OBSERVE(run(operation, field));
    if (!exits) {
        EXPECT_NO_EXIT();
        return;
    }
    EXPECT_EXIT(operation == DO_VMREAD ? EXIT_VMREAD : EXIT_VMWRITE);
    EXPECT_EXITS(1);
    EXPECT_EQ(e.instruction_length, 3);
}

static const struct feature_axis far_axes[] = {
    OPERATIONS, AXIS("8000", "8800", "10000", "2-31", "2-32", "2-63", "all"), {0}};
static const uint64_t fars[] = {0x8000, 0x8800, 0x10000, 1ull << 31, 1ull << 32 | 0x800, 1ull << 63 | 0x800, ~0ull};

FEATURE_GRID(shadow_far, VMX, NEEDS(PROC2_VMCS_SHADOWING), SHADOWING,
             "a field with any of bits 63:15 set exits, whatever the bitmaps say", far_axes)
{
    begin(0);
    OBSERVE(run((enum operation)at[0], fars[at[1]]));
    EXPECT_EXIT(at[0] == DO_VMREAD ? EXIT_VMREAD : EXIT_VMWRITE);
}

static const struct feature_axis off_axes[] = {OPERATIONS, AXIS("kernel", "user"), {0}};

FEATURE_GRID(shadow_off, VMX, NEEDS(PROC2_VMCS_SHADOWING, NOT(PROC2_VMCS_SHADOWING)),
             "Instructions That Cause VM Exits Conditionally", "without VMCS shadowing all exit", off_axes)
{
    begin(0);
    lab_clear(PROC2_VMCS_SHADOWING);
    if (at[1])
        OBSERVE(IN_USER(run((enum operation)at[0], GUEST_ES_SELECTOR)));
    else
        OBSERVE(run((enum operation)at[0], GUEST_ES_SELECTOR));
    EXPECT_EXIT(at[0] == DO_VMREAD ? EXIT_VMREAD : EXIT_VMWRITE);
}

static const struct feature_axis user_axes[] = {OPERATIONS, AXIS("exit", "pass"), {0}};

FEATURE_GRID(shadow_user, VMX, NEEDS(PROC2_VMCS_SHADOWING), VMREAD_TEXT,
             "in CPL 3, what exits exits, and what would not is #GP", user_axes)
{
    begin(at[1] ? 0 : 0xff);
    OBSERVE(IN_USER(run((enum operation)at[0], GUEST_ES_SELECTOR)));
    if (at[1])
        EXPECT_FAULT(EXCEPTION_GP, 0);
    else
        EXPECT_EXIT(at[0] == DO_VMREAD ? EXIT_VMREAD : EXIT_VMWRITE);
}

MODE_CODE(vmread_16, 16, ".byte 0x0f, 0x78, 0xc0")
MODE_CODE(vmread_32, 32, ".byte 0x0f, 0x78, 0xc0")
MODE_CODE(vmwrite_16, 16, ".byte 0x0f, 0x79, 0xc0")
MODE_CODE(vmwrite_32, 32, ".byte 0x0f, 0x79, 0xc0")
static const struct feature_axis mode_axes[] = {
    OPERATIONS, AXIS("compatibility-32", "compatibility-16", "real", "v86"), AXIS("exit", "pass"), {0}};
static const enum mode modes[] = {MODE_COMPATIBILITY_32, MODE_COMPATIBILITY_16, MODE_REAL, MODE_V86};

FEATURE_GRID(shadow_mode, VMX, NEEDS(PROC2_VMCS_SHADOWING), VMREAD_TEXT,
             "in modes that have no VMX they are #UD, and do not exit", mode_axes)
{
    const bool wide = at[1] == 0;

    begin(at[2] ? 0 : 0xff);
    OBSERVE(mode_run(modes[at[1]],
                     at[0] == DO_VMREAD ? (wide ? &vmread_32 : &vmread_16) : (wide ? &vmwrite_32 : &vmwrite_16), NULL));
    EXPECT_FAULT(EXCEPTION_UD, 0);
}

/* ---- The shadow VMCS -------------------------------------------------------------------------------------------- */

static const struct field_row {
    const char *label;
    uint64_t field, mask; /* the bits that it has */
} field_rows[] = {
    {"es-selector", GUEST_ES_SELECTOR, 0xffff},      {"tr-selector", GUEST_TR_SELECTOR, 0xffff},
    {"host-cs-selector", HOST_CS_SELECTOR, 0xffff},  {"io-bitmap-a", IO_BITMAP_A, ~0ull},
    {"tsc-offset", TSC_OFFSET, ~0ull},               {"pat", GUEST_IA32_PAT, ~0ull},
    {"host-efer", HOST_IA32_EFER, ~0ull},            {"pin-controls", PIN_CONTROLS, 0xffffffff},
    {"proc-controls", PROC_CONTROLS, 0xffffffff},    {"exception-bitmap", EXCEPTION_BITMAP, 0xffffffff},
    {"cs-limit", GUEST_CS_LIMIT, 0xffffffff},        {"activity", GUEST_ACTIVITY, 0xffffffff},
    {"host-sysenter-cs", HOST_SYSENTER_CS, 0xffffffff}, {"cr0-mask", CR0_MASK, ~0ull},
    {"cr3", GUEST_CR3, ~0ull},                       {"rsp", GUEST_RSP, ~0ull},
    {"rip", GUEST_RIP, ~0ull},                       {"rflags", GUEST_RFLAGS, ~0ull},
    {"host-rip", HOST_RIP, ~0ull},
};

FEATURE_TESTS(shadow_value, VMX, NEEDS(PROC2_VMCS_SHADOWING), VMWRITE_TEXT,
              "what is written is read again, in the width of the field, and the VMCS in force is as it was",
              field_rows)
{
    static const uint64_t values[] = {0x123456789abcdef0, 0xfedcba9876543210, ~0ull, 0};
    const bool readable = (row->field >> 10 & 3) != 3; /* the host's are not the lab's to read */
    uint64_t before = readable ? lab_read(row->field) : 0;
    enum outcome_of end = FAIL_VALID;

    begin(0);
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        seen = 0x5555555555555555;
        OBSERVE(end = vmwrite_from(row->field, values[i]); if (end == SUCCEEDED) end = vmread_to(row->field, &seen));
        EXPECT_NO_EXIT();
        EXPECT_EQ(end, SUCCEEDED);
        EXPECT_EQ(seen, values[i] & row->mask);
    }
    if (readable && row->field != GUEST_RIP && row->field != GUEST_RSP && row->field != GUEST_RFLAGS &&
        row->field != PROC_CONTROLS)
        EXPECT_EQ(lab_read(row->field), before);
}

FEATURE_TEST(shadow_high, VMX, NEEDS(PROC2_VMCS_SHADOWING), "VMREAD, VMWRITE, and Encodings of VMCS Fields",
             "the high encoding of a 64-bit field is its bits 63:32")
{
    enum outcome_of end = FAIL_VALID;
    uint64_t low = 0;

    begin(0);
    OBSERVE(vmwrite_from(TSC_OFFSET, 0x1122334455667788); vmread_to(TSC_OFFSET | 1, &seen);
            vmwrite_from(TSC_OFFSET | 1, 0x99aabbccddeeff00); end = vmread_to(TSC_OFFSET, &low));
    EXPECT_NO_EXIT();
    EXPECT_EQ(end, SUCCEEDED);
    EXPECT_EQ(seen, 0x11223344);
    EXPECT_EQ(low, 0xddeeff0055667788);
}

static const struct feature_axis missing_axes[] = {OPERATIONS, AXIS("0c7e", "2e00", "5000", "7c00"), {0}};
static const uint64_t missing[] = {0x0c7e, 0x2e00, 0x5000, 0x7c00};

FEATURE_GRID(shadow_missing, VMX, NEEDS(PROC2_VMCS_SHADOWING), VMREAD_TEXT, "a field that there is not is VMfailValid",
             missing_axes)
{
    enum outcome_of end = SUCCEEDED;

    begin(0);
    OBSERVE(end = run((enum operation)at[0], missing[at[1]]));
    EXPECT_NO_EXIT();
    EXPECT_EQ(end, FAIL_VALID);
}

static const struct read_only_row {
    const char *label;
    uint64_t field, mask;
} read_only_rows[] = {{"exit-reason", EXIT_REASON, 0xffffffff},
                      {"qualification", EXIT_QUALIFICATION, ~0ull},
                      {"physical-address", GUEST_PHYSICAL_ADDRESS, ~0ull},
                      {"instruction-length", EXIT_INSTRUCTION_LENGTH, 0xffffffff},
                      {"linear-address", GUEST_LINEAR_ADDRESS, ~0ull}};

FEATURE_TESTS(shadow_read_only, VMX, NEEDS(PROC2_VMCS_SHADOWING), VMWRITE_TEXT,
              "VMWRITE to an exit-information field works if the CPU says so, else it is VMfail", read_only_rows)
{
    const uint64_t value = 0x0123456789abcdef;
    enum outcome_of end = FAIL_INVALID;

    begin(0);
    OBSERVE(end = vmwrite_from(row->field, value));
    EXPECT_NO_EXIT();
    if (feature_has(MISC_VMWRITE_ANY_FIELD)) {
        EXPECT_EQ(end, SUCCEEDED);
        OBSERVE(cpu_id(0, 0)); /* what an exit writes, it writes to the VMCS in force */
        OBSERVE(vmread_to(row->field, &seen));
        EXPECT_NO_EXIT();
        EXPECT_EQ(seen, value & row->mask);
    } else {
        EXPECT_EQ(end, FAIL_VALID);
    }
}
