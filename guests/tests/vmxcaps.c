/* The capability MSRs 480H to 493H, as the CPU under Nestor has them: each by itself, one against the other, and
 * against CPUID. */
#include "guests/lib/lab/lab.h"

#define CAPABILITIES "VMX Capability Reporting Facility"

enum { FEATURE_CONTROL = 0x3a, BASIC = 0x480, PIN, PROC, EXIT, ENTRY, MISC, CR0_FIXED0, CR0_FIXED1, CR4_FIXED0,
       CR4_FIXED1, VMCS_ENUM, PROC2, EPT_VPID, TRUE_PIN, TRUE_PROC, TRUE_EXIT, TRUE_ENTRY, VMFUNC, PROC3, EXIT2 };

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
    return value >> low & (high - low == 63 ? ~0ull : (1ull << (high - low + 1)) - 1);
}

/* ---- Which there are -------------------------------------------------------------------------------------------- */

/* An MSR, and the capability that it exists with: all bits of it are 0 otherwise. */
static const struct existence {
    const char *label;
    uint32_t msr;
    uint16_t with;
} existences[] = {
    {"proc2", PROC2, PROC_SECONDARY},
    {"ept-vpid", EPT_VPID, PROC2_EPT},
    {"true-pin", TRUE_PIN, BASIC_TRUE_CONTROLS},
    {"true-proc", TRUE_PROC, BASIC_TRUE_CONTROLS},
    {"true-exit", TRUE_EXIT, BASIC_TRUE_CONTROLS},
    {"true-entry", TRUE_ENTRY, BASIC_TRUE_CONTROLS},
    {"vmfunc", VMFUNC, PROC2_VMFUNC},
    {"proc3", PROC3, PROC_TERTIARY},
    {"exit2", EXIT2, EXITC_SECONDARY},
};

FEATURE_TESTS(caps_exists, VMX, NEEDS(), CAPABILITIES, "the MSR is there if and only if the capability says so",
              existences)
{
    if (feature_has(row->with))
        EXPECT_NE(feature_capability(row->msr), 0);
    else
        EXPECT_EQ(feature_capability(row->msr), 0);
}

/* Bits that are reserved, or said to be always 0, or 1. */
static const struct fixed {
    const char *label;
    uint32_t msr;
    uint64_t zero, one;
} fixed[] = {
    {"basic", BASIC, 1ull << 31 | 7ull << 45 | 1ull << 48 | 0x1full << 59, 0},
    {"pin", PIN, 0, 0x16},
    {"proc", PROC, 0, 0x0401e172},
    {"exit", EXIT, 0, 0x00036dff},
    {"entry", ENTRY, 0, 0x000011ff},
    {"misc", MISC, 0x1full << 9 | 1ull << 31, 0},
    {"proc2", PROC2, UINT32_MAX, 0},
    {"ept-vpid", EPT_VPID,
     0x1full << 1 | 0x1full << 9 | 1ull << 15 | 3ull << 18 | 1ull << 24 | 0x1full << 27 | 0x7full << 33 | 0xfull << 44 |
         0x3ffull << 54,
     0},
    {"enum", VMCS_ENUM, 1 | ~0x3ffull, 0},
    {"cr4-fixed0", CR4_FIXED0, 0, 1 << 13},
    {"cr4-fixed1", CR4_FIXED1, 0, 1 << 13},
    {"cr0-fixed0", CR0_FIXED0, 1ull << 29 | 1ull << 30, 1ull | 1ull << 31},
};

FEATURE_TESTS(caps_fixed, VMX, NEEDS(), CAPABILITIES, "bits that are always 0 or always 1 are so", fixed)
{
    uint64_t value = feature_capability(row->msr);

    EXPECT_BITS(value, row->zero, 0);
    EXPECT_BITS(value, row->one, row->one);
}

/* ---- Control words ---------------------------------------------------------------------------------------------- */

static const struct word {
    const char *label;
    uint32_t msr;
    uint16_t with;
} words[] = {
    {"pin", PIN, 0}, {"proc", PROC, 0}, {"exit", EXIT, 0}, {"entry", ENTRY, 0}, {"proc2", PROC2, PROC_SECONDARY},
    {"true-pin", TRUE_PIN, BASIC_TRUE_CONTROLS}, {"true-proc", TRUE_PROC, BASIC_TRUE_CONTROLS},
    {"true-exit", TRUE_EXIT, BASIC_TRUE_CONTROLS}, {"true-entry", TRUE_ENTRY, BASIC_TRUE_CONTROLS},
};

