/* VMRUN: "Canonicalization and Consistency Checks" (AMD APM), and what the instruction looks at before. */
#include "vmm/entry/rule.h"

/* VMCB attributes of a segment: bits 11:0 are bits 55:52 and 47:40 of its descriptor. */
#define ATTRIBUTE_L  (1ull << 9)
#define ATTRIBUTE_DB (1ull << 10)

#define CR4_RESERVED  (~0x1ffffffffull | 7ull << 29 | 1ull << 26 | 1ull << 19 | 7ull << 13)
#define SVM_EFER_MBZ  (~0x3fffffull | 1ull << 19 | 1ull << 16 | 1ull << 9)
#define NESTED_PAGING 1ull
#define SEV_ES        (1ull << 2)
#define V_NMI_ENABLE  (1ull << 26)
#define SH_STK_EN     1ull

#define IS_LME_PAGED ALL(VMCB_EFER, EFER_LME), ALL(VMCB_CR0, CR0_PG)
#define HAS_CET      ALL(CAP_CPUID_7_ECX, B(CPU_CET_SS))
#define IS_NESTED    ALL(VMCB_NESTED_CONTROL, NESTED_PAGING)

static uint64_t wrong_not_write_through(struct entry_context *context, const struct entry_rule *rule)
{
    return (entry_get(context, rule->field) & (CR0_CD | CR0_NW)) == CR0_NW ? CR0_NW : 0;
}

static uint64_t wrong_cr3(struct entry_context *context, const struct entry_rule *rule)
{
    const uint64_t lam = 3ull << 61;

    return entry_wrong_physical(context, rule) & ~lam;
}

static uint64_t wrong_long_mode(struct entry_context *context, const struct entry_rule *rule)
{
    return entry_get(context, rule->field) & (EFER_LMA | EFER_LME);
}

static uint64_t wrong_long_and_32(struct entry_context *context, const struct entry_rule *rule)
{
    const uint64_t both = ATTRIBUTE_L | ATTRIBUTE_DB;

    return (entry_get(context, rule->field) & both) == both ? ATTRIBUTE_DB : 0;
}

/* Operand is the map's size in bytes; bits 11:0 of its address do not count. */
static uint64_t wrong_map(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t address = entry_get(context, rule->field) & ~0xfffull, last = address + rule->operand - 1;
    unsigned width = entry_physical_width(context);

    return last < address || last >> width ? ~0ull << width | (address & ~(~0ull << width)) : 0;
}

static uint64_t wrong_type(struct entry_context *context, const struct entry_rule *rule)
{
    const unsigned legal = 1 << EVENT_EXTERNAL | 1 << EVENT_NMI | 1 << EVENT_EXCEPTION | 1 << EVENT_SOFTWARE;
    uint64_t event = entry_get(context, rule->field);

    return event & EVENT_VALID && !(legal >> (event >> 8 & 7) & 1) ? EVENT_TYPE : 0;
}

static bool is_exception(uint64_t event) { return (event & (EVENT_VALID | EVENT_TYPE)) == EVENT(EVENT_EXCEPTION, 0); }

static uint64_t wrong_vector(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t event = entry_get(context, rule->field);
    unsigned vector = event & 0xff;

    return is_exception(event) && (vector == 2 || vector > 31) ? 0xff : 0;
}

static uint64_t wrong_for_mode(struct entry_context *context, const struct entry_rule *rule)
{
    enum { OVERFLOW = 4, BOUND = 5 };
    uint64_t event = entry_get(context, rule->field);
    unsigned vector = event & 0xff;

    return is_exception(event) && (vector == OVERFLOW || vector == BOUND) ? 0xff : 0;
}

static uint64_t wrong_unpaged_host(struct entry_context *context, const struct entry_rule *rule)
{
    return ~entry_get(context, rule->field) & CR0_PG;
}

