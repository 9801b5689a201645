/* "Checks on Guest Segment Registers": access rights of CS, SS, DS, ES, FS and GS outside virtual-8086 mode. */
#include "vmm/entry/rule.h"
#include "vmm/entry/segment.h"

#define NOT_VM86   NONE(GUEST_RFLAGS, RFLAGS_VM)
#define RESTRICTED OFF(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST)
#define FREE       ON(PROC2_CONTROLS, PROC2_UNRESTRICTED_GUEST)

enum {
    TYPE_WRITABLE = 3,
    TYPE_EXPAND_DOWN = 7,
    TYPE_CODE = 8,
    TYPE_READABLE = 2,
    TYPE_ACCESSED = 1,
    TYPE_CONFORMING = 12
};

static unsigned type_of(uint64_t rights) { return rights & AR_TYPE; }

static unsigned dpl_of(uint64_t rights) { return rights >> 5 & 3; }

static bool is_restricted(struct entry_context *context)
{
    return !(entry_effective(context, PROC2_CONTROLS) & B(PROC2_UNRESTRICTED_GUEST));
}

/* ---- Type ------------------------------------------------------------------------------------------------- */

static uint64_t wrong_cs_type(struct entry_context *context, const struct entry_rule *rule)
{
    unsigned type = type_of(entry_get(context, rule->field));

    return type == TYPE_WRITABLE || (type & (TYPE_CODE | TYPE_ACCESSED)) == (TYPE_CODE | TYPE_ACCESSED) ? 0 : AR_TYPE;
}

static uint64_t wrong_cs_type_3(struct entry_context *context, const struct entry_rule *rule)
{
    return type_of(entry_get(context, rule->field)) == TYPE_WRITABLE ? AR_TYPE : 0;
}

static uint64_t wrong_ss_type(struct entry_context *context, const struct entry_rule *rule)
{
    unsigned type = type_of(entry_get(context, rule->field));

    return !segment_is_usable(context, rule->field) || type == TYPE_WRITABLE || type == TYPE_EXPAND_DOWN ? 0 : AR_TYPE;
}

static uint64_t wrong_readable(struct entry_context *context, const struct entry_rule *rule)
{
    unsigned type = type_of(entry_get(context, rule->field));

    return segment_is_usable(context, rule->field) && type & TYPE_CODE && !(type & TYPE_READABLE) ? TYPE_READABLE : 0;
}

/* ---- Bits of the rights that a usable segment has to have ------------------------------------------------- */

static uint64_t wrong_usable_zeros(struct entry_context *context, const struct entry_rule *rule)
{
    return segment_is_usable(context, rule->field) ? ~entry_get(context, rule->field) & rule->operand : 0;
}

static uint64_t wrong_usable_ones(struct entry_context *context, const struct entry_rule *rule)
{
    return segment_is_usable(context, rule->field) ? entry_get(context, rule->field) & rule->operand : 0;
}

/* ---- DPL -------------------------------------------------------------------------------------------------- */

static uint64_t wrong_cs_dpl_type_3(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t cs = entry_get(context, rule->field);

    return type_of(cs) == TYPE_WRITABLE ? cs & AR_DPL : 0;
}

static uint64_t wrong_cs_dpl_plain(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t cs = entry_get(context, rule->field), ss = entry_get(context, GUEST_SS_ACCESS_RIGHTS);

    return (type_of(cs) & TYPE_CONFORMING) == TYPE_CODE ? (cs ^ ss) & AR_DPL : 0;
}

static uint64_t wrong_cs_dpl_conforming(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t cs = entry_get(context, rule->field), ss = entry_get(context, GUEST_SS_ACCESS_RIGHTS);

    return (type_of(cs) & TYPE_CONFORMING) == TYPE_CONFORMING && dpl_of(cs) > dpl_of(ss) ? AR_DPL : 0;
}

static uint64_t wrong_ss_dpl(struct entry_context *context, const struct entry_rule *rule)
{
    return dpl_of(entry_get(context, rule->field)) == (entry_get(context, GUEST_SS_SELECTOR) & 3) ? 0 : AR_DPL;
}

static uint64_t wrong_ss_dpl_0(struct entry_context *context, const struct entry_rule *rule)
{
    bool is_real = !(entry_get(context, GUEST_CR0) & CR0_PE);

    return is_real || type_of(entry_get(context, GUEST_CS_ACCESS_RIGHTS)) == TYPE_WRITABLE
               ? entry_get(context, rule->field) & AR_DPL
               : 0;
}

static uint64_t wrong_data_dpl(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t rights = entry_get(context, rule->field);
    unsigned rpl = entry_get(context, segment_field(GUEST_ES_SELECTOR, rule->field)) & 3;

    return is_restricted(context) && segment_is_usable(context, rule->field) && type_of(rights) < TYPE_CONFORMING &&
                   dpl_of(rights) < rpl
               ? AR_DPL
               : 0;
}