FEATURE_TESTS(caps_allowed, VMX, NEEDS(), CAPABILITIES, "what must be 1 may be 1", words)
{
    uint64_t value = feature_capability(row->msr);

    if (row->with && !feature_has(row->with))
        SKIP("needs %s", feature_need_name(row->with));
    EXPECT_EQ((uint32_t)value & ~(value >> 32), 0);
}

static const struct pair {
    const char *label;
    uint32_t plain, with_true;
    uint32_t default1;
} pairs[] = {
    {"pin", PIN, TRUE_PIN, 0x16},
    {"proc", PROC, TRUE_PROC, 0x0401e172},
    {"exit", EXIT, TRUE_EXIT, 0x00036dff},
    {"entry", ENTRY, TRUE_ENTRY, 0x000011ff},
};

FEATURE_TESTS(caps_true, VMX, NEEDS(BASIC_TRUE_CONTROLS), "Reserved Controls and Default Settings",
              "the \"true\" MSR differs from the plain one in default1 controls that may be 0, and in nothing else",
              pairs)
{
    uint64_t plain = feature_capability(row->plain), with_true = feature_capability(row->with_true);

    EXPECT_EQ(with_true >> 32, plain >> 32);
    EXPECT_EQ((uint32_t)(plain ^ with_true) & ~row->default1, 0);
    EXPECT_EQ((uint32_t)with_true & ~plain, 0);
}

/* ---- CR0 and CR4 ------------------------------------------------------------------------------------------------ */

static const struct cr {
    const char *label;
    uint32_t fixed0, fixed1, field;
} crs[] = {{"cr0", CR0_FIXED0, CR0_FIXED1, GUEST_CR0}, {"cr4", CR4_FIXED0, CR4_FIXED1, GUEST_CR4}};

FEATURE_TESTS(caps_cr, VMX, NEEDS(), "VMX-Fixed Bits in CR0",
              "no bit is fixed to both values, and the guest's real register keeps to that", crs)
{
    const uint64_t unrestricted = row->field == GUEST_CR0 ? 1ull | 1ull << 31 : 0;
    uint64_t fixed0 = feature_capability(row->fixed0), fixed1 = feature_capability(row->fixed1),
             value = lab_read(row->field);

    EXPECT_EQ(fixed0 & ~fixed1, 0);
    EXPECT_EQ(fixed0 & ~unrestricted & ~value, 0);
    EXPECT_EQ(value & ~fixed1, 0);
}

enum { LEAF_1 = 1, LEAF_7 = 7, EAX = 0, EBX, ECX, EDX };

static uint64_t cpuid_of_cpu(uint32_t leaf, unsigned reg)
{
    return feature_capability(CAP_CPUID | (uint64_t)reg << 32 | leaf);
}

/* A bit of CR4, and the bit of CPUID that it comes with. "Control Registers": what is not enumerated is reserved. */
static const struct cr4_bit {
    const char *label;
    unsigned bit;
    uint32_t leaf;
    unsigned reg, feature;
} cr4_bits[] = {
    {"vme", 0, LEAF_1, EDX, 1},          {"pvi", 1, LEAF_1, EDX, 1},       {"tsd", 2, LEAF_1, EDX, 4},
    {"de", 3, LEAF_1, EDX, 2},           {"pse", 4, LEAF_1, EDX, 3},       {"pae", 5, LEAF_1, EDX, 6},
    {"mce", 6, LEAF_1, EDX, 7},          {"pge", 7, LEAF_1, EDX, 13},      {"osfxsr", 9, LEAF_1, EDX, 24},
    {"osxmmexcpt", 10, LEAF_1, EDX, 25}, {"umip", 11, LEAF_7, ECX, 2},     {"la57", 12, LEAF_7, ECX, 16},
    {"vmxe", 13, LEAF_1, ECX, 5},        {"smxe", 14, LEAF_1, ECX, 6},     {"fsgsbase", 16, LEAF_7, EBX, 0},
    {"pcide", 17, LEAF_1, ECX, 17},      {"osxsave", 18, LEAF_1, ECX, 26}, {"kl", 19, LEAF_7, ECX, 23},
    {"smep", 20, LEAF_7, EBX, 7},        {"smap", 21, LEAF_7, EBX, 20},    {"pke", 22, LEAF_7, ECX, 3},
    {"cet", 23, LEAF_7, ECX, 7},         {"pks", 24, LEAF_7, ECX, 31},
};

FEATURE_TESTS(caps_cr4, VMX, NEEDS(), "VMX-Fixed Bits in CR4",
              "the bit may be 1 in VMX operation if and only if CPUID has the feature that it belongs to", cr4_bits)
{
    uint64_t present = cpuid_of_cpu(row->leaf, row->reg) >> row->feature & 1;

    if (row->bit == 23 && !present) /* CET: shadow stacks, or indirect-branch tracking */
        present = cpuid_of_cpu(LEAF_7, EDX) >> 20 & 1;
    EXPECT_EQ(feature_capability(CR4_FIXED1) >> row->bit & 1, present);
}

