/*
 * VMX instructions in VMX root operation, on VMCS regions that are the lab's own: VMsucceed, VMfailInvalid, VMfailValid
 * with each error number that can be had. "VMX Instruction Reference", "VM Instruction Error Numbers". Number 4
 * needs an entry that succeeds: probe_activity.c has it. docs/families.md says why 1, 6 and 16 to 25 have no row.
 */
#include "guests/lib/lab/lab.h"

#define REFERENCE "VMX Instruction Reference"
#define BEYOND (1ull << 63) /* in an address: beyond any physical-address width */

enum { ERROR_FIELD = INSTRUCTION_ERROR, OLD = 0x5a5a, REVISION_BITS = 31 };

/* ---- VMfailInvalid and VMfailValid ------------------------------------------------------------------------------ */

#define BAD_INVEPT(type, low, high)  LAB_VMX_INVEPT, type, low, high, INVALIDATION_INVALID_OPERAND
#define BAD_INVVPID(type, low, high) LAB_VMX_INVVPID, type, low, high, INVALIDATION_INVALID_OPERAND

/* An instruction that fails with a number if there is a current VMCS, and with none otherwise. */
static const struct failing {
    const char *label;
    enum lab_vmx_run instruction;
    uint64_t operand, pointer, data, number;
    uint16_t needs[2];
} failings[] = {
    {"vmclear-plus-1", LAB_VMX_VMCLEAR, 0, LAB_VMX_B | 1, 0, VMCLEAR_INVALID_ADDRESS, {0}},
    {"vmclear-plus-8", LAB_VMX_VMCLEAR, 0, LAB_VMX_B | 8, 0, VMCLEAR_INVALID_ADDRESS, {0}},
    {"vmclear-plus-800", LAB_VMX_VMCLEAR, 0, LAB_VMX_B | 0x800, 0, VMCLEAR_INVALID_ADDRESS, {0}},
    {"vmclear-bit-52", LAB_VMX_VMCLEAR, 0, LAB_VMX_B | 1ull << 52, 0, VMCLEAR_INVALID_ADDRESS, {0}},
    {"vmclear-bit-63", LAB_VMX_VMCLEAR, 0, LAB_VMX_B | BEYOND, 0, VMCLEAR_INVALID_ADDRESS, {0}},
    {"vmclear-vmxon", LAB_VMX_VMCLEAR, 0, LAB_VMX_VMXON_REGION, 0, VMCLEAR_VMXON_POINTER, {0}},
    {"vmptrld-plus-1", LAB_VMX_VMPTRLD, 0, LAB_VMX_B | 1, 0, VMPTRLD_INVALID_ADDRESS, {0}},
    {"vmptrld-plus-8", LAB_VMX_VMPTRLD, 0, LAB_VMX_B | 8, 0, VMPTRLD_INVALID_ADDRESS, {0}},
    {"vmptrld-plus-800", LAB_VMX_VMPTRLD, 0, LAB_VMX_B | 0x800, 0, VMPTRLD_INVALID_ADDRESS, {0}},
    {"vmptrld-bit-52", LAB_VMX_VMPTRLD, 0, LAB_VMX_B | 1ull << 52, 0, VMPTRLD_INVALID_ADDRESS, {0}},
    {"vmptrld-bit-63", LAB_VMX_VMPTRLD, 0, LAB_VMX_B | BEYOND, 0, VMPTRLD_INVALID_ADDRESS, {0}},
    {"vmptrld-vmxon", LAB_VMX_VMPTRLD, 0, LAB_VMX_VMXON_REGION, 0, VMPTRLD_VMXON_POINTER, {0}},
    {"vmxon", LAB_VMX_VMXON, 0, LAB_VMX_B, 0, VMXON_IN_ROOT, {0}},
    {"vmxon-vmxon", LAB_VMX_VMXON, 0, LAB_VMX_VMXON_REGION, 0, VMXON_IN_ROOT, {0}},
    {"vmxon-plus-1", LAB_VMX_VMXON, 0, LAB_VMX_B | 1, 0, VMXON_IN_ROOT, {0}},
    {"invept-0", BAD_INVEPT(0, 0, 0), {EPT_INVEPT}},
    {"invept-3", BAD_INVEPT(3, 0, 0), {EPT_INVEPT}},
    {"invept-4", BAD_INVEPT(4, 0, 0), {EPT_INVEPT}},
    {"invept-100000001", BAD_INVEPT(0x100000001, 0, 0), {EPT_INVEPT}},
    {"invept-ffffffff", BAD_INVEPT(0xffffffff, 0, 0), {EPT_INVEPT}},
    {"invept-single-memory-type", BAD_INVEPT(1, 1, 0), {EPT_INVEPT, EPT_INVEPT_SINGLE}},
    {"invept-single-walk", BAD_INVEPT(1, 1 << 3, 0), {EPT_INVEPT, EPT_INVEPT_SINGLE}},
    {"invept-single-bit-63", BAD_INVEPT(1, BEYOND, 0), {EPT_INVEPT, EPT_INVEPT_SINGLE}},
    {"invvpid-4", BAD_INVVPID(4, 1, 0), {EPT_INVVPID}},
    {"invvpid-5", BAD_INVVPID(5, 1, 0), {EPT_INVVPID}},
    {"invvpid-100000001", BAD_INVVPID(0x100000001, 1, 0), {EPT_INVVPID}},
    {"invvpid-address-vpid-0", BAD_INVVPID(0, 0, 0x1000), {EPT_INVVPID, EPT_INVVPID_ADDRESS}},
    {"invvpid-address-reserved-16", BAD_INVVPID(0, 1 << 16 | 1, 0), {EPT_INVVPID, EPT_INVVPID_ADDRESS}},
    {"invvpid-address-reserved-63", BAD_INVVPID(0, BEYOND | 1, 0), {EPT_INVVPID, EPT_INVVPID_ADDRESS}},
    {"invvpid-address-not-canonical", BAD_INVVPID(0, 1, BEYOND), {EPT_INVVPID, EPT_INVVPID_ADDRESS}},
    {"invvpid-single-vpid-0", BAD_INVVPID(1, 0, 0), {EPT_INVVPID, EPT_INVVPID_SINGLE}},
    {"invvpid-single-reserved-16", BAD_INVVPID(1, 1 << 16 | 1, 0), {EPT_INVVPID, EPT_INVVPID_SINGLE}},
    {"invvpid-globals-vpid-0", BAD_INVVPID(3, 0, 0), {EPT_INVVPID, EPT_INVVPID_SINGLE_RETAINING_GLOBALS}},
    {"vmread-bit-12", LAB_VMX_VMREAD, GUEST_RIP | 1 << 12, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmread-bit-15", LAB_VMX_VMREAD, GUEST_RIP | 1 << 15, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmread-bit-31", LAB_VMX_VMREAD, GUEST_RIP | 1ull << 31, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmread-bit-32", LAB_VMX_VMREAD, GUEST_RIP | 1ull << 32, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmread-bit-63", LAB_VMX_VMREAD, GUEST_RIP | 1ull << 63, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmread-ones", LAB_VMX_VMREAD, ~0ull, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmwrite-bit-12", LAB_VMX_VMWRITE, GUEST_RIP | 1 << 12, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmwrite-bit-15", LAB_VMX_VMWRITE, GUEST_RIP | 1 << 15, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmwrite-bit-32", LAB_VMX_VMWRITE, GUEST_RIP | 1ull << 32, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmwrite-bit-63", LAB_VMX_VMWRITE, GUEST_RIP | 1ull << 63, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmwrite-ones", LAB_VMX_VMWRITE, ~0ull, 0, 0, UNSUPPORTED_COMPONENT, {0}},
    {"vmlaunch", LAB_VMX_VMLAUNCH, 0, 0, 0, ENTRY_INVALID_CONTROLS, {0}},
    {"vmresume", LAB_VMX_VMRESUME, 0, 0, 0, VMRESUME_NOT_LAUNCHED, {0}},
    {"vmlaunch-mov-ss", LAB_VMX_VMLAUNCH_BLOCKED, 0, 0, 0, ENTRY_BLOCKED_BY_MOV_SS, {0}},
    {"vmresume-mov-ss", LAB_VMX_VMRESUME_BLOCKED, 0, 0, 0, ENTRY_BLOCKED_BY_MOV_SS, {0}},
};

