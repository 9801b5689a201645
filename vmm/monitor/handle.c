/* The handlers by kind of exit, and the short ones among them. */
#include "vmm/monitor/handle.h"

#include "vmm/monitor/explain.h"
#include "vmm/monitor/x86.h"
#include "vmm/state/save.h"

typedef unsigned long long ull; /* for printf */

static enum vcpu_action handle_other(struct guest *guest, const struct guest_exit *e)
{
    guest_end(guest, END_UNHANDLED, "%s (0x%llx) at RIP 0x%llx is nothing that this monitor handles", e->name,
              (ull)e->record->reason, (ull)e->record->rip);
}

static enum vcpu_action handle_memory(struct guest *guest, const struct guest_exit *e)
{
    if (e->memory.present && e->memory.write)
        guest_end(guest, END_READ_ONLY, "at RIP 0x%llx the guest writes to gpa 0x%llx: the ring is read-only here",
                  (ull)e->record->rip, (ull)e->memory.gpa);
    guest_end(guest, END_HOLE, "at RIP 0x%llx the guest %s gpa 0x%llx, where there is no memory: it has %llu KiB",
              (ull)e->record->rip,
              e->memory.fetch   ? "executes at"
              : e->memory.write ? "writes to"
                                : "reads from",
              (ull)e->memory.gpa, (ull)guest->vm->memory.bytes >> 10);
}

/* The kernel hands HLT on only if nothing can wake the vCPU: interrupts are off. When none is left, the guest is over. */
static enum vcpu_action handle_halt(struct guest *guest, const struct guest_exit *e)
{
    guest->vm->halted |= 1u << guest->vcpu.number;
    if (guest->vm->halted != guest_started(guest->vm)) {
        save_look(guest);
        guest_park();
    }
    guest_end(guest, END_HALT, "HLT with interrupts off at RIP 0x%llx", (ull)e->record->rip);
}

static enum vcpu_action handle_triple_fault(struct guest *guest, const struct guest_exit *e)
{
    guest_end(guest, END_TRIPLE_FAULT, "triple fault at RIP 0x%llx", (ull)e->record->rip);
}

static enum vcpu_action handle_entry_failure(struct guest *guest, const struct guest_exit *e)
{
    struct entry_verdict seen = explain_exit(guest->vm->backend, e->record);

    explain_entry(guest, &seen);
    guest_end(guest, END_ENTRY_FAILURE, "the CPU refuses the guest's state: %s, qualification 0x%llx", e->name,
              (ull)guest->vcpu.page->exit.qualification);
}

static enum vcpu_action handle_undefined(struct guest *guest, const struct guest_exit *e)
{
    (void)e;
    guest_inject(guest, VECTOR_UD, false);
    return VCPU_RUN_RESUME;
}

static enum vcpu_action handle_protected(struct guest *guest, const struct guest_exit *e)
{
    (void)e;
    guest_inject(guest, VECTOR_GP, true);
    return VCPU_RUN_RESUME;
}

static enum vcpu_action handle_ignored(struct guest *guest, const struct guest_exit *e)
{
    (void)guest, (void)e;
    return VCPU_RUN_SKIP;
}

static guest_handler *const handlers[EXIT_KINDS] = {
    [EXIT_OTHER] = handle_other,
    [EXIT_IO] = handle_io,
    [EXIT_HYPERCALL] = handle_hypercall,
    [EXIT_MEMORY] = handle_memory,
    [EXIT_MSR_READ] = handle_msr_read,
    [EXIT_MSR_WRITE] = handle_msr_write,
    [EXIT_CR] = handle_cr,
    [EXIT_HALT] = handle_halt,
    [EXIT_TRIPLE_FAULT] = handle_triple_fault,
    [EXIT_ENTRY_FAILURE] = handle_entry_failure,
    [EXIT_UNDEFINED] = handle_undefined,
    [EXIT_PROTECTED] = handle_protected,
    [EXIT_IGNORED] = handle_ignored,
};

enum vcpu_action handle_exit(struct guest *guest, const struct guest_exit *e) { return handlers[e->kind](guest, e); }
