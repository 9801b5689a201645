/*
 * Each field of the VMCS, by VMREAD and VMWRITE on a VMCS that is the lab's own: which there are, how wide they are, and that what is
 * written is read again. "Field Encoding in VMCS", "Use of the VMREAD and VMWRITE Instructions", "VMCS Types".
 */
#include "guests/lib/lab/lab.h"

#define ENCODING "Field Encoding in VMCS"

enum { HIGH = 1, WIDTH_SHIFT = 13, TYPE_SHIFT = 10, INDEX_SHIFT = 1, WIDTHS = 4, TYPES = 4, READ_ONLY = 1 };
enum { WIDTH_16, WIDTH_64, WIDTH_32, WIDTH_NATURAL };

static unsigned width_of(uint64_t field) { return field >> WIDTH_SHIFT & 3; }

static bool is_read_only(uint64_t field) { return (field >> TYPE_SHIFT & 3) == READ_ONLY; }

/* Fields that exist only with the 1-setting of a control, as the notes to the tables of Appendix B say. Others always do. */
static const struct condition {
    uint64_t first, last;
    uint16_t with[3]; /* any of them */
} conditions[] = {
    {VIRTUAL_PROCESSOR_ID, VIRTUAL_PROCESSOR_ID, {PROC2_VPID}},
    {POSTED_INTERRUPT_VECTOR, POSTED_INTERRUPT_VECTOR, {PIN_POSTED_INTERRUPTS}},
    {EPTP_INDEX, EPTP_INDEX, {PROC2_EPT_VIOLATION_VE}},
    {HLAT_PREFIX_SIZE, HLAT_PREFIX_SIZE, {PROC3_HLAT}},
    {LAST_PID_POINTER_INDEX, LAST_PID_POINTER_INDEX, {PROC3_IPI_VIRTUALIZATION}},
    {GUEST_INTERRUPT_STATUS, GUEST_INTERRUPT_STATUS, {PROC2_VIRTUAL_INTERRUPT_DELIVERY}},
    {PML_INDEX, PML_INDEX, {PROC2_PML}},
    {GUEST_UINV, GUEST_UINV, {ENTRYC_LOAD_UINV, EXITC_CLEAR_UINV}},
    {MSR_BITMAP, MSR_BITMAP, {PROC_MSR_BITMAPS}},
    {PML_ADDRESS, PML_ADDRESS, {PROC2_PML}},
    {VIRTUAL_APIC_ADDRESS, VIRTUAL_APIC_ADDRESS, {PROC_TPR_SHADOW}},
    {APIC_ACCESS_ADDRESS, APIC_ACCESS_ADDRESS, {PROC2_VIRTUALIZE_APIC_ACCESSES}},
    {POSTED_INTERRUPT_DESCRIPTOR, POSTED_INTERRUPT_DESCRIPTOR, {PIN_POSTED_INTERRUPTS}},
    {VM_FUNCTION_CONTROLS, VM_FUNCTION_CONTROLS, {PROC2_VMFUNC}},
    {EPT_POINTER, EPT_POINTER, {PROC2_EPT}},
    {EOI_EXIT_BITMAP_0, EOI_EXIT_BITMAP_3, {PROC2_VIRTUAL_INTERRUPT_DELIVERY}},
    {EPTP_LIST_ADDRESS, EPTP_LIST_ADDRESS, {FUNCTION_EPTP_SWITCHING}},
    {VMREAD_BITMAP, VMWRITE_BITMAP, {PROC2_VMCS_SHADOWING}},
    {VE_INFORMATION_ADDRESS, VE_INFORMATION_ADDRESS, {PROC2_EPT_VIOLATION_VE}},
    {XSS_EXITING_BITMAP, XSS_EXITING_BITMAP, {PROC2_XSAVES}},
    {ENCLS_EXITING_BITMAP, ENCLS_EXITING_BITMAP, {PROC2_ENCLS}},
    {SUB_PAGE_PERMISSION_POINTER, SUB_PAGE_PERMISSION_POINTER, {PROC2_SUB_PAGE_WRITE}},
    {TSC_MULTIPLIER, TSC_MULTIPLIER, {PROC2_TSC_SCALING}},
    {TERTIARY_CONTROLS, TERTIARY_CONTROLS, {PROC_TERTIARY}},
    {ENCLV_EXITING_BITMAP, ENCLV_EXITING_BITMAP, {PROC2_ENCLV}},
    {GUEST_PHYSICAL_ADDRESS, GUEST_PHYSICAL_ADDRESS, {PROC2_EPT}},
    {GUEST_IA32_PAT, GUEST_IA32_PAT, {ENTRYC_LOAD_PAT, EXITC_SAVE_PAT}},
    {GUEST_IA32_EFER, GUEST_IA32_EFER, {ENTRYC_LOAD_EFER, EXITC_SAVE_EFER}},
    {GUEST_IA32_PERF_GLOBAL_CTRL, GUEST_IA32_PERF_GLOBAL_CTRL, {ENTRYC_LOAD_PERF_GLOBAL_CTRL, EXITC_SAVE_PERF_GLOBAL_CTRL}},
    {GUEST_PDPTE0, GUEST_PDPTE3, {PROC2_EPT}},
    {GUEST_IA32_BNDCFGS, GUEST_IA32_BNDCFGS, {ENTRYC_LOAD_BNDCFGS, EXITC_CLEAR_BNDCFGS}},
    {GUEST_IA32_RTIT_CTL, GUEST_IA32_RTIT_CTL, {ENTRYC_LOAD_RTIT_CTL, EXITC_CLEAR_RTIT_CTL}},
    {GUEST_IA32_LBR_CTL, GUEST_IA32_LBR_CTL, {ENTRYC_LOAD_LBR_CTL, EXITC_CLEAR_LBR_CTL}},
    {GUEST_IA32_PKRS, GUEST_IA32_PKRS, {ENTRYC_LOAD_PKRS}},
    {HOST_IA32_PAT, HOST_IA32_PAT, {EXITC_LOAD_PAT}},
    {HOST_IA32_EFER, HOST_IA32_EFER, {EXITC_LOAD_EFER}},
    {HOST_IA32_PERF_GLOBAL_CTRL, HOST_IA32_PERF_GLOBAL_CTRL, {EXITC_LOAD_PERF_GLOBAL_CTRL}},
    {HOST_IA32_PKRS, HOST_IA32_PKRS, {EXITC_LOAD_PKRS}},
    {TPR_THRESHOLD, TPR_THRESHOLD, {PROC_TPR_SHADOW}},
    {PROC2_CONTROLS, PROC2_CONTROLS, {PROC_SECONDARY}},
    {PLE_GAP, PLE_WINDOW, {PROC2_PAUSE_LOOP}},
    {PREEMPTION_TIMER_VALUE, PREEMPTION_TIMER_VALUE, {PIN_PREEMPTION_TIMER}},
    {GUEST_S_CET, GUEST_INTERRUPT_SSP_TABLE_ADDRESS, {ENTRYC_LOAD_CET}},
    {HOST_S_CET, HOST_INTERRUPT_SSP_TABLE_ADDRESS, {EXITC_LOAD_CET}},
};

