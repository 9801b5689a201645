/* "VM-Execution Control Fields": addresses of structures, and the EPT pointer. */
#include "vmm/entry/rule.h"

/* Two rules for an address of `bytes` alignment that counts with a control. */
#define ALIGNED(id, field, low_bits, condition)                                                                        \
    RULE(id, field, "must be aligned", .wrong = entry_wrong_ones, .operand = low_bits, .when = LIST(condition))
#define WITHIN(id, field, condition)                                                                                   \
    RULE(id, field, "must be within the physical-address width", .wrong = entry_wrong_width, .bad = entry_bad_width,   \
         .when = LIST(condition))
#define PAGE 0xfff

#define EPT_WITH ON(PROC2_CONTROLS, PROC2_EPT)

/* "Extended-Page-Table Pointer (EPTP)": bits 2:0, and the bits of IA32_VMX_EPT_VPID_CAP that allow them */
static uint64_t wrong_memory_type(struct entry_context *context, const struct entry_rule *rule)
{
    enum { UNCACHEABLE = 0, WRITE_BACK = 6 };
    uint64_t caps = entry_get(context, CAP_IA32_VMX_EPT_VPID_CAP);
    unsigned type = entry_get(context, rule->field) & 7;

    return (type == UNCACHEABLE && caps & B(EPT_UC)) || (type == WRITE_BACK && caps & B(EPT_WB)) ? 0 : 7;
}

/* Bits 5:3: levels less 1 */
static uint64_t wrong_walk(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t caps = entry_get(context, CAP_IA32_VMX_EPT_VPID_CAP);
    unsigned levels = (entry_get(context, rule->field) >> 3 & 7) + 1;

    return (levels == 4 && caps & B(EPT_WALK_4)) || (levels == 5 && caps & B(EPT_WALK_5)) ? 0 : 7 << 3;
}

static uint64_t wrong_offered(struct entry_context *context, const struct entry_rule *rule)
{
    const uint64_t accessed_dirty = 1 << 6,
                   cap = rule->operand == accessed_dirty ? B(EPT_ACCESSED_DIRTY) : B(EPT_SUPERVISOR_SHADOW_STACK);

    return entry_get(context, CAP_IA32_VMX_EPT_VPID_CAP) & cap ? 0 : entry_get(context, rule->field) & rule->operand;
}

/* "PID-Pointer Table": 8 bytes an entry, up to the index in LAST_PID_POINTER_INDEX */
static uint64_t wrong_last_pid(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t table = entry_get(context, rule->field), index = entry_get(context, LAST_PID_POINTER_INDEX);
    unsigned width = entry_physical_width(context);

    return table + index * 8 < table || (table + index * 8) >> width ? ~0ull << width : 0;
}

#define TYPE(label_, type) {.label = label_, .write = LIST(BITS(ENTRY_OWN, 7, type))}
#define TYPE_VARIES(label_, type) {.label = label_, .write = LIST(BITS(ENTRY_OWN, 7, type)), .varies = true}
#define WALK(label_, walk) {.label = label_, .write = LIST(BITS(ENTRY_OWN, 7 << 3, (walk) << 3))}
#define WALK_VARIES(label_, walk) {.label = label_, .write = LIST(BITS(ENTRY_OWN, 7 << 3, (walk) << 3)), .varies = true}

