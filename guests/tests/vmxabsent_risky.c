/*
 * Encodings of VMCS fields that the CPU does not have. Not in config/tests.conf: of Bochs 2.7, all CPUs but the first
 * take any encoding for a field, and an access to the high half of a natural-width one ends the emulator. On its first
 * CPU, and on real ones, these can run: make run-bochs TESTS='absent_*'.
 */
#include "guests/tests/vmxfields.h"

static const struct field fields[] = {VMCS_FIELDS(FIELD_ROW)};

static bool exists(uint64_t field)
{
    return !(root_run(LAB_VMX_VMREAD, field, 0, 0).flags & (FLAG_CF | FLAG_ZF));
}

static void expect_absent(uint64_t field)
{
    EXPECT_ROOT(root_run(LAB_VMX_VMREAD, field, 0, 0), UNSUPPORTED_COMPONENT);
    EXPECT_ROOT(root_run(LAB_VMX_VMWRITE, field, 0, 1), UNSUPPORTED_COMPONENT);
}

FEATURE_TESTS(absent_field, VMX, NEEDS(), "Field Encoding in VMCS",
              "a field that needs a control which the CPU does not have is not there", fields)
{
    if (fields_should_exist(row->field))
        SKIP("the capabilities say that there is this field");
    root_begin(true);
    expect_absent(row->field);
}

static const struct feature_axis high_axes[] = {AXIS_FIELDS, {0}};

static bool is_not_64(const unsigned *at) { return field_width(fields[at[0]].field) != WIDTH_64; }

FEATURE_GRID(absent_high, VMX, NEEDS(), "Field Encoding in VMCS", "only 64-bit fields have an encoding of a high half",
             high_axes, .exists = is_not_64)
{
    root_begin(true);
    expect_absent(fields[at[0]].field | FIELD_HIGH);
}

/* Up to the index that the MSR tells, and some more. A field that has no name here may be newer than this. */
enum { VMCS_ENUM = 0x48a, MORE = 8 };

static unsigned highest_index(void) { return feature_capability(VMCS_ENUM) >> INDEX_SHIFT & 0x1ff; }

static const struct feature_axis kind_axes[] = {
    AXIS("16", "64", "32", "natural"), AXIS("control", "read-only", "guest", "host"), {0}};

FEATURE_GRID(absent_index, VMX, NEEDS(), "VMCS Enumeration", "no field has a higher index than IA32_VMX_VMCS_ENUM says",
             kind_axes)
{
    unsigned highest = highest_index();

    root_begin(true);
    for (unsigned index = highest + 1; index <= highest + MORE; index++)
        expect_absent((uint64_t)at[0] << WIDTH_SHIFT | (uint64_t)at[1] << TYPE_SHIFT | index << INDEX_SHIFT);
    EXPECT_GT(highest, 0);
}

FEATURE_TEST(absent_highest, VMX, NEEDS(), "VMCS Enumeration", "some field has the index that IA32_VMX_VMCS_ENUM says")
{
    bool found = false;

    root_begin(true);
    for (unsigned width = 0; width < WIDTHS && !found; width++)
        for (unsigned type = 0; type < TYPES && !found; type++)
            found =
                exists((uint64_t)width << WIDTH_SHIFT | (uint64_t)type << TYPE_SHIFT | highest_index() << INDEX_SHIFT);
    EXPECT(found);
}
