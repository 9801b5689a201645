/* For the files with the rules: words to write them with, and what several rules have in common. */
#ifndef VMM_ENTRY_RULE_H
#define VMM_ENTRY_RULE_H

#include "config/bits.h"
#include "vmm/entry/entry.h"

/* ---- Bits by name ------------------------------------------------------------------------------------------- */

enum entry_bit {
#define X(group, bit, name) BIT_##name = bit,
    ALL_BITS(X)
#undef X
};
#define B(name) (1ull << BIT_##name)

/* "Control Registers", "Extended Feature Enable Register", RFLAGS */
#define CR0_PE      (1ull << 0)
#define CR0_ET      (1ull << 4)
#define CR0_NE      (1ull << 5)
#define CR0_WP      (1ull << 16)
#define CR0_NW      (1ull << 29)
#define CR0_CD      (1ull << 30)
#define CR0_PG      (1ull << 31)
#define CR4_PAE     (1ull << 5)
#define CR4_LA57    (1ull << 12)
#define CR4_VMXE    (1ull << 13)
#define CR4_PCIDE   (1ull << 17)
#define CR4_CET     (1ull << 23)
#define CR4_FRED    (1ull << 32)
#define EFER_LME    (1ull << 8)
#define EFER_LMA    (1ull << 10)
#define EFER_NXE    (1ull << 11)
#define EFER_SVME   (1ull << 12)
#define RFLAGS_ONE  (1ull << 1)
#define RFLAGS_TF   (1ull << 8)
#define RFLAGS_IF   (1ull << 9)
#define RFLAGS_IOPL (3ull << 12)
#define RFLAGS_VM   (1ull << 17)

#define HIGH_HALF 0xffffffff00000000ull

/* Access rights: "Format of Access Rights" */
#define AR_TYPE     0xfull
#define AR_S        (1ull << 4)
#define AR_DPL      (3ull << 5)
#define AR_P        (1ull << 7)
#define AR_L        (1ull << 13)
#define AR_DB       (1ull << 14)
#define AR_G        (1ull << 15)
#define AR_UNUSABLE (1ull << 16)

/* "VM-Entry Interruption-Information Field" */
#define EVENT_VALID         (1ull << 31)
#define EVENT_ERROR_CODE    (1ull << 11)
#define EVENT_NESTED        (1ull << 13)
#define EVENT_TYPE          (7ull << 8)
#define EVENT(type, vector) (EVENT_VALID | (uint64_t)(type) << 8 | (vector))
enum {
    EVENT_EXTERNAL = 0,
    EVENT_NMI = 2,
    EVENT_EXCEPTION = 3,
    EVENT_SOFTWARE = 4,
    EVENT_PRIVILEGED = 5,
    EVENT_SOFTWARE_EXCEPTION = 6,
    EVENT_OTHER = 7
};

/* "Guest Non-Register State" */
enum { ACTIVITY_ACTIVE, ACTIVITY_HLT, ACTIVITY_SHUTDOWN, ACTIVITY_WAIT_FOR_SIPI };
enum { BLOCKING_STI = 1, BLOCKING_MOV_SS = 2, BLOCKING_SMI = 4, BLOCKING_NMI = 8, ENCLAVE_INTERRUPTION = 16 };

/* ---- Lists -------------------------------------------------------------------------------------------------- */

#define LIST(...)                                                                                                      \
    (const struct entry_bits[])                                                                                        \
    {                                                                                                                  \
        __VA_ARGS__, { 0 }                                                                                             \
    }
#define VARIANTS(...)                                                                                                  \
    (const struct entry_variant[])                                                                                     \
    {                                                                                                                  \
        __VA_ARGS__, { 0 }                                                                                             \
    }

#define ON(field, name) {field, B(name), B(name), HOW_SET}
#define OFF(field, name) {field, B(name), 0, HOW_SET}
#define ALL(field, bits) {field, bits, bits, HOW_SET}
#define NONE(field, bits) {field, bits, 0, HOW_SET}
#define BITS(field, mask, value) {field, mask, value, HOW_SET}
#define SET(field, value) {field, ~0ull, value, HOW_SET}
#define FLIP(field, bits) {field, bits, bits, HOW_FLIP}
#define COPY(field, from) {field, ~0ull, from, HOW_COPY}

/* A control that the CPU allows to be 1; a bit of CR4 that it allows. */
#define CAN(register, name) {CAP_##register, B(name) << 32, B(name) << 32, HOW_SET}
#define CAN_CR4(bits) {CAP_IA32_VMX_CR4_FIXED1, bits, bits, HOW_SET}

/* A variant by what it writes to several fields, by the rule's own value, and one for each of some bits. */
#define VARIANT(label_, ...) {.label = label_, .write = LIST(__VA_ARGS__)}
#define VALUE(label_, value) {.label = label_, .write = LIST(SET(ENTRY_OWN, value))}
#define OWN_BITS(label_, mask, value) {.label = label_, .write = LIST(BITS(ENTRY_OWN, mask, value))}
#define EACH(bits) {.each = bits}
#define EACH_BEHIND(bits, ...) {.each = bits, .write = LIST(__VA_ARGS__)}

