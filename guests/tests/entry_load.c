/*
 * After a VM entry that succeeded: what it has loaded, as the exit saves it before the first instruction, and the exits that come
 * at once. "Loading Guest State", "Special Features of VM Entry".
 */
#include "guests/tests/entry.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { LONG64 = 0, PAGED32 = 2, PAE = 3, LONG64_HLT = 12 }; /* bases */

static void begin(struct entry_block *block, unsigned base, const uint16_t *controls, const struct entry_change *changes, unsigned n)
{
    *block = probe_begin(entry_base(BACKEND_VMX, base));
    entry_control(block, controls);
    entry_change(block, changes, n);
}

/* ---- What is loaded ------------------------------------------------------------------------------------------------ */

enum { CR0_UNUSED = 0x3ff << 6 | 1 << 17 | 0x3ff << 19, CR0_ET = 1 << 4, CR0_NW = 1 << 29, CR0_CD = 1 << 30 };
enum { EFER_LONG = 0x500, EFER_NXE = 0x800, DR7_FIXED = 0x400, DR7_ZEROS = 0xd000, UNUSABLE = 1 << 16 };
#define PATTERN   0x0000123456789000ull
#define ALL       (~0ull)
#define SAME      0, 0 /* all of the field as it was written last */
#define UNUSABLE_SEGMENT(label, register)                                                                             \
    {label, LONG64, {0}, {{GUEST_##register##_ACCESS_RIGHTS, ALL, UNUSABLE}}, GUEST_##register##_ACCESS_RIGHTS, UNUSABLE, UNUSABLE}

static const struct loaded {
    const char *label;
    unsigned base;
    uint16_t controls[3];
    struct entry_change change[2];
    uint32_t field;
    uint64_t mask, value; /* of the field, behind the exit; mask 0: what the last change wrote */
} loadeds[] = {
    {"cr0-unused", LONG64, {0}, {{GUEST_CR0, 0, CR0_UNUSED}}, GUEST_CR0, CR0_UNUSED, 0},
    {"cr0-et", LONG64, {0}, {{GUEST_CR0, CR0_ET, 0}}, GUEST_CR0, CR0_ET, CR0_ET},
    {"cr0-cd", LONG64, {0}, {{GUEST_CR0, 0, CR0_CD}}, GUEST_CR0, CR0_CD, 0},
    {"cr0-nw-cd", LONG64, {0}, {{GUEST_CR0, 0, CR0_NW | CR0_CD}}, GUEST_CR0, CR0_NW | CR0_CD, 0},
    {"dr7-fixed", LONG64, {ENTRYC_LOAD_DEBUG, EXITC_SAVE_DEBUG}, {{GUEST_DR7, ALL, DR7_ZEROS | 1}}, GUEST_DR7, ALL, DR7_FIXED | 1},
    {"dr7-not", LONG64, {NOT(ENTRYC_LOAD_DEBUG), EXITC_SAVE_DEBUG}, {{GUEST_DR7, ALL, DR7_FIXED | 1}}, GUEST_DR7, ALL, DR7_FIXED},
    {"efer-long", LONG64, {NOT(ENTRYC_LOAD_EFER), EXITC_SAVE_EFER}, {{GUEST_IA32_EFER, ALL, 0}}, GUEST_IA32_EFER, EFER_LONG, EFER_LONG},
    {"efer-legacy", PAGED32, {NOT(ENTRYC_LOAD_EFER), EXITC_SAVE_EFER}, {{GUEST_IA32_EFER, ALL, EFER_LONG}}, GUEST_IA32_EFER, EFER_LONG, 0},
    {"efer-field", LONG64, {ENTRYC_LOAD_EFER, EXITC_SAVE_EFER}, {{GUEST_IA32_EFER, 0, EFER_NXE}}, GUEST_IA32_EFER, SAME},
    {"pat-field", LONG64, {ENTRYC_LOAD_PAT, EXITC_SAVE_PAT}, {{GUEST_IA32_PAT, ALL, 0x0606060606060606}}, GUEST_IA32_PAT, SAME},
    UNUSABLE_SEGMENT("ds-unusable", DS),
    UNUSABLE_SEGMENT("es-unusable", ES),
    UNUSABLE_SEGMENT("fs-unusable", FS),
    UNUSABLE_SEGMENT("gs-unusable", GS),
    UNUSABLE_SEGMENT("ss-unusable", SS),
    UNUSABLE_SEGMENT("ldtr-unusable", LDTR),
    {"fs-unusable-base", LONG64, {0}, {{GUEST_FS_ACCESS_RIGHTS, 0, UNUSABLE}, {GUEST_FS_BASE, ALL, PATTERN}}, GUEST_FS_BASE, SAME},
    {"gs-unusable-base", LONG64, {0}, {{GUEST_GS_ACCESS_RIGHTS, 0, UNUSABLE}, {GUEST_GS_BASE, ALL, PATTERN}}, GUEST_GS_BASE, SAME},
    {"sysenter-cs", LONG64, {0}, {{GUEST_SYSENTER_CS, ALL, 0x12345678}}, GUEST_SYSENTER_CS, SAME},
    {"sysenter-esp", LONG64, {0}, {{GUEST_SYSENTER_ESP, ALL, PATTERN}}, GUEST_SYSENTER_ESP, SAME},
    {"sysenter-eip", LONG64, {0}, {{GUEST_SYSENTER_EIP, ALL, PATTERN}}, GUEST_SYSENTER_EIP, SAME},
    {"gdtr-base", LONG64, {0}, {{GUEST_GDTR_BASE, ALL, PATTERN}}, GUEST_GDTR_BASE, SAME},
    {"idtr-limit", LONG64, {0}, {{GUEST_IDTR_LIMIT, ALL, 0x1234}}, GUEST_IDTR_LIMIT, SAME},
    {"rip", LONG64, {0}, {{GUEST_RIP, ALL, PATTERN}}, GUEST_RIP, SAME},
    {"rsp", LONG64, {0}, {{GUEST_RSP, ALL, PATTERN}}, GUEST_RSP, SAME},
    {"rflags", LONG64, {0}, {{GUEST_RFLAGS, 0, 0x240cd5}}, GUEST_RFLAGS, SAME},
    {"pdpte", PAE, {PROC2_EPT}, {{GUEST_PDPTE1, ALL, 0x1001}}, GUEST_PDPTE1, SAME},
    {"sti", LONG64, {0}, {{GUEST_INTERRUPTIBILITY, ALL, BLOCKING_STI}}, GUEST_INTERRUPTIBILITY, SAME},
    {"mov-ss", LONG64, {0}, {{GUEST_INTERRUPTIBILITY, ALL, BLOCKING_MOV_SS}}, GUEST_INTERRUPTIBILITY, SAME},
};

static const uint16_t *loaded_needs(const void *row) { return ((const struct loaded *)row)->controls; }

FEATURE_TESTS(entry_load, VMX, NEEDS(), "Loading Guest State", "what a VM entry loads of a field, and what it makes of it", loadeds,
              .row_needs = loaded_needs)
{
    struct entry_block block;
    uint64_t mask = row->mask ? row->mask : ALL, value = row->value;

    begin(&block, row->base, row->controls, row->change, COUNT(row->change));
    if (!row->mask)
        block.read(block.context, row->field, &value);
    EXPECT_EQ(entry_enter().reason >> 31, 0);
    EXPECT_BITS(lab_read(LAB_WHAT(LAB_PROBE, row->field)), mask, value);
}

/* ---- Exits that come at once --------------------------------------------------------------------------------------- */

static const struct at_once {
    const char *label;
    unsigned base;
    uint16_t controls[4];
    struct entry_change change[2];
    uint64_t reason;
} at_onces[] = {
    {"timer", LONG64, {PIN_PREEMPTION_TIMER}, {{PREEMPTION_TIMER_VALUE, ALL, 0}}, EXIT_PREEMPTION_TIMER},
    {"timer-hlt", LONG64_HLT, {PIN_PREEMPTION_TIMER}, {{PREEMPTION_TIMER_VALUE, ALL, 0}}, EXIT_PREEMPTION_TIMER},
    {"interrupt-window", LONG64, {PROC_INTERRUPT_WINDOW}, {{0}}, EXIT_INTERRUPT_WINDOW},
    {"interrupt-window-hlt", LONG64_HLT, {PROC_INTERRUPT_WINDOW, NOT(PIN_PREEMPTION_TIMER)}, {{0}}, EXIT_INTERRUPT_WINDOW},
    {"interrupt-window-shut", LONG64, {PROC_INTERRUPT_WINDOW}, {{GUEST_INTERRUPTIBILITY, ALL, BLOCKING_STI}}, EXIT_EPT_VIOLATION},
    {"nmi-window", LONG64, {PIN_NMI, PIN_VIRTUAL_NMIS, PROC_NMI_WINDOW}, {{0}}, EXIT_NMI_WINDOW},
    {"nmi-window-shut", LONG64, {PIN_NMI, PIN_VIRTUAL_NMIS, PROC_NMI_WINDOW}, {{GUEST_INTERRUPTIBILITY, ALL, BLOCKING_NMI}},
     EXIT_EPT_VIOLATION},
    {"mtf-event", LONG64, {PROC_MONITOR_TRAP_FLAG}, {{ENTRY_INTERRUPTION_INFO, ALL, EVENT(7, 0)}}, EXIT_MONITOR_TRAP_FLAG},
    {"tpr", LONG64, {PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES}, {{TPR_THRESHOLD, ALL, 1}}, EXIT_TPR_BELOW_THRESHOLD},
    {"tpr-not-below", LONG64, {PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES}, {{TPR_THRESHOLD, ALL, 0}}, EXIT_EPT_VIOLATION},
};

static const uint16_t *at_once_needs(const void *row) { return ((const struct at_once *)row)->controls; }

FEATURE_TESTS(entry_load_exits, VMX, NEEDS(), "Special Features of VM Entry", "exits that come before the first instruction", at_onces,
              .row_needs = at_once_needs)
{
    static uint8_t pages[2][4096] __attribute__((aligned(4096)));
    struct entry_block block;
    uint64_t rip = 0;

    begin(&block, row->base, row->controls, row->change, COUNT(row->change));
    if (row->controls[0] == PROC_TPR_SHADOW) {
        block.write(block.context, VIRTUAL_APIC_ADDRESS, lab_read(LAB_WHAT(LAB_PROBE, LAB_PROBE_ADDRESS | (uintptr_t)pages[0])));
        block.write(block.context, APIC_ACCESS_ADDRESS, lab_read(LAB_WHAT(LAB_PROBE, LAB_PROBE_ADDRESS | (uintptr_t)pages[1])));
    }
    block.read(block.context, GUEST_RIP, &rip);
    EXPECT_EQ(entry_enter().reason, row->reason);
    EXPECT_EQ(lab_read(LAB_WHAT(LAB_PROBE, GUEST_RIP)), rip);
}
