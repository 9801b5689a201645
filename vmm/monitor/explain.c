#include "vmm/monitor/explain.h"

#include <stdio.h>
#include <string.h>

#include "config/lab.h"
#include "vmm/lib/syscall.h"
#include "vmm/monitor/capability.h"
#include "vmm/monitor/x86.h"

/* ---- What the rules look at --------------------------------------------------------------------------------- */

/* What vcpu_read calls it. The host's own EFER and CR0 are those that the kernel has written to the host-state area. */
static uint64_t what_of(uint32_t field)
{
    switch (field) {
    case STATE_CPU_EFER:
        return HOST_IA32_EFER;
    case STATE_CPU_CR0:
        return HOST_CR0;
    case STATE_VTPR:
        return VCPU_ITEM | REFUSED_VTPR;
    case STATE_LINK_WORD:
        return VCPU_ITEM | REFUSED_LINK_WORD;
    case ENTRY_MSR ... ENTRY_MSR_VALUE(LAB_MSR_ENTRIES - 1):
        return VCPU_ITEM | (REFUSED_ENTRY_MSR + (field - ENTRY_MSR));
    default:
        return field;
    }
}

/* SVM has no host-state area; but a kernel in 64-bit mode has paging on. */
static bool read_field(void *context, uint32_t field, uint64_t *value)
{
    const struct guest *guest = context;
    struct state_pair pair = {VCPU_REFUSED | what_of(field), (uintptr_t)value};

    if (entry_state_usual(field, value))
        return true;
    if (guest->vm->backend == BACKEND_SVM && field == STATE_CPU_CR0) {
        *value = CR0_PE | CR0_PG;
        return true;
    }
    return sys_vcpu_read(guest->vcpu.number, &pair, 1) == 0;
}

static void read_caps(struct entry_caps *caps)
{
    for (uint32_t field = ENTRY_CAP; field < ENTRY_CAP_END; field++)
        caps->value[field - ENTRY_CAP] = capability_read(entry_cap_index(field));
    caps->known = (1ull << ENTRY_CAPS) - 1;
}

/* ---- Telling ------------------------------------------------------------------------------------------------ */

struct entry_verdict explain_vmfail(uint64_t error)
{
    return (struct entry_verdict){ENTRY_FAIL_VALID, (uint32_t)error, 0};
}

struct entry_verdict explain_exit(enum backend backend, const struct exit_record *exit)
{
    if (backend == BACKEND_SVM)
        return (struct entry_verdict){ENTRY_VMEXIT_INVALID, 0, 0};
    return (struct entry_verdict){ENTRY_FAILED_EXIT, (uint16_t)exit->reason, exit->qualification};
}

static void note_lines(const char *before, char *text)
{
    char *rest = text, *line;

    while ((line = strtok_r(rest, "\n", &rest))) {
        guest_note("%s%s", before, line);
        before = "";
    }
}

static void note_finding(const struct entry_verdict *seen, char *text)
{
    char result[64], before[sizeof(result) + 32];

    if (seen->kind == ENTRY_FAILED_EXIT)
        snprintf(result, sizeof(result), "exit reason %u", (unsigned)seen->number);
    else
        entry_verdict_text(seen, result, sizeof(result));
    snprintf(before, sizeof(before), "VM entry failed, %s: ", result);
    note_lines(before, text);
}

void explain_entry(const struct guest *guest, const struct entry_verdict *seen)
{
    struct entry_block block = {(void *)guest, read_field, NULL, NULL};
    enum backend backend = guest->vm->backend;
    struct entry_caps caps;
    struct entry_finding finding;
    char text[2048] = "no rule is broken, of those that could be checked";

    read_caps(&caps);
    if (entry_explain(backend, &block, &caps, seen, &finding))
        entry_finding_text(&finding, text, sizeof(text));
    note_finding(seen, text);
    entry_unknown_text(backend, &block, &caps, seen, text, sizeof(text));
    note_lines("", text);
}