static uint64_t wrong_pdptes(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t wrong = 0;

    (void)rule;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t entry = entry_get(context, STATE_MEMORY_PDPTE0 + i);

        wrong |= entry & 1 ? entry & (0x1e6 | ~0ull << entry_physical_width(context)) : 0;
    }
    return wrong ? ~0xfffull : 0;
}

static uint64_t wrong_shadow_stack(struct entry_context *context, const struct entry_rule *rule)
{
    bool is_vm86 = entry_get(context, VMCB_RFLAGS) & RFLAGS_VM;

    return is_vm86 ? entry_get(context, rule->field) & SH_STK_EN : 0;
}

static uint64_t wrong_vmcb(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t address = entry_get(context, rule->field);

    return entry_get(context, STATE_CPL) ? ~0ull
                                         : (address & 0xfff) | (address & ~0ull << entry_physical_width(context));
}

#define TYPE(label_, type)        VALUE(label_, EVENT(type, 0))
#define NEAR_EVENT(label_, value) VALUE(label_, value)

static const struct entry_rule rules[] = {
    RULE("A29", STATE_VMCB_ADDRESS, "VMRUN needs CPL 0, and a page-aligned RAX within the physical-address width",
         .wrong = wrong_vmcb, .bad = VARIANTS(EACH(0xfff), VARIANT("cpl3", SET(STATE_CPL, 3))),
         .no_row = "it is a matter of the instruction, not of the VMCB: #UD without EFER.SVME, #GP for the rest, and "
                   "in a guest "
                   "the intercept comes first",
         .verdict = {ENTRY_PROTECTION, 0, 0}),
    RULE("A1", VMCB_EFER, "SVME must be 1", .wrong = entry_wrong_zeros, .operand = EFER_SVME),
    RULE("A2", VMCB_CR0, "NW needs CD", .wrong = wrong_not_write_through,
         .bad = VARIANTS(VARIANT("nw", BITS(ENTRY_OWN, CR0_CD | CR0_NW, CR0_NW))),
         .near = VARIANTS(VARIANT("both", ALL(ENTRY_OWN, CR0_CD | CR0_NW)),
                          VARIANT("cd", BITS(ENTRY_OWN, CR0_CD | CR0_NW, CR0_CD)))),
    RULE("A3", VMCB_CR0, "bits 63:32 must be 0", .wrong = entry_wrong_ones, .operand = HIGH_HALF),
    RULE("A4", VMCB_CR3, "in long mode, bits beyond the physical-address width must be 0", .wrong = wrong_cr3,
         .given = LIST(IS_LME_PAGED),
         .bad =
             VARIANTS(VARIANT("width", {ENTRY_OWN, ~0ull, 0, HOW_ABOVE}), EACH(1ull << 52 | 1ull << 60 | 1ull << 63))),
    RULE("A5", VMCB_CR4, "reserved bits must be 0", .wrong = entry_wrong_ones, .operand = CR4_RESERVED),
    RULE("A6", VMCB_DR6, "bits 63:32 must be 0", .wrong = entry_wrong_ones, .operand = HIGH_HALF),
    RULE("A7", VMCB_DR7, "bits 63:32 must be 0", .wrong = entry_wrong_ones, .operand = HIGH_HALF),
    RULE("A8", VMCB_EFER, "reserved bits must be 0", .wrong = entry_wrong_ones, .operand = SVM_EFER_MBZ),
    RULE("A9", VMCB_EFER, "LME and LMA must be 0 on a CPU without long mode", .wrong = wrong_long_mode,
         .operand = EFER_LMA | EFER_LME, .given = LIST(NONE(CAP_CPUID_80000001_EDX, 1ull << 29)), .skip = LONG_BASES,
         .with = "A10"),
    RULE("A10", VMCB_CR4, "LME and PG need PAE", .wrong = entry_wrong_zeros, .operand = CR4_PAE,
         .given = LIST(IS_LME_PAGED)),
    RULE("A11", VMCB_CR0, "LME and PG need PE", .wrong = entry_wrong_zeros, .operand = CR0_PE,
         .given = LIST(IS_LME_PAGED)),
    RULE("A12", VMCB_CS_ATTRIBUTES, "in long mode, L and D must not both be 1", .wrong = wrong_long_and_32,
         .given = LIST(IS_LME_PAGED, ALL(VMCB_CR4, CR4_PAE)),
         .bad = VARIANTS(VARIANT("both", ALL(ENTRY_OWN, ATTRIBUTE_L | ATTRIBUTE_DB))),
         .near = VARIANTS(VARIANT("neither", NONE(ENTRY_OWN, ATTRIBUTE_L | ATTRIBUTE_DB)))),
    RULE("A13", VMCB_INTERCEPT_MISC2, "VMRUN must be intercepted", .wrong = entry_wrong_zeros,
         .operand = B(INTERCEPT_VMRUN)),
    RULE("A14", VMCB_ASID, "must not be 0", .wrong = entry_wrong_zero, .bad = VARIANTS(VALUE("zero", 0)),
         .near = VARIANTS(VALUE("one", 1))),
    RULE("A15", VMCB_IOPM_BASE_PA, "all 12 KiB must be within the physical-address width", .wrong = wrong_map,
         .operand = 0x3000,
         .bad = VARIANTS(VARIANT("width", {ENTRY_OWN, ~0ull, 0, HOW_ABOVE}),
                         VARIANT("last", {ENTRY_OWN, ~0ull, 0x2000, HOW_PHYSICAL_END})),
         .near = VARIANTS(VARIANT("highest", {ENTRY_OWN, ~0ull, 0x3000, HOW_PHYSICAL_END}))),
    RULE("A16", VMCB_MSRPM_BASE_PA, "all 8 KiB must be within the physical-address width", .wrong = wrong_map,
         .operand = 0x2000,
         .bad = VARIANTS(VARIANT("width", {ENTRY_OWN, ~0ull, 0, HOW_ABOVE}),
                         VARIANT("last", {ENTRY_OWN, ~0ull, 0x1000, HOW_PHYSICAL_END})),
         .near = VARIANTS(VARIANT("highest", {ENTRY_OWN, ~0ull, 0x2000, HOW_PHYSICAL_END}))),
    RULE("A17", VMCB_EVENTINJ, "the type must be 0, 2, 3 or 4", .wrong = wrong_type,
         .bad = VARIANTS(TYPE("type1", 1), TYPE("type5", 5), TYPE("type6", 6), TYPE("type7", 7)),
         .near = VARIANTS(VALUE("type2", EVENT(EVENT_NMI, 2)))),
    RULE("A18", VMCB_EVENTINJ, "an exception has a vector up to 31 that is not 2", .wrong = wrong_vector,
         .bad = VARIANTS(VALUE("vector2", EVENT(EVENT_EXCEPTION, 2)), VALUE("vector32", EVENT(EVENT_EXCEPTION, 32)),
                         VALUE("vector255", EVENT(EVENT_EXCEPTION, 255))),
         .near = VARIANTS(VALUE("ud", EVENT(EVENT_EXCEPTION, 6)))),
    RULE("A19", VMCB_EVENTINJ, "#OF and #BR can't be in 64-bit mode", .wrong = wrong_for_mode,
         .given = LIST(IS_LME_PAGED, ALL(VMCB_CS_ATTRIBUTES, ATTRIBUTE_L)),
         .bad = VARIANTS(VALUE("of", EVENT(EVENT_EXCEPTION, 4)), VALUE("br", EVENT(EVENT_EXCEPTION, 5)))),
    RULE("A20", STATE_CPU_CR0, "nested paging needs CR0.PG in the host", .wrong = wrong_unpaged_host, .operand = CR0_PG,
         .when = LIST(IS_NESTED), .no_row = "Nestor's kernel runs in long mode, where paging is always on"),
    RULE("A21", VMCB_NESTED_CR3, "bits beyond the physical-address width must be 0", .wrong = entry_wrong_physical,
         .when = LIST(IS_NESTED),
         .bad = VARIANTS(VARIANT("width", {ENTRY_OWN, ~0ull, 0, HOW_ABOVE}), EACH(1ull << 52 | 1ull << 63))),
    RULE("A22", VMCB_G_PAT, "each byte must be 0, 1, 4, 5, 6 or 7", .wrong = entry_wrong_pat, .when = LIST(IS_NESTED),
         .bad = entry_bad_pat, .near = entry_near_pat),
    RULE("A23", VMCB_CR3, "without nested paging, the PDPTEs that are present must have no reserved bit",
         .wrong = wrong_pdptes, .given = LIST(ALL(VMCB_CR0, CR0_PG), ALL(VMCB_CR4, CR4_PAE), NONE(VMCB_EFER, EFER_LME)),
         .when = LIST(NONE(VMCB_NESTED_CONTROL, NESTED_PAGING)), .setup = LIST(SET(STATE_MEMORY_PDPTE0, 1)),
         .bad = VARIANTS(VARIANT("bit1", SET(STATE_MEMORY_PDPTE0, 1 | 1 << 1)),
                         VARIANT("bit2", SET(STATE_MEMORY_PDPTE1, 1 | 1 << 2)),
                         VARIANT("bit5", SET(STATE_MEMORY_PDPTE2, 1 | 1 << 5)),
                         VARIANT("bit8", SET(STATE_MEMORY_PDPTE3, 1 | 1 << 8)),
                         VARIANT("bit63", SET(STATE_MEMORY_PDPTE0, 1 | 1ull << 63))),
         .near = VARIANTS(VARIANT("not-present", SET(STATE_MEMORY_PDPTE0, ~1ull))),
         .no_row =
             "without nested paging the guest would have the host's physical memory: the kernel never enters it so"),
    RULE("A24", VMCB_CR0, "CR4.CET needs CR0.WP", .wrong = entry_wrong_zeros, .operand = CR0_WP, .given = LIST(HAS_CET),
         .setup = LIST(ALL(VMCB_CR0, CR0_WP)), .when = LIST(ALL(VMCB_CR4, CR4_CET))),
    RULE("A25", VMCB_S_CET, "reserved bits must be 0, and SUPPRESS and TRACKER not both 1", .wrong = entry_wrong_s_cet,
         .given = LIST(HAS_CET), .setup = LIST(ALL(VMCB_CR0, CR0_WP)), .when = LIST(ALL(VMCB_CR4, CR4_CET)),
         .bad = VARIANTS(EACH(S_CET_RESERVED), VALUE("both", 3 << 10))),
    RULE("A26", STATE_U_CET, "no shadow stack for user mode with RFLAGS.VM", .wrong = wrong_shadow_stack,
         .operand = SH_STK_EN, .given = LIST(HAS_CET, ALL(VMCB_RFLAGS, RFLAGS_VM)),
         .setup = LIST(ALL(VMCB_CR0, CR0_WP)), .when = LIST(ALL(VMCB_CR4, CR4_CET))),
    RULE("A27", STATE_U_CET, "with SEV-ES, reserved bits of U_CET must be 0", .wrong = entry_wrong_s_cet,
         .given = LIST(HAS_CET), .when = LIST(ALL(VMCB_NESTED_CONTROL, SEV_ES)), .bad = VARIANTS(EACH(S_CET_RESERVED)),
         .no_row = "U_CET is in the save area of SEV-ES guests only, which is encrypted, and Nestor has none"),
    RULE("A28", VMCB_INTERCEPT_MISC1, "virtual NMIs need the intercept of NMIs", .wrong = entry_wrong_zeros,
         .operand = B(INTERCEPT_NMI), .given = LIST(ALL(CAP_CPUID_8000000A_EDX, B(SVM_VIRTUAL_NMI))),
         .setup = LIST(ON(VMCB_INTERCEPT_MISC1, INTERCEPT_NMI)), .when = LIST(ALL(VMCB_V_INTR, V_NMI_ENABLE))),
};

const struct entry_table entry_rules_svm = TABLE(rules);
