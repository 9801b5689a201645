#include "guests/lib/lab/control.h"

#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/feature/text.h"

/* The field that a group of control bits is in, what it is in this row, and what it is at the start. */
static struct word {
    uint64_t what, value, start;
    bool asked, known;
} words[GROUPS] = {
    [GROUP_PIN] = {.what = PIN_CONTROLS},
    [GROUP_PROC] = {.what = PROC_CONTROLS},
    [GROUP_PROC2] = {.what = PROC2_CONTROLS},
    [GROUP_PROC3] = {.what = TERTIARY_CONTROLS},
    [GROUP_EXITC] = {.what = EXIT_CONTROLS},
    [GROUP_EXITC2] = {.what = SECONDARY_EXIT_CONTROLS},
    [GROUP_ENTRYC] = {.what = ENTRY_CONTROLS},
    [GROUP_FUNCTION] = {.what = VM_FUNCTION_CONTROLS},
    [GROUP_MISC1] = {.what = VMCB_INTERCEPT_MISC1},
    [GROUP_MISC2] = {.what = VMCB_INTERCEPT_MISC2},
    [GROUP_MISC3] = {.what = VMCB_INTERCEPT_MISC3},
};

/* Whether this row has changed, or may have, what HC_LAB_RESET makes good. */
static bool touched;

void lab_touch(void) { touched = true; }

bool lab_is_touched(void) { return touched; }

/* HC_LAB_RESULTS has fields as of the last observed exit: before the first of a row, they are those of now. */
void lab_controls_reset(void)
{
    for (struct word *word = words; word < words + GROUPS; word++) {
        if (word->what && !word->asked)
            word->known = lab_try_read(word->what, &word->start);
        word->asked = true;
        word->value = word->start;
    }
    touched = false;
}

const char *field_name(uint64_t what)
{
    static const struct {
        uint64_t what;
        const char *name;
    } names[] = {
#define X(encoding, name) {name, #name},
        VMCS_FIELDS(X)
#undef X
#define X(offset, bytes, name) {name, #name},
        VMCB_FIELDS(X)
#undef X
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].what == what)
            return names[i].name;
    return "";
}

/* A word that has control bits is to be written. Returns what it is before that. */
static uint64_t note(uint64_t what, uint64_t value)
{
    uint64_t before = 0;

    for (struct word *word = words; word < words + GROUPS && what >> LAB_KIND_SHIFT == LAB_FIELD; word++)
        if (word->known && word->what == what) {
            before = word->value;
            word->value = value;
        }
    return before;
}

/* Control blocks of the probe and of LAB_VMX are not this vCPU's own. */
static bool is_of_another(uint64_t what) { return what >> LAB_KIND_SHIFT == LAB_PROBE || what >> LAB_KIND_SHIFT == LAB_VMX; }

/* The next exit may come before the hypercall has returned to here: all is noted by then. */
static void note_pairs(const struct lab_pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_of_another(pairs[i].what))
            continue;
        note(pairs[i].what, pairs[i].value);
        lab_touch();
    }
}

static long set_pairs(const struct lab_pair *pairs, size_t n, struct lab_refusal *refusal)
{
    note_pairs(pairs, n);
    return hypercall(HC_LAB_MACHINE, (unsigned long)pairs, n, (unsigned long)refusal);
}

/* "GUEST_CR0", "port 0x60", ... */
static const char *what_text(uint64_t what)
{
    static const char *const kinds[] = {
        [LAB_PORT] = "port",           [LAB_MSR_READ] = "RDMSR of",   [LAB_MSR_WRITE] = "WRMSR of", [LAB_NESTED] = "nested entry",
        [LAB_ENTRY_LOAD] = "entry load", [LAB_EXIT_STORE] = "exit store", [LAB_EXIT_LOAD] = "exit load", [LAB_EPTP] = "EPTP list",
        [LAB_PROBE] = "the probe's",
    };
    static char name[48];
    struct text text = text_begin(name, sizeof name);
    uint64_t kind = what >> LAB_KIND_SHIFT;

    if (kind == LAB_FIELD)
        text_put(&text, "%s 0x%llx", field_name(what), (unsigned long long)what);
    else
        text_put(&text, "%s 0x%llx", kind < sizeof kinds / sizeof *kinds ? kinds[kind] : "kind?",
                 (unsigned long long)LAB_NUMBER(what));
    return name;
}

