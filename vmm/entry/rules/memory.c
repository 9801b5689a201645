/* "Checks on Guest Page-Directory-Pointer-Table Entries". */
#include "vmm/entry/rule.h"

/* "PAE Paging": bits 2:1 and 8:5 are reserved, and those beyond the physical-address width */
#define PRESENT  1ull
#define RESERVED 0x1e6ull

/* They come from the VMCS with EPT, from memory without: the fields of both have the same order. */
static uint64_t wrong_pdpte(struct entry_context *context, const struct entry_rule *rule)
{
    unsigned number = (rule->field - GUEST_PDPTE0) / (GUEST_PDPTE1 - GUEST_PDPTE0);
    bool ept = entry_effective(context, PROC2_CONTROLS) & B(PROC2_EPT);
    uint64_t entry = entry_get(context, ept ? rule->field : STATE_MEMORY_PDPTE0 + number);

    return entry & PRESENT ? entry & (RESERVED | ~0ull << entry_physical_width(context)) : 0;
}

#define PDPTE(id, field, memory)                                                                                       \
    RULE(id, field, "a present entry must have no reserved bit", .wrong = wrong_pdpte,                                 \
         .given =                                                                                                      \
             LIST(ALL(GUEST_CR0, CR0_PG), ALL(GUEST_CR4, CR4_PAE), NONE(ENTRY_CONTROLS, B(ENTRYC_IA32E_MODE_GUEST))),  \
         .setup = LIST(SET(ENTRY_OWN, PRESENT)),                                                                       \
         .bad = VARIANTS(EACH(RESERVED), {.label = "width", .write = LIST({ENTRY_OWN, ~0ull, 0, HOW_ABOVE})},          \
                         EACH(1ull << 52 | 1ull << 63),                                                                \
                         {.label = "memory",                                                                           \
                          .varies = true,                                                                              \
                          .write = LIST(OFF(PROC2_CONTROLS, PROC2_EPT), OFF(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST), \
                                        SET(memory, PRESENT | 2))}),                                                   \
         .near = VARIANTS(VALUE("not-present", ~PRESENT), EACH(0xe18)))

static const struct entry_rule rules[] = {
    PDPTE("D1", GUEST_PDPTE0, STATE_MEMORY_PDPTE0),
    PDPTE("D2", GUEST_PDPTE1, STATE_MEMORY_PDPTE1),
    PDPTE("D3", GUEST_PDPTE2, STATE_MEMORY_PDPTE2),
    PDPTE("D4", GUEST_PDPTE3, STATE_MEMORY_PDPTE3),
};

const struct entry_table entry_rules_memory = TABLE(rules);
