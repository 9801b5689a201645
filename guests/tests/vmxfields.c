/*
 * Each field of the VMCS, by VMREAD and VMWRITE on a VMCS that is the lab's own: which there are, how wide they are,
 * and that what is written is read again. "Field Encoding in VMCS", "Use of the VMREAD and VMWRITE Instructions", "VMCS
 * Types".
 */
#include "guests/tests/vmxfields.h"

/* Some CPUs drop the reserved bits of access rights, which nothing forbids. */
static uint64_t unknown(uint64_t field)
{
    return field >= GUEST_ES_ACCESS_RIGHTS && field <= GUEST_TR_ACCESS_RIGHTS ? 0xfffe0f00 : 0;
}

/* What of a value the field keeps. */
static uint64_t kept(uint64_t field)
{
    static const uint64_t widths[] = {
        [WIDTH_16] = 0xffff, [WIDTH_64] = ~0ull, [WIDTH_32] = 0xffffffff, [WIDTH_NATURAL] = ~0ull};

    return widths[field_width(field)] & ~unknown(field);
}

static uint64_t read_field(uint64_t field, struct root_result *result)
{
    *result = root_run(LAB_VMX_VMREAD, field, 0, 0);
    return result->value;
}

/* ---- The fields that have names --------------------------------------------------------------------------------- */

static const struct field fields[] = {VMCS_FIELDS(FIELD_ROW)};

FEATURE_TESTS(fields_exist, VMX, NEEDS(), "Field Encoding in VMCS", "the field is there, as the capabilities say",
              fields)
{
    root_begin(true);
    if (!fields_should_exist(row->field))
        SKIP("the capabilities say that there is no such field: vmx.absent.field is about those");
    EXPECT_ROOT(root_run(LAB_VMX_VMREAD, row->field, 0, 0), ROOT_SUCCEEDS);
}

static const uint64_t values[] = {~0ull, 0, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x0123456789abcdef};
enum { VALUES = sizeof values / sizeof *values };

/* Fields that can't be written: the instruction-error field keeps the number of that very failure. */
static void try_read_only(uint64_t field)
{
    struct root_result result;
    uint64_t before = read_field(field, &result);

    EXPECT_ROOT(root_run(LAB_VMX_VMWRITE, field, 0, values[2]), VMWRITE_READ_ONLY);
    EXPECT_EQ(read_field(field, &result), field == INSTRUCTION_ERROR ? (uint64_t)VMWRITE_READ_ONLY : before);
}

FEATURE_TESTS(fields_value, VMX, NEEDS(), "Use of the VMREAD and VMWRITE Instructions",
              "what is written is read again, as far as the field is wide, with zeros above; or the field is read-only",
              fields)
{
    struct root_result result;

    root_begin(true);
    if (!fields_should_exist(row->field))
        SKIP("the CPU has no such field");
    if (field_type(row->field) == TYPE_READ_ONLY && !feature_has(MISC_VMWRITE_ANY_FIELD)) {
        try_read_only(row->field);
        return;
    }
    for (unsigned i = 0; i < VALUES; i++) {
        root_write(row->field, values[i]);
        EXPECT_EQ(read_field(row->field, &result) & ~unknown(row->field), values[i] & kept(row->field));
        EXPECT_ROOT(result, ROOT_SUCCEEDS);
    }
}

static const struct feature_axis high_axes[] = {AXIS_FIELDS, {0}};

static bool is_64(const unsigned *at) { return field_width(fields[at[0]].field) == WIDTH_64; }

FEATURE_GRID(fields_high, VMX, NEEDS(), "Field Encoding in VMCS",
             "the encoding of the high half is of bits 63:32 of a 64-bit field", high_axes, .exists = is_64)
{
    const uint64_t field = fields[at[0]].field, low = 0x11111111, high = 0x22222222;
    struct root_result result;

    root_begin(true);
    if (!fields_should_exist(field))
        SKIP("the CPU has no such field");
    if (field_type(field) == TYPE_READ_ONLY && !feature_has(MISC_VMWRITE_ANY_FIELD)) {
        EXPECT_ROOT(root_run(LAB_VMX_VMREAD, field | FIELD_HIGH, 0, 0), ROOT_SUCCEEDS);
        EXPECT_ROOT(root_run(LAB_VMX_VMWRITE, field | FIELD_HIGH, 0, 1), VMWRITE_READ_ONLY);
        return;
    }
    root_write(field, low);
    root_write(field | FIELD_HIGH, high | 0xffffffffull << 32); /* bits 63:32 of the operand don't count */
    EXPECT_EQ(read_field(field, &result), high << 32 | low);
    EXPECT_EQ(read_field(field | FIELD_HIGH, &result), high);
    root_write(field, ~0ull);
    EXPECT_EQ(read_field(field | FIELD_HIGH, &result), 0xffffffff);
}

/* Each field is a place of its own: of all that are written, none has changed another. */
static const struct place {
    const char *label;
    unsigned width, type;
} places[] = {
    {"16-control", WIDTH_16, 0},  {"16-guest", WIDTH_16, 2},  {"16-host", WIDTH_16, 3}, {"64-control", WIDTH_64, 0},
    {"64-guest", WIDTH_64, 2},    {"64-host", WIDTH_64, 3},   {"32-control", WIDTH_32, 0}, {"32-guest", WIDTH_32, 2},
    {"32-host", WIDTH_32, 3},     {"natural-control", WIDTH_NATURAL, 0}, {"natural-guest", WIDTH_NATURAL, 2},
    {"natural-host", WIDTH_NATURAL, 3},
};

FEATURE_TESTS(fields_apart, VMX, NEEDS(), "Field Encoding in VMCS",
              "of all fields of a kind, each keeps a value of its own", places)
{
    enum { FIRST = 0x1001 };
    struct root_result result;
    unsigned n = 0;

    root_begin(true);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        uint64_t field = fields[i].field;

        if (field_width(field) == row->width && field_type(field) == row->type && fields_should_exist(field)) {
            root_write(field, FIRST + field);
            n++;
        }
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        uint64_t field = fields[i].field, value = (FIRST + field) & kept(field);

        if (field_width(field) == row->width && field_type(field) == row->type && fields_should_exist(field))
            EXPECT_EQ(read_field(field, &result) & kept(field), value);
    }
    EXPECT_GT(n, 0);
}