/* ---- What comes with what --------------------------------------------------------------------------------------- */

/* A control whose 1-setting a VM entry accepts only with another, so that it could never be used without. */
static const struct implied {
    const char *label;
    uint16_t control, needs[2];
} implied[] = {
    {"virtual-nmis", PIN_VIRTUAL_NMIS, {PIN_NMI}},
    {"nmi-window", PROC_NMI_WINDOW, {PIN_VIRTUAL_NMIS}},
    {"posted-interrupts", PIN_POSTED_INTERRUPTS, {PROC2_VIRTUAL_INTERRUPT_DELIVERY, EXITC_ACKNOWLEDGE_INTERRUPT}},
    {"virtual-interrupt-delivery", PROC2_VIRTUAL_INTERRUPT_DELIVERY, {PROC_TPR_SHADOW, PIN_EXTERNAL_INTERRUPT}},
    {"apic-register", PROC2_APIC_REGISTER_VIRTUALIZATION, {PROC_TPR_SHADOW}},
    {"x2apic", PROC2_VIRTUALIZE_X2APIC, {PROC_TPR_SHADOW}},
    {"unrestricted-guest", PROC2_UNRESTRICTED_GUEST, {PROC2_EPT, MISC_STORES_LMA}},
    {"save-timer", EXITC_SAVE_PREEMPTION_TIMER, {PIN_PREEMPTION_TIMER}},
    {"pml", PROC2_PML, {PROC2_EPT, EPT_ACCESSED_DIRTY}},
    {"ept-violation-ve", PROC2_EPT_VIOLATION_VE, {PROC2_EPT}},
    {"mode-based-execute", PROC2_MODE_BASED_EXECUTE, {PROC2_EPT}},
    {"sub-page-write", PROC2_SUB_PAGE_WRITE, {PROC2_EPT}},
    {"pt-uses-gpa", PROC2_PT_USES_GPA, {PROC2_EPT}},
    {"eptp-switching", FUNCTION_EPTP_SWITCHING, {PROC2_EPT, PROC2_VMFUNC}},
    {"hlat", PROC3_HLAT, {PROC2_EPT}},
    {"ipi-virtualization", PROC3_IPI_VIRTUALIZATION, {PROC_TPR_SHADOW}},
    {"ept", PROC2_EPT, {EPT_WALK_4}},
    {"invept-single", EPT_INVEPT_SINGLE, {EPT_INVEPT}},
    {"invept-all", EPT_INVEPT_ALL, {EPT_INVEPT}},
    {"invvpid-address", EPT_INVVPID_ADDRESS, {EPT_INVVPID}},
    {"invvpid-single", EPT_INVVPID_SINGLE, {EPT_INVVPID}},
    {"invvpid-all", EPT_INVVPID_ALL, {EPT_INVVPID}},
    {"invvpid-globals", EPT_INVVPID_SINGLE_RETAINING_GLOBALS, {EPT_INVVPID}},
    {"tertiary", PROC_TERTIARY, {PROC_SECONDARY}},
};

FEATURE_TESTS(caps_implied, VMX, NEEDS(), "Checks on VMX Controls",
              "what can't be used without something else is not offered without it", implied)
{
    if (!feature_has(row->control))
        SKIP("needs %s", feature_need_name(row->control));
    for (unsigned i = 0; i < sizeof row->needs / sizeof *row->needs && row->needs[i]; i++)
        EXPECT(feature_has(row->needs[i]));
}

/* A control that switches an MSR, which must be there: CPUID leaf, register, bit. */
static const struct about {
    const char *label;
    uint16_t control;
    uint32_t leaf;
    unsigned reg, bit;
} abouts[] = {
    {"load-bndcfgs", ENTRYC_LOAD_BNDCFGS, LEAF_7, EBX, 14}, {"clear-bndcfgs", EXITC_CLEAR_BNDCFGS, LEAF_7, EBX, 14},
    {"load-rtit", ENTRYC_LOAD_RTIT_CTL, LEAF_7, EBX, 25},   {"clear-rtit", EXITC_CLEAR_RTIT_CTL, LEAF_7, EBX, 25},
    {"load-pkrs-entry", ENTRYC_LOAD_PKRS, LEAF_7, ECX, 31}, {"load-pkrs-exit", EXITC_LOAD_PKRS, LEAF_7, ECX, 31},
    {"load-pat", ENTRYC_LOAD_PAT, LEAF_1, EDX, 16},         {"vmx", PIN_NMI, LEAF_1, ECX, 5},
};