static const struct condition *condition_of(uint64_t field)
{
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
        if (field >= conditions[i].first && field <= conditions[i].last)
            return &conditions[i];
    return NULL;
}

static bool should_exist(uint64_t field)
{
    const struct condition *condition = condition_of(field);
    uint64_t cr3_targets = feature_capability(0x485) >> 16 & 0x1ff;

    if (field >= CR3_TARGET_0 && field <= CR3_TARGET_3)
        return (field - CR3_TARGET_0) / 2 < cr3_targets;
    for (unsigned i = 0; condition && i < 3 && condition->with[i]; i++)
        if (feature_has(condition->with[i]))
            return true;
    return !condition;
}

/* Some CPUs drop the reserved bits of access rights, which nothing forbids. */
static uint64_t unknown(uint64_t field)
{
    return field >= GUEST_ES_ACCESS_RIGHTS && field <= GUEST_TR_ACCESS_RIGHTS ? 0xfffe0f00 : 0;
}

/* What of a value the field keeps. */
static uint64_t kept(uint64_t field)
{
    static const uint64_t widths[] = {[WIDTH_16] = 0xffff, [WIDTH_64] = ~0ull, [WIDTH_32] = 0xffffffff, [WIDTH_NATURAL] = ~0ull};

    return widths[width_of(field)] & ~unknown(field);
}

static uint64_t read_field(uint64_t field, struct root_result *result)
{
    *result = root_run(LAB_VMX_VMREAD, field, 0, 0);
    return result->value;
}

static bool exists(uint64_t field)
{
    return !(root_run(LAB_VMX_VMREAD, field, 0, 0).flags & (FLAG_CF | FLAG_ZF));
}

/* ---- The fields that have names ------------------------------------------------------------------------------------------ */

static const struct field {
    const char *label;
    uint64_t field;
} fields[] = {
#define X(encoding, name) {#name, encoding},
    VMCS_FIELDS(X)
#undef X
};

FEATURE_TESTS(fields_exist, VMX, NEEDS(), ENCODING, "the field is there, or is not, as the capabilities say", fields)
{
    root_begin(true);
    if (should_exist(row->field))
        EXPECT_ROOT(root_run(LAB_VMX_VMREAD, row->field, 0, 0), ROOT_SUCCEEDS);
    else
        EXPECT_ROOT(root_run(LAB_VMX_VMREAD, row->field, 0, 0), UNSUPPORTED_COMPONENT);
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
              "what is written is read again, as far as the field is wide, with zeros above; or the field is read-only", fields)
{
    struct root_result result;

    root_begin(true);
    if (!exists(row->field))
        SKIP("the CPU has no such field");
    if (is_read_only(row->field) && !feature_has(MISC_VMWRITE_ANY_FIELD)) {
        try_read_only(row->field);
        return;
    }
    for (unsigned i = 0; i < VALUES; i++) {
        root_write(row->field, values[i]);
        EXPECT_EQ(read_field(row->field, &result) & ~unknown(row->field), values[i] & kept(row->field));
        EXPECT_ROOT(result, ROOT_SUCCEEDS);
    }
}

