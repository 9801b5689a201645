/*
 * The rules of a VM entry as data ("Checks on VMX Controls and Host-State Area", "Checks on the Guest State Area",
 * "Loading MSRs", Intel SDM; "Canonicalization and Consistency Checks", AMD APM), and a checker that goes by them.
 * Nothing here has side effects, allocates or prints: monitors, test guests and host programs link it. docs/entry.md
 * tells more.
 *
 * A test that drives the rows on a scratch control block:
 *
 *     for each rule, for each base:
 *         set the base (entry_base_set), arrange the rule (entry_rule_arrange; false: not on this base or CPU)
 *         for each case of the rule (entry_case_get):
 *             write the case (entry_case_write), enter, and compare with entry_rule_verdict (near: with success)
 */
#ifndef VMM_ENTRY_ENTRY_H
#define VMM_ENTRY_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/abi.h"
#include "vmm/entry/field.h"

/* ---- A control block ---------------------------------------------------------------------------------------- */

/*
 * A control block as its reader sees it. read: false if the field's value is not known; what depends on it is not
 * checked then. write (may be null for the checker): false if the field can't be written.
 */
struct entry_block {
    void *context;
    bool (*read)(void *context, uint32_t field, uint64_t *value);
    bool (*write)(void *context, uint32_t field, uint64_t value);
    const struct entry_good *good; /* null: nothing is known of it. See entry_good_learn */
};

/* The CPU's capability registers, by enum entry_cap_field - ENTRY_CAP. Bits of `known` tell which have a value. */
struct entry_caps {
    uint64_t value[ENTRY_CAPS];
    uint64_t known;
};

/* Notes a capability register by its index as in struct machine_cap (entry_cap_index tells which there are). False if
 * no rule needs it. */
bool entry_caps_put(struct entry_caps *caps, uint64_t index, uint64_t value);

/* A control block in memory, and its accessors. All zero at first: no field is known. */
enum { ENTRY_VALUES_MAX = 512 };
struct entry_values {
    unsigned count;
    uint64_t written; /* entry_field_mask of each field that is written. To be cleared by who wants to know */
    struct entry_pair {
        uint32_t field;
        uint64_t value;
    } pair[ENTRY_VALUES_MAX]; /* by rising field */
};
struct entry_block entry_values_block(struct entry_values *values);

/* Writes the field that is at a place in pair[], as many bits as it has. */
void entry_values_put(struct entry_values *values, unsigned at, uint64_t value);

/* Makes a field one that is not known; `written` stays as it is. */
void entry_values_forget(struct entry_values *values, uint32_t field);

/* Makes `to` what `from` is, quicker than by an assignment of so large a struct. */
void entry_values_copy(struct entry_values *to, const struct entry_values *from);

/* The place in pair[] where the field is, or would be. */
unsigned entry_values_find(const struct entry_values *values, uint32_t field);

/* Writes what is so at an entry that gets as far as its control block, where the block does not know: CPL 0, VMX root
 * operation in a fitting mode, not in SMM, not behind MOV SS. */
void entry_state_assume(const struct entry_block *block);

/* What that would write to a field; false for any other field. */
bool entry_state_usual(uint32_t field, uint64_t *value);

/* ---- Rules -------------------------------------------------------------------------------------------------- */

/* How `value` is meant. L: bits of a linear address that the CPU has; P: of a physical one. */
enum entry_how {
    HOW_SET,         /* the bits in `mask` become those of `value` */
    HOW_FLIP,        /* the bits in `value` change */
    HOW_COPY,        /* the bits in `mask` become those of the field with this number */
    HOW_LINEAR,      /* value << (L - 1) */
    HOW_LINEAR_LAST, /* the last canonical address below the gap, less `value` */
    HOW_ABOVE,       /* bit P becomes 1 */
    HOW_PHYSICAL_END,/* 2 to the power of P, less `value` */
    HOW_CR3_TARGETS, /* the highest CR3-target count, plus `value` */
};

/* Bits of a field: as a condition, that they are so; as a write, that they become so. A list ends with mask 0. */
struct entry_bits {
    uint32_t field; /* ENTRY_OWN: the rule's field */
    uint64_t mask, value;
    enum entry_how how; /* of writes */
};
#define ENTRY_OWN 0xffffffffu

/* The kinds of bases, as bits: where a rule or variant makes no sense. */
enum entry_base_kind {
    BASE_LONG64 = 1 << 0,
    BASE_COMPAT = 1 << 1,
    BASE_PAGED32 = 1 << 2,
    BASE_PAE = 1 << 3,
    BASE_UNPAGED = 1 << 4,
    BASE_REAL = 1 << 5,
    BASE_VM86 = 1 << 6,
    BASE_HLT = 1 << 7, /* with HLT activity state */
};