static const struct entry_rule rules[] = {
    ALIGNED("E9", IO_BITMAP_A, PAGE, ON(PROC_CONTROLS, PROC_IO_BITMAPS)),
    ALIGNED("E10", IO_BITMAP_B, PAGE, ON(PROC_CONTROLS, PROC_IO_BITMAPS)),
    WITHIN("E11", IO_BITMAP_A, ON(PROC_CONTROLS, PROC_IO_BITMAPS)),
    WITHIN("E12", IO_BITMAP_B, ON(PROC_CONTROLS, PROC_IO_BITMAPS)),
    ALIGNED("E13", MSR_BITMAP, PAGE, ON(PROC_CONTROLS, PROC_MSR_BITMAPS)),
    WITHIN("E14", MSR_BITMAP, ON(PROC_CONTROLS, PROC_MSR_BITMAPS)),
    ALIGNED("E15", VIRTUAL_APIC_ADDRESS, PAGE, ON(PROC_CONTROLS, PROC_TPR_SHADOW)),
    WITHIN("E16", VIRTUAL_APIC_ADDRESS, ON(PROC_CONTROLS, PROC_TPR_SHADOW)),
    ALIGNED("E21", APIC_ACCESS_ADDRESS, PAGE, ON(PROC2_CONTROLS, PROC2_VIRTUALIZE_APIC_ACCESSES)),
    WITHIN("E22", APIC_ACCESS_ADDRESS, ON(PROC2_CONTROLS, PROC2_VIRTUALIZE_APIC_ACCESSES)),
    ALIGNED("E31", POSTED_INTERRUPT_DESCRIPTOR, 0x3f, ON(PIN_CONTROLS, PIN_POSTED_INTERRUPTS)),
    WITHIN("E32", POSTED_INTERRUPT_DESCRIPTOR, ON(PIN_CONTROLS, PIN_POSTED_INTERRUPTS)),
    RULE("E34", EPT_POINTER, "bits 2:0 must be a memory type that IA32_VMX_EPT_VPID_CAP offers",
         .wrong = wrong_memory_type, .when = LIST(EPT_WITH),
         .bad = VARIANTS(TYPE("type1", 1), TYPE("type2", 2), TYPE("type3", 3), TYPE("type4", 4), TYPE("type5", 5),
                         TYPE("type7", 7), TYPE_VARIES("type0", 0), TYPE_VARIES("type6", 6)),
         .near = VARIANTS(TYPE_VARIES("type0", 0), TYPE_VARIES("type6", 6))),
    RULE("E35", EPT_POINTER, "bits 5:3 must be a walk length, less 1, that IA32_VMX_EPT_VPID_CAP offers",
         .wrong = wrong_walk, .when = LIST(EPT_WITH),
         .bad = VARIANTS(WALK("walk0", 0), WALK("walk1", 1), WALK("walk2", 2), WALK("walk5", 5), WALK("walk6", 6),
                         WALK("walk7", 7), WALK_VARIES("walk4", 4), WALK_VARIES("walk3", 3))),
    RULE("E36", EPT_POINTER, "bit 6 needs accessed and dirty flags for EPT", .wrong = wrong_offered, .operand = 1 << 6,
         .varies = true, .when = LIST(EPT_WITH)),
    RULE("E37", EPT_POINTER, "bit 7 needs supervisor shadow-stack control", .wrong = wrong_offered, .operand = 1 << 7,
         .varies = true, .when = LIST(EPT_WITH)),
    RULE("E38", EPT_POINTER, "bits 11:8 must be 0", .wrong = entry_wrong_ones, .operand = 0xf00,
         .when = LIST(EPT_WITH)),
    RULE("E39", EPT_POINTER, "must be within the physical-address width", .wrong = entry_wrong_physical,
         .when = LIST(EPT_WITH), .bad = entry_bad_width),
    ALIGNED("E43", SUB_PAGE_PERMISSION_POINTER, PAGE, ON(PROC2_CONTROLS, PROC2_SUB_PAGE_WRITE)),
    WITHIN("E44", SUB_PAGE_PERMISSION_POINTER, ON(PROC2_CONTROLS, PROC2_SUB_PAGE_WRITE)),
    ALIGNED("E46", PML_ADDRESS, PAGE, ON(PROC2_CONTROLS, PROC2_PML)),
    WITHIN("E47", PML_ADDRESS, ON(PROC2_CONTROLS, PROC2_PML)),
    ALIGNED("E50", EPTP_LIST_ADDRESS, PAGE, ON(VM_FUNCTION_CONTROLS, FUNCTION_EPTP_SWITCHING)),
    WITHIN("E51", EPTP_LIST_ADDRESS, ON(VM_FUNCTION_CONTROLS, FUNCTION_EPTP_SWITCHING)),
    ALIGNED("E52", VMREAD_BITMAP, PAGE, ON(PROC2_CONTROLS, PROC2_VMCS_SHADOWING)),
    ALIGNED("E53", VMWRITE_BITMAP, PAGE, ON(PROC2_CONTROLS, PROC2_VMCS_SHADOWING)),
    WITHIN("E54", VMREAD_BITMAP, ON(PROC2_CONTROLS, PROC2_VMCS_SHADOWING)),
    WITHIN("E55", VMWRITE_BITMAP, ON(PROC2_CONTROLS, PROC2_VMCS_SHADOWING)),
    ALIGNED("E56", VE_INFORMATION_ADDRESS, PAGE, ON(PROC2_CONTROLS, PROC2_EPT_VIOLATION_VE)),
    WITHIN("E57", VE_INFORMATION_ADDRESS, ON(PROC2_CONTROLS, PROC2_EPT_VIOLATION_VE)),
    RULE("E63", HLAT_POINTER, "bits 2:0 and 11:5 must be 0", .wrong = entry_wrong_ones, .operand = 0xfe7,
         .when = LIST(ON(TERTIARY_CONTROLS, PROC3_HLAT)), .near = VARIANTS(EACH(0x18))),
    WITHIN("E64", HLAT_POINTER, ON(TERTIARY_CONTROLS, PROC3_HLAT)),
    ALIGNED("E68", PID_POINTER_TABLE_ADDRESS, 7, ON(TERTIARY_CONTROLS, PROC3_IPI_VIRTUALIZATION)),
    RULE("E69", PID_POINTER_TABLE_ADDRESS, "must be within the physical-address width", .wrong = entry_wrong_width,
         .bad = entry_bad_width, .when = LIST(ON(TERTIARY_CONTROLS, PROC3_IPI_VIRTUALIZATION)), .with = "E70"),
    RULE("E70", PID_POINTER_TABLE_ADDRESS, "the last entry must be within the physical-address width",
         .wrong = wrong_last_pid, .when = LIST(ON(TERTIARY_CONTROLS, PROC3_IPI_VIRTUALIZATION)),
         .bad = VARIANTS(
             VARIANT("second", {ENTRY_OWN, ~0ull, 8, HOW_PHYSICAL_END}, SET(LAST_PID_POINTER_INDEX, 1)),
             VARIANT("highest", {ENTRY_OWN, ~0ull, 8, HOW_PHYSICAL_END}, SET(LAST_PID_POINTER_INDEX, 0xffff)))),
};

const struct entry_table entry_rules_execution_pages = TABLE(rules);