FEATURE_TESTS(fields_high, VMX, NEEDS(), ENCODING,
              "the encoding of the high half is of bits 63:32 of a 64-bit field, and of no other field", fields)
{
    const uint64_t low = 0x11111111, high = 0x22222222;
    struct root_result result;

    root_begin(true);
    if (!exists(row->field))
        SKIP("the CPU has no such field");
    if (width_of(row->field) != WIDTH_64) {
        EXPECT_ROOT(root_run(LAB_VMX_VMREAD, row->field | HIGH, 0, 0), UNSUPPORTED_COMPONENT);
        EXPECT_ROOT(root_run(LAB_VMX_VMWRITE, row->field | HIGH, 0, 1), UNSUPPORTED_COMPONENT);
        return;
    }
    if (is_read_only(row->field) && !feature_has(MISC_VMWRITE_ANY_FIELD)) {
        EXPECT_ROOT(root_run(LAB_VMX_VMREAD, row->field | HIGH, 0, 0), ROOT_SUCCEEDS);
        EXPECT_ROOT(root_run(LAB_VMX_VMWRITE, row->field | HIGH, 0, 1), VMWRITE_READ_ONLY);
        return;
    }
    root_write(row->field, low);
    root_write(row->field | HIGH, high | 0xffffffffull << 32); /* bits 63:32 of the operand don't count */
    EXPECT_EQ(read_field(row->field, &result), high << 32 | low);
    EXPECT_EQ(read_field(row->field | HIGH, &result), high);
    root_write(row->field, ~0ull);
    EXPECT_EQ(read_field(row->field | HIGH, &result), 0xffffffff);
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

FEATURE_TESTS(fields_apart, VMX, NEEDS(), ENCODING, "of all fields of a kind, each keeps a value of its own", places)
{
    enum { FIRST = 0x1001 };
    struct root_result result;
    unsigned n = 0;

    root_begin(true);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        uint64_t field = fields[i].field;

        if (width_of(field) == row->width && (field >> TYPE_SHIFT & 3) == row->type && exists(field)) {
            root_write(field, FIRST + field);
            n++;
        }
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        uint64_t field = fields[i].field, value = (FIRST + field) & kept(field);

        if (width_of(field) == row->width && (field >> TYPE_SHIFT & 3) == row->type && exists(field))
            EXPECT_EQ(read_field(field, &result) & kept(field), value);
    }
    EXPECT_GT(n, 0);
}

/* ---- All encodings ------------------------------------------------------------------------------------------------------------ */

static const struct feature_axis kind_axes[] = {AXIS("16", "64", "32", "natural"), AXIS("control", "read-only", "guest", "host"), {0}};

static bool is_named(uint64_t field)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].field == field)
            return true;
    return false;
}

/* Up to the index that the MSR tells, and some more. A field that this has no name for may be newer than this. */
FEATURE_GRID(fields_unnamed, VMX, NEEDS(), "VMCS Enumeration",
             "no field has a higher index than IA32_VMX_VMCS_ENUM says; 32-bit and natural fields have no high half", kind_axes,
             .milliseconds = 20000)
{
    enum { VMCS_ENUM = 0x48a, MORE = 8 };
    unsigned highest = feature_capability(VMCS_ENUM) >> INDEX_SHIFT & 0x1ff;

    root_begin(true);
    for (unsigned index = 0; index <= highest + MORE; index++) {
        uint64_t field = (uint64_t)at[0] << WIDTH_SHIFT | (uint64_t)at[1] << TYPE_SHIFT | index << INDEX_SHIFT;

        if (is_named(field) || !exists(field))
            continue;
        EXPECT_LE(index, highest);
        EXPECT_EQ(exists(field | HIGH), at[0] == WIDTH_64);
    }
    EXPECT_GT(highest, 0);
}

FEATURE_TEST(fields_highest, VMX, NEEDS(), "VMCS Enumeration", "some field has the index that IA32_VMX_VMCS_ENUM says", .milliseconds = 20000)
{
    enum { VMCS_ENUM = 0x48a };
    unsigned highest = feature_capability(VMCS_ENUM) >> INDEX_SHIFT & 0x1ff;
    bool found = false;

    root_begin(true);
    for (unsigned width = 0; width < WIDTHS && !found; width++)
        for (unsigned type = 0; type < TYPES && !found; type++)
            found = exists((uint64_t)width << WIDTH_SHIFT | (uint64_t)type << TYPE_SHIFT | highest << INDEX_SHIFT);
    EXPECT(found);
}