void lab_write_pairs(const struct lab_pair *pairs, size_t n)
{
    struct lab_refusal refusal = {.what = 0};
    long result = set_pairs(pairs, n, &refusal);

    if (result < 0 && refusal.why[0])
        outcome_end(VERDICT_ERROR, 0, 0, "refused: %s, bits 0x%llx: %s", what_text(refusal.what),
                    (unsigned long long)refusal.bits, refusal.why);
    if (result < 0)
        outcome_end(VERDICT_ERROR, 0, 0, "HC_LAB_MACHINE returned %ld for %s", result, what_text(pairs[0].what));
}

bool lab_try_run(struct lab_pair *pairs, size_t n, size_t m)
{
    note_pairs(pairs, n);
    return hypercall(HC_LAB_RUN, (unsigned long)pairs, n, m) >= 0;
}

/* What is refused is told when it is tried alone. */
void lab_run(struct lab_pair *pairs, size_t n, size_t m)
{
    if (lab_try_run(pairs, n, m))
        return;
    lab_write_pairs(pairs, n);
    lab_read_pairs(pairs + n, m);
}

void lab_write(uint64_t what, uint64_t value)
{
    const struct lab_pair pair = {what, value};

    lab_write_pairs(&pair, 1);
}

bool lab_try(uint64_t what, uint64_t value, struct lab_refusal *refusal)
{
    const struct lab_pair pair = {what, value};
    struct lab_refusal ignored;
    uint64_t before = note(what, value);
    bool taken = set_pairs(&pair, 1, refusal ? refusal : &ignored) >= 0;

    if (!taken)
        note(what, before);
    return taken;
}

bool lab_try_read(uint64_t what, uint64_t *value)
{
    struct lab_pair pair = {what, 0};
    bool good = hypercall(HC_LAB_RESULTS, (unsigned long)&pair, 1, 0) >= 0;

    *value = pair.value;
    return good;
}

uint64_t lab_read(uint64_t what)
{
    uint64_t value;

    if (!lab_try_read(what, &value))
        outcome_end(VERDICT_ERROR, 0, 0, "%s can't be read", what_text(what));
    return value;
}

void lab_read_pairs(struct lab_pair *pairs, size_t n)
{
    if (hypercall(HC_LAB_RESULTS, (unsigned long)pairs, n, 0) < 0)
        outcome_end(VERDICT_ERROR, 0, 0, "%s, or one of %lu behind it, can't be read", what_text(pairs[0].what), (unsigned long)n);
}

static struct word *find_word(enum feature_need control)
{
    struct word *word = &words[control >> NEED_GROUP_SHIFT & 63];

    if (!word->known)
        outcome_end(VERDICT_ERROR, 0, 0, "%s: there is no such control here", feature_need_name((uint16_t)control));
    return word;
}

uint64_t lab_control_field(enum feature_need control) { return find_word(control)->what; }

uint64_t lab_control_bit(enum feature_need control) { return 1ull << (control & NEED_BIT); }

void lab_set_to(enum feature_need control, bool on)
{
    const struct word *word = find_word(control);

    lab_write(word->what, on ? word->value | lab_control_bit(control) : word->value & ~lab_control_bit(control));
}

bool lab_try_set(enum feature_need control, bool on, struct lab_refusal *refusal)
{
    const struct word *word = find_word(control);

    return lab_try(word->what, on ? word->value | lab_control_bit(control) : word->value & ~lab_control_bit(control), refusal);
}

void lab_control_cleared(enum feature_need control)
{
    words[control >> NEED_GROUP_SHIFT].value &= ~lab_control_bit(control);
}

void lab_set(enum feature_need control) { lab_set_to(control, true); }

void lab_clear(enum feature_need control) { lab_set_to(control, false); }

bool lab_is_set(enum feature_need control) { return find_word(control)->value & lab_control_bit(control); }

void lab_trap_port(uint16_t port, bool exits) { lab_write(LAB_WHAT(LAB_PORT, port), exits); }

void lab_trap_rdmsr(uint32_t msr, bool exits) { lab_write(LAB_WHAT(LAB_MSR_READ, msr), exits); }

void lab_trap_wrmsr(uint32_t msr, bool exits) { lab_write(LAB_WHAT(LAB_MSR_WRITE, msr), exits); }

void lab_trap_exceptions(uint32_t vectors)
{
    lab_write(hypercall_is_svm ? (uint64_t)VMCB_INTERCEPT_EXCEPTION : (uint64_t)EXCEPTION_BITMAP, vectors);
}

uint64_t lab_nested_read(uint64_t gpa, unsigned level) { return lab_read(LAB_WHAT(LAB_NESTED, gpa | level)); }

void lab_nested_write(uint64_t gpa, unsigned level, uint64_t entry)
{
    lab_write(LAB_WHAT(LAB_NESTED, gpa | level), entry);
}