#define LONG_BASES (BASE_LONG64 | BASE_COMPAT)

/* A rule by its id, its field, and what must be so. */
#define RULE(id_, field_, must_, ...) {.id = id_, .field = field_, .must = must_, __VA_ARGS__}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

struct entry_context {
    const struct entry_block *block;
    const struct entry_caps *caps;
    bool unknown;                     /* something was read that is not known */
    bool quiet;                       /* nothing goes to read[] */
    uint64_t looked;                  /* entry_field_mask of each field that was asked for */
    uint64_t qualification;           /* set by a rule that knows it better than its group */
    const struct entry_pair *instead; /* null, or what a field is taken to be */
    unsigned reads;
    struct entry_pair read[ENTRY_READS_MAX];
};

/* A field or capability register, as it is; 0 and `unknown` if it has no known value. */
uint64_t entry_get(struct entry_context *context, uint32_t field);

/* The same, but 0 for controls that another one does not activate. */
uint64_t entry_effective(struct entry_context *context, uint32_t field);

/* Whether all conditions of a list, which may be null, hold. */
bool entry_holds(struct entry_context *context, const struct entry_bits *list);

/* Bits of physical addresses ("MAXPHYADDR"), and of linear ones: what the CPU has, not what CR4.LA57 says. */
unsigned entry_physical_width(struct entry_context *context);
unsigned entry_linear_width(struct entry_context *context);

/* Those of the bits from `first` up that differ from bit `first`: 0 if the value sign-extends bits first:0. */
uint64_t entry_unlike(uint64_t value, unsigned first);

/* The capability register of control bits: bits that must be 1, and bits that may be 1. */
uint64_t entry_control_ones(struct entry_context *context, uint32_t field);
uint64_t entry_control_allowed(struct entry_context *context, uint32_t field);

/* Changes a block: one write of a list, with what `how` says. False if it can't be. */
bool entry_write(const struct entry_bits *bits, uint32_t own, const struct entry_block *block,
                 const struct entry_caps *caps);

/* ---- What is wrong, for many rules -------------------------------------------------------------------------- */

entry_wrong entry_wrong_ones;      /* bits of operand that are 1 */
entry_wrong entry_wrong_zeros;     /* bits of operand that are 0 */
entry_wrong entry_wrong_zero;      /* the value, if it is 0 */
entry_wrong entry_wrong_must_be_1; /* control bits */
entry_wrong entry_wrong_may_be_1;
entry_wrong entry_wrong_width; /* an address of a structure: "physical-address width", and bit 48 of IA32_VMX_BASIC */
entry_wrong entry_wrong_physical;  /* any physical address; operand: bits that may be 1 all the same */
entry_wrong entry_wrong_canonical; /* of as many bits as the CPU has */
entry_wrong entry_wrong_sign;      /* bits that only sign-extend bit L, one looser than canonical */
entry_wrong entry_wrong_cr3;       /* bits beyond the physical width but those of LAM, where there is LAM */
entry_wrong entry_wrong_pat;       /* bytes that are no memory type */
entry_wrong entry_wrong_perf_global_ctrl;
entry_wrong entry_wrong_efer;  /* reserved bits */
entry_wrong entry_wrong_s_cet; /* reserved bits, and SUPPRESS with TRACKER */
entry_wrong entry_wrong_fred;  /* an address, with low bits in operand that must be 0 */
entry_wrong entry_wrong_fixed; /* bits not as in the register of fixed bits: operand is it, FIXED0 or FIXED1 */

/* Variants that go with them. */
extern const struct entry_variant entry_bad_width[], entry_bad_canonical[], entry_near_canonical[], entry_bad_cr3[],
    entry_bad_pat[], entry_near_pat[], entry_each_bit[], entry_each_bit32[], entry_bad_fred_pointer[],
    entry_bad_fred_config[];

#define S_CET_RESERVED       0x3c0ull
#define SPEC_CTRL_RESERVED   (~0ull << 11 | 1ull << 9)
#define EFER_RESERVED        (~0xfffull | 1ull << 9 | 0xfeull)
#define FRED_CONFIG_RESERVED 0x834ull

/* ---- The tables --------------------------------------------------------------------------------------------- */

struct entry_table {
    const struct entry_rule *rules;
    unsigned count;
};
#define TABLE(rules) {rules, sizeof rules / sizeof *rules}

/* All of a back end's, in the order of the manual. */
struct entry_tables {
    const struct entry_table *const *table;
    unsigned count;
};
struct entry_tables entry_tables(enum backend backend);

extern const struct entry_table entry_rules_instruction, entry_rules_execution, entry_rules_execution_pages,
    entry_rules_exit, entry_rules_event, entry_rules_host, entry_rules_host_msr, entry_rules_guest_cr,
    entry_rules_guest_msr, entry_rules_segment_base, entry_rules_segment_rights, entry_rules_segment_system,
    entry_rules_rip, entry_rules_activity, entry_rules_pending, entry_rules_memory, entry_rules_msr_load,
    entry_rules_svm;

#endif