FEATURE_TESTS(caps_cpuid, VMX, NEEDS(), "VM-Execution Control Fields",
              "the register that a control switches is there by CPUID as well", abouts)
{
    if (!feature_has(row->control))
        SKIP("needs %s", feature_need_name(row->control));
    EXPECT_BITS(cpuid_of_cpu(row->leaf, row->reg), 1u << row->bit, 1u << row->bit);
}

/* ---- Single fields ---------------------------------------------------------------------------------------------- */

FEATURE_TEST(caps_vmcs_size, VMX, NEEDS(), "Basic VMX Information", "a VMCS has more than 0 and at most 4096 bytes")
{
    uint64_t bytes = bits(feature_capability(BASIC), 44, 32);

    EXPECT_GT(bytes, 0);
    EXPECT_LE(bytes, 4096);
}

FEATURE_TEST(caps_vmcs_memory, VMX, NEEDS(), "Basic VMX Information",
             "the memory type of a VMCS is uncacheable or write-back")
{
    enum { UNCACHEABLE = 0, WRITE_BACK = 6 };
    uint64_t type = bits(feature_capability(BASIC), 53, 50);

    EXPECT(type == UNCACHEABLE || type == WRITE_BACK);
}

FEATURE_TEST(caps_feature_control, VMX, NEEDS(), "Enabling and Entering VMX Operation",
             "IA32_FEATURE_CONTROL is locked with VMXON allowed, as VMX is in operation")
{
    enum { LOCK = 1 << 0, IN_SMX = 1 << 1, OUTSIDE_SMX = 1 << 2 };
    uint64_t value = feature_capability(FEATURE_CONTROL);

    if (value == 0)
        SKIP("IA32_FEATURE_CONTROL is not there");
    EXPECT_BITS(value, LOCK | OUTSIDE_SMX, LOCK | OUTSIDE_SMX);
    if (!(cpuid_of_cpu(LEAF_1, ECX) >> 6 & 1))
        EXPECT_BITS(value, IN_SMX, 0);
}

FEATURE_TEST(caps_cr3_targets, VMX, NEEDS(), "Miscellaneous Data",
             "there are fields for as many CR3-target values as the number says, up to four")
{
    enum { FIELDS = 4 };
    uint64_t n = bits(feature_capability(MISC), 24, 16), value;

    for (unsigned i = 0; i < FIELDS; i++)
        if (i < n)
            EXPECT(lab_try_read(CR3_TARGET_0 + 2 * i, &value));
    EXPECT_LE(n, 256);
}

FEATURE_TEST(caps_memory_types, VMX, NEEDS(PROC2_EPT), "VPID and EPT Capabilities",
             "EPT paging structures can be in write-back or in uncacheable memory")
{
    EXPECT(feature_has(EPT_WB) || feature_has(EPT_UC));
}

/* ---- What is not offered is refused ----------------------------------------------------------------------------- */

#define BIT_NUMBERS                                                                                                   \
    AXIS("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", \
         "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31")
static const struct feature_axis control_axes[] = {
    AXIS("pin", "proc", "proc2", "exit", "entry"), BIT_NUMBERS, AXIS("0", "1"), {0},
};

FEATURE_GRID(caps_refused, VMX, NEEDS(), "Checks on VMX Controls",
             "a VM entry with a control at a setting that the MSRs do not allow fails with the number 7", control_axes)
{
    static const struct {
        uint64_t field;
        unsigned group;
    } where[] = {{PIN_CONTROLS, GROUP_PIN},
                 {PROC_CONTROLS, GROUP_PROC},
                 {PROC2_CONTROLS, GROUP_PROC2},
                 {EXIT_CONTROLS, GROUP_EXITC},
                 {ENTRY_CONTROLS, GROUP_ENTRYC}};
    enum { INVALID_CONTROLS = 7 };
    uint64_t bit = 1ull << at[1], value = lab_read(where[at[0]].field);
    uint16_t need = (uint16_t)(where[at[0]].group << NEED_GROUP_SHIFT | at[1]);
    struct lab_refusal refusal = {0};
    struct exit_record e;
    bool written = false;

    if (feature_has(at[2] ? need : NOT(need)))
        SKIP("this setting is allowed");
    e = OBSERVE(written = lab_try(where[at[0]].field, at[2] ? value | bit : value & ~bit, &refusal));
    if (!written && e.reason == NO_EXIT)
        SKIP("Nestor keeps this control: %s", refusal.why);
    EXPECT_EQ(e.reason, LAB_VMFAIL | INVALID_CONTROLS);
}