/* One or many ways to break a rule, or to be its nearest legal neighbour. A list ends with neither label nor each. */
struct entry_variant {
    const char *label;               /* null with `each` */
    uint64_t each;                   /* a case for each of these bits of the rule's field, which it flips */
    const struct entry_bits *write;  /* comes first; may be null */
    uint16_t skip;                   /* bases on which it makes no sense */
    bool varies;                     /* bad: whether it is wrong depends on the CPU; near: whether it is right */
};

enum entry_verdict_kind {
    ENTRY_OF_GROUP,       /* in a rule: as for all of its letter */
    ENTRY_UNDEFINED,      /* #UD */
    ENTRY_PROTECTION,     /* #GP(0) */
    ENTRY_VM_EXIT,        /* the instruction exits: number is the basic exit reason of VMLAUNCH; VMRESUME's is 24 */
    ENTRY_FAIL_INVALID,   /* VMfailInvalid */
    ENTRY_FAIL_VALID,     /* VMfailValid; number is the VM-instruction error */
    ENTRY_FAILED_EXIT,    /* an exit with bit 31 of the reason set; number is the basic exit reason: 33, 34 or 41 */
    ENTRY_VMEXIT_INVALID, /* SVM */
};

/* What an entry must come to. qualification: with ENTRY_FAILED_EXIT; for number 34 it is in the finding. */
struct entry_verdict {
    enum entry_verdict_kind kind;
    uint32_t number;
    uint64_t qualification;
};

struct entry_rule;
struct entry_context;

/* The bits of the rule's field that are wrong; 0 if it is kept. */
typedef uint64_t entry_wrong(struct entry_context *context, const struct entry_rule *rule);

struct entry_rule {
    const char *id;    /* that of entry-checks.tsv, one number of it: "H12" */
    uint32_t field;
    const char *must;  /* what must be so, in words */
    entry_wrong *wrong;
    uint64_t operand;  /* what `wrong` makes of it */
    const struct entry_bits *given;  /* applies only if so; a matter of base and CPU */
    const struct entry_bits *when;   /* applies only if so; can be brought about */
    const struct entry_bits *setup;  /* what else to bring about on a base, so that it is good with `when` */
    const struct entry_variant *bad; /* null: each bit of operand */
    const struct entry_variant *near;/* besides the base itself, arranged */
    const char *with;   /* ids, with spaces, of rules that can't but be broken with it */
    const char *no_row; /* why no probe of a control block can drive it; null: it can */
    struct entry_verdict verdict;
    uint16_t skip;      /* bases on which it makes no sense */
    bool varies;        /* which bits are wrong depends on the CPU: a case that is not is none */
    bool first_only;    /* its bits may have other demands of their own, which come behind it */
    bool loses_host;    /* on a CPU that wrongly accepts a bad case, the host does not survive the next exit */
    bool optional;      /* the manual leaves it to the CPU whether it is checked */
};

/* The rules of a back end in the order of the manual: by what they come to (VMfail, exit 33, exit 34). */
unsigned entry_rule_count(enum backend backend);
const struct entry_rule *entry_rule(enum backend backend, unsigned number);

/* By id ("H12"); null if there is none. */
const struct entry_rule *entry_rule_find(const char *id);

struct entry_verdict entry_rule_verdict(const struct entry_rule *rule);

/* Whether a rule, if broken, comes to this, whatever the exit qualification. */
bool entry_rule_comes_to(const struct entry_rule *rule, const struct entry_verdict *verdict);

/* ---- The checker -------------------------------------------------------------------------------------------- */

enum { ENTRY_READS_MAX = 12 };

/* A broken rule. */
struct entry_finding {
    const struct entry_rule *rule;
    uint64_t value;         /* of the rule's field */
    uint64_t wrong;         /* bits of it that are wrong */
    bool flip_helps;        /* with those bits the other way round, the rule would be kept */
    uint64_t qualification; /* that an exit must have */
    unsigned reads;         /* entries of read[] */
    struct entry_pair read[ENTRY_READS_MAX]; /* what else was looked at: fields and capability registers */
};

enum entry_result {
    ENTRY_KEPT,
    ENTRY_BROKEN,
    ENTRY_NOT_FOR_IT, /* the rule does not apply */
    ENTRY_UNKNOWN,    /* a field or capability that it needs has no known value */
};

/* Whether one rule is kept. *finding, which may be null, is filled when it is broken, and with ENTRY_UNKNOWN: the last
 * read is what is not known. */