static const uint16_t *failing_needs(const void *row) { return ((const struct failing *)row)->needs; }

static struct root_result run(const struct failing *row)
{
    return root_run(row->instruction, row->operand, row->pointer, row->data);
}

FEATURE_TESTS(root_valid, VMX, NEEDS(), "VM Instruction Error Numbers",
              "VMfailValid: ZF and no other flag, the number is in the current VMCS, which stays the current one",
              failings, .row_needs = failing_needs)
{
    root_begin(true);
    root_write(GUEST_RIP, OLD);
    EXPECT_ROOT(run(row), row->number);
    EXPECT_EQ(root_read(ERROR_FIELD), row->number);
    EXPECT_EQ(root_run(LAB_VMX_VMPTRST, 0, 0, 0).value, LAB_VMX_A);
    EXPECT_EQ(root_read(GUEST_RIP), OLD);
}

FEATURE_TESTS(root_invalid, VMX, NEEDS(), "Conventions", "VMfailInvalid without a current VMCS: CF and no other flag",
              failings, .row_needs = failing_needs)
{
    root_begin(false);
    EXPECT_ROOT(run(row), ROOT_FAILS_INVALID);
    EXPECT_EQ(root_run(LAB_VMX_VMPTRST, 0, 0, 0).value, ~0ull);
}

