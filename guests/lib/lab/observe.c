#include "guests/lib/lab/observe.h"

#include <stddef.h>

#include "config/fields.h"
#include "guests/lib/lab/control.h"
#include "guests/lib/lab/svm.h"
#include "guests/lib/lab/vmx.h"

enum { MAY_CHANGE = 16, CHANGED = 64 };

/* Arithmetic flags, TF excepted, and RF, IF: what a statement in C can have changed up to its exit. */
#define RFLAGS_ANY 0x10ad7ull

struct lab_observation lab_seen __attribute__((aligned(4096)));
struct fault lab_fault = {.vector = NO_FAULT};
long lab_observe_result;

static enum lab_action how;
static bool observed, any_change;
static uint64_t may_change[MAY_CHANGE];
static unsigned may_changes;

void lab_may_change(uint64_t field)
{
    if (may_changes == MAY_CHANGE)
        outcome_end(VERDICT_ERROR, 0, 0, "more than %d lab_may_change()", MAY_CHANGE);
    may_change[may_changes++] = field;
}

void lab_may_change_all(void) { any_change = true; }

struct context *lab_observe_begin(enum lab_action action)
{
    how = action;
    lab_touch();
    lab_seen.exits = 0;
    lab_fault.vector = NO_FAULT;
    return trap_catch_begin();
}

/* What any statement in C changes. */
static bool is_usual(const struct lab_pair *changed)
{
    static const uint64_t usual[] = {GUEST_RIP, GUEST_RSP, VMCB_RIP, VMCB_RSP, VMCB_RAX};
    static const uint64_t segments[] = {
        GUEST_CS_SELECTOR,    GUEST_SS_SELECTOR,      GUEST_DS_SELECTOR,      GUEST_ES_SELECTOR,
        GUEST_FS_SELECTOR,    GUEST_GS_SELECTOR,      GUEST_CS_ACCESS_RIGHTS, GUEST_SS_ACCESS_RIGHTS,
        GUEST_DS_ACCESS_RIGHTS, GUEST_ES_ACCESS_RIGHTS, GUEST_FS_ACCESS_RIGHTS, GUEST_GS_ACCESS_RIGHTS,
        GUEST_DS_LIMIT,       GUEST_ES_LIMIT,         GUEST_FS_LIMIT,         GUEST_GS_LIMIT, GUEST_CS_LIMIT, GUEST_SS_LIMIT,
        VMCB_CPL,             VMCB_CS_SELECTOR,       VMCB_SS_SELECTOR,       VMCB_CS_ATTRIBUTES, VMCB_SS_ATTRIBUTES,
        VMCB_DS_SELECTOR, VMCB_ES_SELECTOR, VMCB_FS_SELECTOR, VMCB_GS_SELECTOR,
        VMCB_DS_ATTRIBUTES, VMCB_ES_ATTRIBUTES, VMCB_FS_ATTRIBUTES, VMCB_GS_ATTRIBUTES,
        VMCB_DS_LIMIT, VMCB_ES_LIMIT, VMCB_FS_LIMIT, VMCB_GS_LIMIT,
    };

    if (changed->what == GUEST_RFLAGS || changed->what == VMCB_RFLAGS)
        return (changed->value & ~RFLAGS_ANY) == 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (usual[i] == changed->what)
            return true;
    for (size_t i = 0; trap_user_was && i < sizeof segments / sizeof *segments; i++)
        if (segments[i] == changed->what)
            return true;
    return false;
}

static bool is_allowed(const struct lab_pair *changed)
{
    for (unsigned i = 0; i < may_changes; i++)
        if (may_change[i] == changed->what)
            return true;
    return is_usual(changed);
}

bool lab_expect_unchanged(const char *file, unsigned line)
{
    static struct lab_pair changed[CHANGED];
    long n = hypercall(HC_LAB_CHANGED, (unsigned long)changed, CHANGED, 0);

    if (n < 0)
        outcome_end(VERDICT_ERROR, file, line, "HC_LAB_CHANGED returned %ld", n);
    for (long i = 0; i < n; i++)
        if (!is_allowed(&changed[i])) {
            outcome_fail(file, line, "the exit changed %s 0x%llx to 0x%llx", field_name(changed[i].what),
                         (unsigned long long)changed[i].what, (unsigned long long)changed[i].value);
            return false;
        }
    return true;
}