enum entry_result entry_rule_check(const struct entry_rule *rule, const struct entry_block *block,
                                   const struct entry_caps *caps, struct entry_finding *finding);

/*
 * What each rule looked at in a block that kept them all. Of such a block, written to since, only those rules can be broken
 * that looked at what was written: the others would look at the same again.
 */
enum {
    ENTRY_RULES_MAX = 512, /* no back end has more: tests/entry_rules_test.c counts them */
    ENTRY_RULE_WORDS = ENTRY_RULES_MAX / 64,
};
struct entry_good {
    const uint64_t *written; /* entry_field_mask of each field that was, in one word */
    uint64_t lookers[64][ENTRY_RULE_WORDS]; /* for each bit of such a mask, the rules that looked there: a bit each, by number */
};

/* Fills in lookers[] if the block keeps all rules, and returns whether it does. */
bool entry_good_learn(struct entry_good *good, enum backend backend, const struct entry_block *block,
                      const struct entry_caps *caps);

/* Whether all rules are kept that can be checked; *first, which may be null, is the first that is broken. */
bool entry_check(enum backend backend, const struct entry_block *block, const struct entry_caps *caps,
                 struct entry_finding *first);

/* The broken rule that explains what came of an entry: the first that comes to just that; else the first that comes to it
 * with another exit qualification; else the first, as entry_check has it. False if none is broken that can be checked. */
bool entry_explain(enum backend backend, const struct entry_block *block, const struct entry_caps *caps,
                   const struct entry_verdict *seen, struct entry_finding *finding);

/* All broken rules, up to `room`; *unknown, which may be null, is how many rules could not be checked. Returns how many
 * are broken, also if there are more than `room`. */
unsigned entry_check_all(enum backend backend, const struct entry_block *block, const struct entry_caps *caps,
                         struct entry_finding *findings, unsigned room, unsigned *unknown);

/* Writes what is broken in words, in lines that end with '\n', cut at `room` bytes with the ending 0. Returns the bytes
 * that it takes without that 0. */
size_t entry_finding_text(const struct entry_finding *finding, char *text, size_t room);

/* In the same way, how many of the rules that come to what was seen (null: of all) could not be checked, and for lack of which
 * values; an empty text if there are none. */
size_t entry_unknown_text(enum backend backend, const struct entry_block *block, const struct entry_caps *caps,
                          const struct entry_verdict *seen, char *text, size_t room);

/* The same for a verdict: "VMfailValid, VM-instruction error 7". */
size_t entry_verdict_text(const struct entry_verdict *verdict, char *text, size_t room);

/* ---- Bases, and cases of rules ------------------------------------------------------------------------------ */

struct entry_base {
    const char *name;            /* "long64", "long64-hlt" */
    uint16_t kind;               /* enum entry_base_kind */
    const struct entry_bits *part[3]; /* what is written; may end early with null */
};

unsigned entry_base_count(enum backend backend);
const struct entry_base *entry_base(enum backend backend, unsigned number);

/* Makes guest state and the controls that go with it those of a base; other fields stay. On VMX the EPT control decides
 * whether a base without paging is possible. */
void entry_base_set(const struct entry_base *base, const struct entry_block *block, const struct entry_caps *caps);

/* For who has no control block that works to begin with: all controls and the host state, as good as the CPU allows. */
void entry_base_frame(enum backend backend, const struct entry_block *block, const struct entry_caps *caps);

/*
 * Brings about, on a base that is set, what the rule applies to. False if that is not possible here: on this base, or
 * for lack of a capability; then *obstacle says which rule would be broken, or has a null rule if the rule is not for
 * this base.
 */
bool entry_rule_arrange(const struct entry_rule *rule, const struct entry_base *base, const struct entry_block *block,
                        const struct entry_caps *caps, struct entry_finding *obstacle);

struct entry_case {
    const struct entry_rule *rule;
    const struct entry_variant *variant; /* null: near, the base itself */
    uint64_t flip;                       /* bit of the rule's field that changes */
    bool near;
    char label[16];                      /* "bit12", or the variant's; "base" */
};

/* The number of cases, the same on every machine; near: those that must be accepted. */
unsigned entry_case_count(const struct entry_rule *rule, bool near);
struct entry_case entry_case_get(const struct entry_rule *rule, bool near, unsigned number);

/* Writes a case to a block on which its rule is arranged. False if there is no such case on this base or CPU. */
bool entry_case_write(const struct entry_case *c, const struct entry_base *base, const struct entry_block *block,
                      const struct entry_caps *caps);

#endif