/* ---- VMsucceed -------------------------------------------------------------------------------------------------- */

static const struct failing succeedings[] = {
    {"vmclear-other", LAB_VMX_VMCLEAR, 0, LAB_VMX_B, 0, 0, {0}},
    {"vmptrld-same", LAB_VMX_VMPTRLD, 0, LAB_VMX_A, 0, 0, {0}},
    {"vmptrst", LAB_VMX_VMPTRST, 0, 0, 0, 0, {0}},
    {"vmread", LAB_VMX_VMREAD, GUEST_RIP, 0, 0, 0, {0}},
    {"vmread-read-only", LAB_VMX_VMREAD, EXIT_REASON, 0, 0, 0, {0}},
    {"vmread-high", LAB_VMX_VMREAD, TSC_OFFSET | 1, 0, 0, 0, {0}},
    {"vmwrite", LAB_VMX_VMWRITE, GUEST_RSP, 0, 1, 0, {0}},
    {"vmwrite-host", LAB_VMX_VMWRITE, HOST_RIP, 0, 1, 0, {0}},
    {"vmwrite-high", LAB_VMX_VMWRITE, TSC_OFFSET | 1, 0, 1, 0, {0}},
    {"vmwrite-read-only", LAB_VMX_VMWRITE, EXIT_REASON, 0, 1, 0, {MISC_VMWRITE_ANY_FIELD}},
    {"invept-single", LAB_VMX_INVEPT, 1, 0, 0, 0, {EPT_INVEPT, EPT_INVEPT_SINGLE}},
    {"invept-all", LAB_VMX_INVEPT, 2, 0, 0, 0, {EPT_INVEPT, EPT_INVEPT_ALL}},
    {"invvpid-address", LAB_VMX_INVVPID, 0, 1, 0x1000, 0, {EPT_INVVPID, EPT_INVVPID_ADDRESS}},
    {"invvpid-address-highest-vpid",
     LAB_VMX_INVVPID,
     0,
     0xffff,
     0xffff800000000000,
     0,
     {EPT_INVVPID, EPT_INVVPID_ADDRESS}},
    {"invvpid-single", LAB_VMX_INVVPID, 1, 1, 0, 0, {EPT_INVVPID, EPT_INVVPID_SINGLE}},
    {"invvpid-all", LAB_VMX_INVVPID, 2, 1, 0, 0, {EPT_INVVPID, EPT_INVVPID_ALL}},
    {"invvpid-all-vpid-0", LAB_VMX_INVVPID, 2, 0, 0, 0, {EPT_INVVPID, EPT_INVVPID_ALL}},
    {"invvpid-globals", LAB_VMX_INVVPID, 3, 1, 0, 0, {EPT_INVVPID, EPT_INVVPID_SINGLE_RETAINING_GLOBALS}},
};

FEATURE_TESTS(root_succeeds, VMX, NEEDS(), "Conventions",
              "VMsucceed: all six flags are 0; the VM-instruction error of before, and the current VMCS, stay",
              succeedings, .row_needs = failing_needs)
{
    root_begin(true);
    EXPECT_ROOT(root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_B | 1, 0), VMCLEAR_INVALID_ADDRESS);
    EXPECT_ROOT(run(row), ROOT_SUCCEEDS);
    EXPECT_EQ(root_read(ERROR_FIELD), VMCLEAR_INVALID_ADDRESS);
    EXPECT_EQ(root_run(LAB_VMX_VMPTRST, 0, 0, 0).value, LAB_VMX_A);
}