/* What LAB_RETURN clears: config/lab.h. */
static void note_cleared(uint64_t reason)
{
    static const struct {
        uint64_t reason;
        enum feature_need control;
    } rows[] = {
        {EXIT_INTERRUPT_WINDOW, PROC_INTERRUPT_WINDOW},       {EXIT_NMI_WINDOW, PROC_NMI_WINDOW},
        {EXIT_MONITOR_TRAP_FLAG, PROC_MONITOR_TRAP_FLAG},     {EXIT_PREEMPTION_TIMER, PIN_PREEMPTION_TIMER},
        {EXIT_PML_FULL, PROC2_PML},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows && !hypercall_is_svm; i++)
        if (rows[i].reason == reason)
            lab_control_cleared(rows[i].control);
}

struct exit_record lab_observe_end(const char *file, unsigned line)
{
    struct exit_record none = {.reason = NO_EXIT};
    long result = lab_observe_result;

    hypercall(HC_LAB_OBSERVE, 0, 0, 0);
    lab_fault = trap_catch_end();
    observed = true;
    if (result < 0)
        outcome_end(VERDICT_ERROR, file, line, "HC_LAB_OBSERVE returned %ld", result);
    if (how == LAB_RETURN && lab_seen.exits > 0) {
        note_cleared(lab_seen.exit[0].reason);
        if (!any_change && !trap_mode_was)
            lab_expect_unchanged(file, line);
    }
    return lab_seen.exits > 0 ? lab_seen.exit[0] : none;
}

void lab_put_reason(struct text *text, uint64_t reason)
{
    static const struct {
        uint64_t reason;
        const char *name;
    } vmx[] = {
#define X(number, name) {number, #name},
        VMX_EXIT_REASONS(X)
#undef X
    }, svm[] = {
#define X(code, name) {code, #name},
        SVM_EXIT_CODES(X)
#undef X
    };
    size_t n = hypercall_is_svm ? sizeof svm / sizeof *svm : sizeof vmx / sizeof *vmx;

    for (size_t i = 0; i < n; i++)
        if ((hypercall_is_svm ? svm[i].reason : vmx[i].reason) == reason) {
            text_put(text, "%s", hypercall_is_svm ? svm[i].name : vmx[i].name);
            return;
        }
    if (reason == NO_EXIT)
        text_put(text, "no exit");
    else
        text_put(text, "exit 0x%llx", (unsigned long long)reason);
}

/* "; saw EXIT_IO, #GP(0x0)" */
static void put_seen(struct text *text)
{
    if (!observed)
        return;
    text_put(text, "; saw ");
    lab_put_reason(text, lab_seen.exits > 0 ? lab_seen.exit[0].reason : NO_EXIT);
    if (lab_seen.exits > 1)
        text_put(text, " and %llu more", (unsigned long long)lab_seen.exits - 1);
    if (lab_fault.vector != NO_FAULT) {
        text_put(text, ", ");
        trap_put(text, &lab_fault);
    }
}

void lab_observe_reset(void)
{
    outcome_context = put_seen;
    observed = any_change = false;
    may_changes = 0;
    lab_seen.exits = 0;
    lab_fault.vector = NO_FAULT;
}

bool lab_expect_exit(uint64_t reason, const char *file, unsigned line)
{
    char wanted[64];
    struct text text = text_begin(wanted, sizeof wanted);

    outcome.expectations++;
    if (lab_seen.exits > 0 && lab_seen.exit[0].reason == reason && lab_fault.vector == NO_FAULT)
        return true;
    lab_put_reason(&text, reason);
    outcome_fail(file, line, "expected %s", wanted);
    return false;
}

bool lab_expect_exits(uint64_t exits, const char *file, unsigned line)
{
    outcome.expectations++;
    if (lab_seen.exits == exits && lab_fault.vector == NO_FAULT)
        return true;
    outcome_fail(file, line, "expected %llu exits and no fault", (unsigned long long)exits);
    return false;
}

bool lab_expect_fault(uint64_t vector, uint64_t error, const char *file, unsigned line)
{
    const struct fault wanted = {.vector = vector, .error = error};
    char name[32];
    struct text text = text_begin(name, sizeof name);

    outcome.expectations++;
    if (lab_seen.exits == 0 && lab_fault.vector == vector && lab_fault.error == error)
        return true;
    trap_put(&text, &wanted);
    outcome_fail(file, line, "expected %s and no exit", name);
    return false;
}