/* ---- Modes, granularity ----------------------------------------------------------------------------------- */

static uint64_t wrong_long(struct entry_context *context, const struct entry_rule *rule)
{
    uint64_t rights = entry_get(context, rule->field);

    return (rights & (AR_L | AR_DB)) == (AR_L | AR_DB) ? AR_DB : 0;
}

static uint64_t wrong_granular(struct entry_context *context, const struct entry_rule *rule)
{
    bool low_zeros = ~entry_get(context, segment_field(GUEST_ES_LIMIT, rule->field)) & 0xfff;

    return segment_is_usable(context, rule->field) && low_zeros ? entry_get(context, rule->field) & AR_G : 0;
}

static uint64_t wrong_not_granular(struct entry_context *context, const struct entry_rule *rule)
{
    bool high_ones = entry_get(context, segment_field(GUEST_ES_LIMIT, rule->field)) & 0xfff00000;

    return segment_is_usable(context, rule->field) && high_ones ? ~entry_get(context, rule->field) & AR_G : 0;
}

/* ---- The table: a column for each kind of demand, a row of rules for each register ------------------------ */

#define RIGHTS(id, name, ...)                                                                                          \
    RULE(id, GUEST_##name##_ACCESS_RIGHTS, __VA_ARGS__, .given = LIST(NOT_VM86), .skip = BASE_VM86)
#define UNUSABLE {.label = "unusable", .write = LIST(SET(ENTRY_OWN, AR_UNUSABLE))}
#define TYPE(label_, type) OWN_BITS(label_, AR_TYPE, type)

#define ACCESSED(id, name)                                                                                             \
    RIGHTS(id, name, "must be accessed (bit 0) if usable", .wrong = wrong_usable_zeros, .operand = TYPE_ACCESSED,      \
           .near = VARIANTS(TYPE("type1", 1), TYPE("type5", 5), TYPE("type11", 11), TYPE("type15", 15), UNUSABLE))
#define READABLE(id, name)                                                                                             \
    RIGHTS(id, name, "a code segment must be readable if usable", .wrong = wrong_readable,                             \
           .bad = VARIANTS(TYPE("type9", 9), TYPE("type13", 13)),                                                      \
           .near = VARIANTS(TYPE("type11", 11), TYPE("type15", 15)))
#define CODE_OR_DATA(id, name, near_)                                                                                  \
    RIGHTS(id, name, "S (bit 4) must be 1 if usable", .wrong = wrong_usable_zeros, .operand = AR_S, .near = near_)
#define PRESENT(id, name)                                                                                              \
    RIGHTS(id, name, "P (bit 7) must be 1 if usable", .wrong = wrong_usable_zeros, .operand = AR_P)
#define RESERVED_LOW(id, name)                                                                                         \
    RIGHTS(id, name, "bits 11:8 must be 0 if usable", .wrong = wrong_usable_ones, .operand = 0xf00)
#define RESERVED_HIGH(id, name)                                                                                        \
    RIGHTS(id, name, "bits 31:17 must be 0 if usable", .wrong = wrong_usable_ones, .operand = 0xfffe0000)
#define GRANULAR(id, name)                                                                                             \
    RIGHTS(id, name, "G must be 0 if bits 11:0 of the limit have a 0", .wrong = wrong_granular,                        \
           .bad = VARIANTS(VARIANT("limit-0", SET(GUEST_##name##_LIMIT, 0), ALL(ENTRY_OWN, AR_G)),                     \
                           VARIANT("limit-ffe", SET(GUEST_##name##_LIMIT, 0xffffe), ALL(ENTRY_OWN, AR_G)),             \
                           VARIANT("limit-7ff", SET(GUEST_##name##_LIMIT, 0xff7ff), ALL(ENTRY_OWN, AR_G))),            \
           .near = VARIANTS(VARIANT("limit-fff", SET(GUEST_##name##_LIMIT, 0xfff), ALL(ENTRY_OWN, AR_G)),              \
                            VARIANT("bytes-0", SET(GUEST_##name##_LIMIT, 0), NONE(ENTRY_OWN, AR_G))))
#define NOT_GRANULAR(id, name)                                                                                         \
    RIGHTS(id, name, "G must be 1 if bits 31:20 of the limit have a 1", .wrong = wrong_not_granular,                   \
           .bad = VARIANTS(VARIANT("limit-1fffff", SET(GUEST_##name##_LIMIT, 0x1fffff), NONE(ENTRY_OWN, AR_G)),        \
                           VARIANT("limit-bit31", SET(GUEST_##name##_LIMIT, 0x800fffff), NONE(ENTRY_OWN, AR_G)),       \
                           VARIANT("limit-4g", SET(GUEST_##name##_LIMIT, 0xffffffff), NONE(ENTRY_OWN, AR_G))),         \
           .near = VARIANTS(VARIANT("limit-fffff", SET(GUEST_##name##_LIMIT, 0xfffff), NONE(ENTRY_OWN, AR_G))))
#define DATA_DPL(id, name)                                                                                             \
    RIGHTS(id, name, "DPL must not be below RPL, if usable and of type 0 to 11", .wrong = wrong_data_dpl,              \
           .when = LIST(RESTRICTED),                                                                                   \
           .bad = VARIANTS(VARIANT("rpl1", BITS(GUEST_##name##_SELECTOR, 3, 1)),                                       \
                           VARIANT("rpl3", BITS(GUEST_##name##_SELECTOR, 3, 3)),                                       \
                           VARIANT("code-rpl3", BITS(GUEST_##name##_SELECTOR, 3, 3), BITS(ENTRY_OWN, AR_TYPE, 11))),   \
           .near = VARIANTS(VARIANT("equal", BITS(GUEST_##name##_SELECTOR, 3, 3), ALL(ENTRY_OWN, AR_DPL)),             \
                            VARIANT("conforming", BITS(GUEST_##name##_SELECTOR, 3, 3), BITS(ENTRY_OWN, AR_TYPE, 15))))

/* CPL 3 in all that says so; outside HLT activity state, and real mode. */
#define CPL3 ALL(GUEST_SS_ACCESS_RIGHTS, AR_DPL), ALL(GUEST_SS_SELECTOR, 3), ALL(GUEST_CS_SELECTOR, 3)

static const struct entry_rule rules[] = {
    RIGHTS("S30", CS, "the type must be 9, 11, 13 or 15, or 3 in an unrestricted guest", .wrong = wrong_cs_type,
           .bad = VARIANTS(TYPE("type0", 0), TYPE("type1", 1), TYPE("type2", 2), TYPE("type4", 4), TYPE("type5", 5),
                           TYPE("type6", 6), TYPE("type7", 7), TYPE("type8", 8), TYPE("type10", 10), TYPE("type12", 12),
                           TYPE("type14", 14)),
           .near = VARIANTS(TYPE("type9", 9), TYPE("type11", 11), TYPE("type13", 13), TYPE("type15", 15))),
    RIGHTS("S31", CS, "type 3 is for unrestricted guests", .wrong = wrong_cs_type_3, .when = LIST(RESTRICTED),
           .bad = VARIANTS(TYPE("type3", 3)),
           .near =
               VARIANTS({.label = "unrestricted", .varies = true, .write = LIST(FREE, BITS(ENTRY_OWN, AR_TYPE, 3))})),
    RIGHTS("S32", SS, "the type must be 3 or 7 if usable", .wrong = wrong_ss_type,
           .bad = VARIANTS(TYPE("type0", 0), TYPE("type1", 1), TYPE("type2", 2), TYPE("type4", 4), TYPE("type5", 5),
                           TYPE("type6", 6), TYPE("type8", 8), TYPE("type9", 9), TYPE("type10", 10), TYPE("type11", 11),
                           TYPE("type12", 12), TYPE("type13", 13), TYPE("type14", 14), TYPE("type15", 15)),
           .near = VARIANTS(TYPE("type7", 7), UNUSABLE)),
    ACCESSED("S33", DS),
    ACCESSED("S34", ES),
    ACCESSED("S35", FS),
    ACCESSED("S36", GS),
    READABLE("S37", DS),
    READABLE("S38", ES),
    READABLE("S39", FS),
    READABLE("S40", GS),
    CODE_OR_DATA("S41", CS, NULL),
    CODE_OR_DATA("S42", SS, VARIANTS(UNUSABLE)),
    CODE_OR_DATA("S43", DS, VARIANTS(UNUSABLE)),
    CODE_OR_DATA("S44", ES, VARIANTS(UNUSABLE)),
    CODE_OR_DATA("S45", FS, VARIANTS(UNUSABLE)),
    CODE_OR_DATA("S46", GS, VARIANTS(UNUSABLE)),
    RIGHTS("S47", CS, "DPL must be 0 with type 3", .wrong = wrong_cs_dpl_type_3, .when = LIST(FREE),
           .setup = LIST(FREE, BITS(ENTRY_OWN, AR_TYPE, 3)),
           .bad = VARIANTS(EACH(AR_DPL), OWN_BITS("dpl3", AR_DPL, AR_DPL))),
    RIGHTS("S48", CS, "DPL must be that of SS with type 9 or 11", .wrong = wrong_cs_dpl_plain,
           .bad = VARIANTS(EACH(AR_DPL), OWN_BITS("dpl3", AR_DPL, AR_DPL),
                           VARIANT("type9-dpl3", BITS(ENTRY_OWN, AR_DPL | AR_TYPE, AR_DPL | 9)),
                           {.label = "ss-dpl3", .skip = BASE_HLT | BASE_REAL, .write = LIST(CPL3)}),
           .near = VARIANTS(
               {.label = "both-3", .skip = BASE_HLT | BASE_REAL, .write = LIST(CPL3, ALL(ENTRY_OWN, AR_DPL))})),
    RIGHTS("S49", CS, "DPL must not be above that of SS with type 13 or 15", .wrong = wrong_cs_dpl_conforming,
           .setup = LIST(BITS(ENTRY_OWN, AR_TYPE, 15)),
           .bad = VARIANTS(EACH(AR_DPL), OWN_BITS("dpl3", AR_DPL, AR_DPL),
                           VARIANT("type13-dpl3", BITS(ENTRY_OWN, AR_DPL | AR_TYPE, AR_DPL | 13))),
           .near = VARIANTS({.label = "below", .skip = BASE_HLT | BASE_REAL, .write = LIST(CPL3)})),
    RIGHTS("S50", SS, "DPL must be RPL", .wrong = wrong_ss_dpl, .when = LIST(RESTRICTED),
           .bad = VARIANTS(VARIANT("rpl1", BITS(GUEST_SS_SELECTOR, 3, 1), BITS(GUEST_CS_SELECTOR, 3, 1)),
                           VARIANT("rpl2", BITS(GUEST_SS_SELECTOR, 3, 2), BITS(GUEST_CS_SELECTOR, 3, 2)),
                           VARIANT("rpl3", BITS(GUEST_SS_SELECTOR, 3, 3), BITS(GUEST_CS_SELECTOR, 3, 3))),
           .near = VARIANTS({.label = "unrestricted",
                             .varies = true,
                             .write = LIST(FREE, BITS(GUEST_SS_SELECTOR, 3, 3), BITS(GUEST_CS_SELECTOR, 3, 3))})),
    RIGHTS("S51", SS, "DPL must be 0 if CS has type 3, or CR0.PE is 0", .wrong = wrong_ss_dpl_0, .with = "K3",
           .setup = LIST(FREE, BITS(GUEST_CS_ACCESS_RIGHTS, AR_TYPE, 3)),
           .bad = VARIANTS(EACH(AR_DPL), OWN_BITS("dpl3", AR_DPL, AR_DPL))),
    DATA_DPL("S52", DS),
    DATA_DPL("S53", ES),
    DATA_DPL("S54", FS),
    DATA_DPL("S55", GS),
    PRESENT("S56", CS),
    PRESENT("S57", SS),
    PRESENT("S58", DS),
    PRESENT("S59", ES),
    PRESENT("S60", FS),
    PRESENT("S61", GS),
    RESERVED_LOW("S62", CS),
    RESERVED_LOW("S63", SS),
    RESERVED_LOW("S64", DS),
    RESERVED_LOW("S65", ES),
    RESERVED_LOW("S66", FS),
    RESERVED_LOW("S67", GS),
    RULE("S68", GUEST_CS_ACCESS_RIGHTS, "L and D must not both be 1 in an IA-32e mode guest", .wrong = wrong_long,
         .given = LIST(NOT_VM86, ALL(ENTRY_CONTROLS, B(ENTRYC_IA32E_MODE_GUEST))),
         .bad = VARIANTS(VARIANT("both", ALL(ENTRY_OWN, AR_L | AR_DB))),
         .near = VARIANTS(VARIANT("neither", NONE(ENTRY_OWN, AR_L | AR_DB)), OWN_BITS("l", AR_L | AR_DB, AR_L),
                          OWN_BITS("d", AR_L | AR_DB, AR_DB))),
    GRANULAR("S69", CS),
    GRANULAR("S70", SS),
    GRANULAR("S71", DS),
    GRANULAR("S72", ES),
    GRANULAR("S73", FS),
    GRANULAR("S74", GS),
    NOT_GRANULAR("S75", CS),
    NOT_GRANULAR("S76", SS),
    NOT_GRANULAR("S77", DS),
    NOT_GRANULAR("S78", ES),
    NOT_GRANULAR("S79", FS),
    NOT_GRANULAR("S80", GS),
    RESERVED_HIGH("S81", CS),
    RESERVED_HIGH("S82", SS),
    RESERVED_HIGH("S83", DS),
    RESERVED_HIGH("S84", ES),
    RESERVED_HIGH("S85", FS),
    RESERVED_HIGH("S86", GS),
};

const struct entry_table entry_rules_segment_rights = TABLE(rules);