/* An invalidation type that the CPU does not offer, with operands that are right for it. */
static const struct failing unoffered[] = {
    {"invept-single", LAB_VMX_INVEPT, 1, 0, 0, 0, {EPT_INVEPT, NOT(EPT_INVEPT_SINGLE)}},
    {"invvpid-address", LAB_VMX_INVVPID, 0, 1, 0x1000, 0, {EPT_INVVPID, NOT(EPT_INVVPID_ADDRESS)}},
    {"invvpid-single", LAB_VMX_INVVPID, 1, 1, 0, 0, {EPT_INVVPID, NOT(EPT_INVVPID_SINGLE)}},
    {"invvpid-globals", LAB_VMX_INVVPID, 3, 1, 0, 0, {EPT_INVVPID, NOT(EPT_INVVPID_SINGLE_RETAINING_GLOBALS)}},
};

/* A bit of IA32_VMX_EPT_VPID_CAP that is 0 is no control that can be 0: NOT() of it says that the CPU does not have it.
 */
static const uint16_t *unoffered_needs(const void *row)
{
    static uint16_t needs[2];

    needs[0] = ((const struct failing *)row)->needs[0];
    return needs;
}

FEATURE_TESTS(root_unoffered, VMX, NEEDS(), "INVEPT, INVVPID",
              "a type of invalidation that is not offered fails with the number 28", unoffered,
              .row_needs = unoffered_needs)
{
    if (feature_has(row->needs[1] & (uint16_t)~NEED_NOT))
        SKIP("this type is offered");
    root_begin(true);
    EXPECT_ROOT(run(row), INVALIDATION_INVALID_OPERAND);
}

/* ---- The current VMCS ------------------------------------------------------------------------------------------- */

FEATURE_TEST(root_vmclear_current, VMX, NEEDS(), REFERENCE,
             "VMCLEAR of the current VMCS succeeds, and there is none then")
{
    root_begin(true);
    EXPECT_ROOT(root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_A, 0), ROOT_SUCCEEDS);
    EXPECT_EQ(root_run(LAB_VMX_VMPTRST, 0, 0, 0).value, ~0ull);
    EXPECT_ROOT(root_run(LAB_VMX_VMREAD, GUEST_RIP, 0, 0), ROOT_FAILS_INVALID);
}

FEATURE_TEST(root_vmclear_none, VMX, NEEDS(), REFERENCE, "VMCLEAR succeeds without a current VMCS")
{
    root_begin(false);
    EXPECT_ROOT(root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_A, 0), ROOT_SUCCEEDS);
}

FEATURE_TEST(root_vmptrst_none, VMX, NEEDS(), REFERENCE, "VMPTRST without a current VMCS stores all ones, and succeeds")
{
    struct root_result result;

    root_begin(false);
    result = root_run(LAB_VMX_VMPTRST, 0, 0, 0);
    EXPECT_ROOT(result, ROOT_SUCCEEDS);
    EXPECT_EQ(result.value, ~0ull);
}

FEATURE_TEST(root_vmptrld_two, VMX, NEEDS(), REFERENCE,
             "two VMCSs have fields of their own, also when they are current by turns")
{
    root_begin(true);
    root_write(GUEST_RIP, OLD);
    EXPECT_ROOT(root_run(LAB_VMX_VMPTRLD, 0, LAB_VMX_B, 0), ROOT_SUCCEEDS);
    EXPECT_EQ(root_run(LAB_VMX_VMPTRST, 0, 0, 0).value, LAB_VMX_B);
    root_write(GUEST_RIP, OLD + 1);
    EXPECT_ROOT(root_run(LAB_VMX_VMPTRLD, 0, LAB_VMX_A, 0), ROOT_SUCCEEDS);
    EXPECT_EQ(root_read(GUEST_RIP), OLD);
    EXPECT_ROOT(root_run(LAB_VMX_VMPTRLD, 0, LAB_VMX_B, 0), ROOT_SUCCEEDS);
    EXPECT_EQ(root_read(GUEST_RIP), OLD + 1);
}

