/* "Loading MSRs": the entries of the VM-entry MSR-load area; the first that fails is the exit qualification. */
#include "vmm/entry/rule.h"

enum {
    MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176,
    MSR_PAT = 0x277,
    MSR_MICROCODE_TRIGGER = 0x79,
    MSR_MICROCODE_ID = 0x8b,
    MSR_SMM_MONITOR_CTL = 0x9b,
    MSR_X2APIC_FIRST = 0x800,
    MSR_X2APIC_LAST = 0x8ff
};
#define MSR_LSTAR          0xc0000082u
#define MSR_CSTAR          0xc0000083u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define APIC_BASE_X2APIC   (1ull << 10)

/* What is wrong with the entry that has this index; operand is the rule's. */
typedef bool is_wrong(struct entry_context *context, uint32_t msr, unsigned entry);

/* The first entry that is wrong. All of the field, which is the count, is to blame. */
static uint64_t find_wrong(struct entry_context *context, const struct entry_rule *rule, is_wrong *wrong)
{
    uint64_t count = entry_get(context, rule->field);

    for (unsigned entry = 0; entry < count && entry < ENTRY_MSRS_MAX && !context->unknown; entry++) {
        if (!wrong(context, (uint32_t)entry_get(context, ENTRY_MSR_INDEX(entry)), entry))
            continue;
        context->qualification = entry + 1;
        return ~0ull;
    }
    return 0;
}

static bool is_base(struct entry_context *context, uint32_t msr, unsigned entry)
{
    (void)context, (void)entry;
    return msr == MSR_FS_BASE || msr == MSR_GS_BASE;
}

static bool is_x2apic(struct entry_context *context, uint32_t msr, unsigned entry)
{
    (void)entry;
    return msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST &&
           entry_get(context, STATE_CPU_APIC_BASE) & APIC_BASE_X2APIC;
}

static bool is_smm_only(struct entry_context *context, uint32_t msr, unsigned entry)
{
    (void)entry;
    return msr == MSR_SMM_MONITOR_CTL && !entry_get(context, STATE_SMM);
}

static bool has_high(struct entry_context *context, uint32_t msr, unsigned entry)
{
    (void)msr;
    return entry_get(context, ENTRY_MSR_INDEX(entry)) >> 32;
}

static bool is_barred(struct entry_context *context, uint32_t msr, unsigned entry)
{
    (void)context, (void)entry;
    return msr == MSR_MICROCODE_TRIGGER || msr == MSR_MICROCODE_ID;
}

/* WRMSR would fault: of the MSRs whose values are checked, those that every CPU with VMX has. */
static bool is_bad_value(struct entry_context *context, uint32_t msr, unsigned entry)
{
    static const uint32_t addresses[] = {MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_LSTAR, MSR_CSTAR, MSR_KERNEL_GS_BASE};
    const struct entry_rule value = {.field = ENTRY_MSR_VALUE(entry)};

    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++)
        if (msr == addresses[i])
            return entry_wrong_canonical(context, &value);
    return msr == MSR_PAT && entry_wrong_pat(context, &value);
}

#define WRONG(name)                                                                                                    \
    static uint64_t wrong_##name(struct entry_context *context, const struct entry_rule *rule)                         \
    {                                                                                                                  \
        return find_wrong(context, rule, name);                                                                        \
    }
WRONG(is_base)
WRONG(is_x2apic)
WRONG(is_smm_only)
WRONG(has_high)
WRONG(is_barred)
WRONG(is_bad_value)

/* One entry that is wrong; and the second one, behind one that does no harm. */
#define ENTRY(label_, msr, value) VARIANT(label_, SET(ENTRY_MSR_INDEX(0), msr), SET(ENTRY_MSR_VALUE(0), value))
#define SECOND(label_, msr, value)                                                                                     \
    VARIANT(label_, SET(ENTRY_OWN, 2), SET(ENTRY_MSR_INDEX(1), msr), SET(ENTRY_MSR_VALUE(1), value))
#define LOAD(id, must, ...)                                                                                            \
    RULE(id, ENTRY_MSR_LOAD_COUNT, must, __VA_ARGS__,                                                                  \
         .setup = LIST(SET(ENTRY_OWN, 1), COPY(ENTRY_MSR_LOAD_ADDRESS, STATE_MSR_AREA),                                \
                       SET(ENTRY_MSR_INDEX(0), MSR_KERNEL_GS_BASE), SET(ENTRY_MSR_VALUE(0), 0)))
#define NOT_CANONICAL (1ull << 63)

static const struct entry_rule rules[] = {
    LOAD("M1", "no entry may load FS_BASE or GS_BASE", .wrong = wrong_is_base,
         .bad = VARIANTS(ENTRY("fs-base", MSR_FS_BASE, 0), ENTRY("gs-base", MSR_GS_BASE, 0),
                         SECOND("second", MSR_FS_BASE, 0)),
         .near = VARIANTS(ENTRY("kernel-gs-base", MSR_KERNEL_GS_BASE, 0))),
    LOAD("M2", "no entry may load an x2APIC MSR in x2APIC mode", .wrong = wrong_is_x2apic,
         .when = LIST(ALL(STATE_CPU_APIC_BASE, APIC_BASE_X2APIC)),
         .bad = VARIANTS(ENTRY("800", MSR_X2APIC_FIRST, 0), ENTRY("808", 0x808, 0), ENTRY("8ff", MSR_X2APIC_LAST, 0))),
    LOAD("M3", "no entry may load IA32_SMM_MONITOR_CTL outside SMM", .wrong = wrong_is_smm_only,
         .when = LIST(SET(STATE_SMM, 0)), .bad = VARIANTS(ENTRY("smm-monitor-ctl", MSR_SMM_MONITOR_CTL, 0))),
    LOAD("M4", "bits 63:32 of an entry must be 0", .wrong = wrong_has_high,
         .bad = VARIANTS(ENTRY("bit32", 1ull << 32 | MSR_KERNEL_GS_BASE, 0),
                         ENTRY("bit63", 1ull << 63 | MSR_KERNEL_GS_BASE, 0),
                         SECOND("second", 1ull << 32 | MSR_KERNEL_GS_BASE, 0))),
    LOAD("M5", "no entry may load an MSR that the model bars: those of the microcode", .wrong = wrong_is_barred,
         .optional = true,
         .bad =
             VARIANTS(ENTRY("bios-updt-trig", MSR_MICROCODE_TRIGGER, 0), ENTRY("bios-sign-id", MSR_MICROCODE_ID, 0))),
    LOAD("M6", "no entry may have a value that WRMSR would fault on", .wrong = wrong_is_bad_value,
         .bad =
             VARIANTS(ENTRY("sysenter-esp", MSR_SYSENTER_ESP, NOT_CANONICAL),
                      ENTRY("sysenter-eip", MSR_SYSENTER_EIP, NOT_CANONICAL), ENTRY("lstar", MSR_LSTAR, NOT_CANONICAL),
                      ENTRY("kernel-gs-base", MSR_KERNEL_GS_BASE, NOT_CANONICAL), ENTRY("pat", MSR_PAT, 2),
                      SECOND("second", MSR_LSTAR, NOT_CANONICAL)),
         .near = VARIANTS(ENTRY("lstar", MSR_LSTAR, 0), ENTRY("pat", MSR_PAT, 0x0007040600070406),
                          ENTRY("none", 0x174, 0))),
};

const struct entry_table entry_rules_msr_load = TABLE(rules);