FEATURE_TEST(root_vmclear_keeps, VMX, NEEDS(), REFERENCE,
             "VMCLEAR keeps the fields: the VMCS has them when it is loaded again")
{
    root_begin(true);
    root_write(GUEST_RIP, OLD);
    EXPECT_ROOT(root_run(LAB_VMX_VMCLEAR, 0, LAB_VMX_A, 0), ROOT_SUCCEEDS);
    EXPECT_ROOT(root_run(LAB_VMX_VMPTRLD, 0, LAB_VMX_A, 0), ROOT_SUCCEEDS);
    EXPECT_EQ(root_read(GUEST_RIP), OLD);
}

/* ---- The revision identifier ------------------------------------------------------------------------------------ */

static const struct feature_axis revision_axes[] = {
    AXIS("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
         "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31"),
    {0},
};

FEATURE_GRID(root_revision, VMX, NEEDS(), REFERENCE,
             "VMPTRLD of a region with another revision identifier fails with the number 11; bit 31, for a shadow "
             "VMCS, only without VMCS shadowing", revision_axes)
{
    bool right = at[0] == REVISION_BITS && feature_has(PROC2_VMCS_SHADOWING);

    root_begin(true);
    root_run(LAB_VMX_REVISE, 0, LAB_VMX_B, 1ull << at[0]);
    EXPECT_ROOT(root_run(LAB_VMX_VMPTRLD, 0, LAB_VMX_B, 0), right ? ROOT_SUCCEEDS : VMPTRLD_WRONG_REVISION);
    EXPECT_EQ(root_run(LAB_VMX_VMPTRST, 0, 0, 0).value, right ? LAB_VMX_B : LAB_VMX_A);
}

/* ---- Order of an entry's checks --------------------------------------------------------------------------------- */

/* Controls that an entry accepts: those that must be 1, and a 64-bit host. */
static void write_controls(void)
{
    enum { PIN = 0x481, PROC, EXIT, ENTRY, TRUE_PIN = 0x48d, TRUE_PROC, TRUE_EXIT, TRUE_ENTRY, HOST_64 = 1 << 9 };
    bool with_true = feature_has(BASIC_TRUE_CONTROLS);

    root_write(PIN_CONTROLS, (uint32_t)feature_capability(with_true ? TRUE_PIN : PIN));
    root_write(PROC_CONTROLS, (uint32_t)feature_capability(with_true ? TRUE_PROC : PROC));
    root_write(EXIT_CONTROLS, (uint32_t)feature_capability(with_true ? TRUE_EXIT : EXIT) | HOST_64);
    root_write(ENTRY_CONTROLS, (uint32_t)feature_capability(with_true ? TRUE_ENTRY : ENTRY));
}

FEATURE_TEST(root_host_state, VMX, NEEDS(), "Checks on VMX Controls and Host-State Area",
             "with right controls, VMLAUNCH fails by the host-state area: the number 8")
{
    root_begin(true);
    write_controls();
    EXPECT_ROOT(root_run(LAB_VMX_VMLAUNCH, 0, 0, 0), ENTRY_INVALID_HOST_STATE);
    EXPECT_EQ(root_read(ERROR_FIELD), ENTRY_INVALID_HOST_STATE);
    EXPECT_EQ(root_read(EXIT_REASON), 0);
}

FEATURE_TEST(root_launch_state, VMX, NEEDS(), "Basic VM-Entry Checks",
             "an entry that failed has not launched the VMCS: VMRESUME fails with the number 5, VMLAUNCH as before")
{
    root_begin(true);
    write_controls();
    EXPECT_ROOT(root_run(LAB_VMX_VMLAUNCH, 0, 0, 0), ENTRY_INVALID_HOST_STATE);
    EXPECT_ROOT(root_run(LAB_VMX_VMRESUME, 0, 0, 0), VMRESUME_NOT_LAUNCHED);
    EXPECT_ROOT(root_run(LAB_VMX_VMLAUNCH, 0, 0, 0), ENTRY_INVALID_HOST_STATE);
}

FEATURE_TEST(root_mov_ss_first, VMX, NEEDS(), "Basic VM-Entry Checks",
             "blocking by MOV SS is looked at before the launch state and before the controls")
{
    root_begin(true);
    EXPECT_ROOT(root_run(LAB_VMX_VMRESUME_BLOCKED, 0, 0, 0), ENTRY_BLOCKED_BY_MOV_SS);
    EXPECT_ROOT(root_run(LAB_VMX_VMRESUME, 0, 0, 0), VMRESUME_NOT_LAUNCHED);
    EXPECT_ROOT(root_run(LAB_VMX_VMLAUNCH, 0, 0, 0), ENTRY_INVALID_CONTROLS);
}
