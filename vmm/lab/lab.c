#include "vmm/lab/lab.h"

#include <string.h>

#include <x86intrin.h>

#include "vmm/lab/state.h"
#include "vmm/lib/syscall.h"

enum { OBSERVED_MAX = 10000, VMX_VMCALL = 18, SVM_VMMCALL = 0x81, VMMCALL_BYTES = 3 };

uint64_t lab_run_flags(const struct guest *guest)
{
    const struct lab *lab = lab_of(guest);

    return lab && lab->observation ? VCPU_RUN_OBSERVE : 0;
}

/* ---- Moments ---------------------------------------------------------------------------------------------- */

/* The moment behind the hypercall that the guest is in; with the fields that were taken before, if it says `again`. */
static void take_moment(struct guest *guest, struct moment *moment, bool again)
{
    const struct exit_record *e = &guest->vcpu.page->exit;

    if (!again || moment->fields.count == 0)
        lab_fields_read(guest, LAB_FIELDS_REGISTERS, &moment->fields);
    memcpy(moment->gpr, guest->vcpu.page->gpr, sizeof(moment->gpr));
    moment->rsp = guest_get_one(guest, REG_RSP);
    moment->rip = e->next_rip ? e->next_rip : e->rip + VMMCALL_BYTES;
}

/* RAX is what the hypercall seems to return. */
static void go_back(struct guest *guest, const struct moment *moment, uint64_t rax)
{
    static struct lab_fields now;
    const struct reg_value clean[] = {{REG_RIP, moment->rip}, {REG_RSP, moment->rsp}, {REG_EVENT, 0}, {REG_INTERRUPTIBILITY, 0}};

    lab_fields_read(guest, LAB_FIELDS_REGISTERS, &now);
    lab_fields_restore(guest, &moment->fields, &now);
    memcpy(guest->vcpu.page->gpr, moment->gpr, sizeof(moment->gpr));
    guest->vcpu.page->gpr[GPR_RAX] = rax;
    guest_set(guest, clean, sizeof(clean) / sizeof(clean[0]));
}

static void end_guard(const struct guest *guest, struct lab *lab)
{
    lab->guarded = NULL;
    lab_write_one(guest, LAB_WHAT(LAB_DEADLINE, 0), 0);
}

static void fire_guard(struct guest *guest, enum lab_guard why)
{
    struct lab *lab = lab_of(guest);

    lab->guarded->exits = 1;
    lab->guarded->exit[0] = guest->vcpu.page->exit;
    memcpy(lab->guarded->gpr, guest->vcpu.page->gpr, sizeof(lab->guarded->gpr));
    lab->observation = NULL;
    end_guard(guest, lab);
    lab_write_one(guest, LAB_WHAT(LAB_ALL, 0), 0);
    go_back(guest, &lab->guard, why);
}

bool lab_catches_death(struct guest *guest)
{
    struct lab *lab = lab_of(guest);

    if (!lab || !lab->guarded)
        return false;
    fire_guard(guest, LAB_GUARD_DEATH);
    return true;
}

/* ---- Exits ------------------------------------------------------------------------------------------------ */

/* A hypercall to this monitor is no part of what is observed. The kernel draws the same line. */
static bool is_command(struct guest *guest)
{
    const struct vcpu_page *page = guest->vcpu.page;
    uint64_t number = page->gpr[GPR_RAX], cpl;

    if (page->exit.reason != (guest->vm->backend == BACKEND_VMX ? VMX_VMCALL : SVM_VMMCALL))
        return false;
    cpl = guest_get_one(guest, reg_segment(SEG_SS, SEG_RIGHTS)) >> 5 & 3;
    return number >= HC_MONITOR && number < HC_MONITOR_END && cpl == 0;
}

static void record(struct guest *guest, struct lab *lab)
{
    struct lab_observation *o = lab->observation;
    uint64_t n = o->exits++;

    lab_fields_read(guest, LAB_FIELDS_ALL, &lab->last);
    lab->seen = true;
    if (n < LAB_EXITS)
        o->exit[n] = guest->vcpu.page->exit;
    if (n > 0)
        return;
    memcpy(o->gpr, guest->vcpu.page->gpr, sizeof(o->gpr));
    o->gpr[GPR_RSP] = guest_get_one(guest, REG_RSP); /* which is in the control block */
}

/* VM-entry interruption information and EVENTINJ have the same bits 31:0. */
static void inject(struct guest *guest, uint64_t event)
{
    enum { VMX_ENTRY_INSTRUCTION_LENGTH = 0x401a };
    uint64_t info = (uint32_t)event, error = event >> 32;

    if (guest->vm->backend == BACKEND_SVM)
        info = event;
    else
        lab_write_one(guest, VMX_ENTRY_INSTRUCTION_LENGTH, guest->vcpu.page->exit.instruction_length);
    guest_set(guest, (struct reg_value[]){{REG_EVENT, info}, {REG_EVENT_ERROR, error}}, 2);
}

/* The VMX exits that would come again as soon as the guest is entered, and the bits of a field that they come of. */
static void switch_off(const struct guest *guest, uint32_t reason)
{
    enum { PIN_CONTROLS = 0x4000, PROC_CONTROLS = 0x4002, TPR_THRESHOLD = 0x401c, PROC2_CONTROLS = 0x401e };
    static const struct {
        uint32_t reason, bits;
        uint16_t field;
    } rows[] = {
        {7, 1u << 2, PROC_CONTROLS},    /* interrupt window */
        {8, 1u << 22, PROC_CONTROLS},   /* NMI window */
        {37, 1u << 27, PROC_CONTROLS},  /* monitor trap flag */
        {43, ~0u, TPR_THRESHOLD},       /* TPR below threshold */
        {52, 1u << 6, PIN_CONTROLS},    /* preemption timer */
        {52, 1u << 22, PROC_CONTROLS},  /* it hides an open NMI window, that would be next */
        {62, 1u << 17, PROC2_CONTROLS}, /* page-modification log full */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && guest->vm->backend == BACKEND_VMX; i++)
        if (rows[i].reason == reason) {
            uint64_t value = 0;

            sys_vcpu_read(guest->vcpu.number, &(struct state_pair){rows[i].field, (uintptr_t)&value}, 1);
            lab_write_one(guest, rows[i].field, value & ~(uint64_t)rows[i].bits);
        }
}

static bool return_to_guest(struct guest *guest, struct lab *lab, enum vcpu_action *action)
{
    lab->observation = NULL;
    switch_off(guest, (uint32_t)guest->vcpu.page->exit.reason);
    go_back(guest, &lab->observe, 1);
    *action = VCPU_RUN_RESUME;
    return true;
}

static bool act(struct guest *guest, struct lab *lab, enum vcpu_action *action)
{
    uint64_t length = guest->vcpu.page->exit.instruction_length;

    if (lab->observation->exits >= OBSERVED_MAX || lab->action == LAB_RETURN ||
        (lab->action == LAB_SKIP && length == 0))
        return return_to_guest(guest, lab, action);
    *action = lab->action == LAB_SKIP ? VCPU_RUN_SKIP : VCPU_RUN_RESUME;
    if (lab->action == LAB_INJECT)
        inject(guest, lab->argument);
    return lab->action != LAB_EMULATE;
}

/* A control block that the CPU refuses is made good again, or the guest could not hear of it. */
static bool entry_failed(struct guest *guest, struct lab *lab, enum vcpu_action *action)
{
    if (lab->observation) {
        record(guest, lab);
        lab_write_one(guest, LAB_WHAT(LAB_ALL, 0), 0);
        return return_to_guest(guest, lab, action);
    }
    if (!lab->guarded)
        return false;
    fire_guard(guest, LAB_GUARD_DEATH);
    *action = VCPU_RUN_RESUME;
    return true;
}

/* Whether the guard's time or exits are over. */
static bool guard_fires(struct guest *guest, struct lab *lab)
{
    bool late = guest->vcpu.page->exit.reason == LAB_TIME_OVER;
    bool many = lab->exits_left && --lab->exits_left == 0;

    if (!lab->guarded || !(late || many))
        return false;
    fire_guard(guest, late ? LAB_GUARD_TIME : LAB_GUARD_EXITS);
    return true;
}

bool lab_exit(struct guest *guest, int64_t result, enum vcpu_action *action)
{
    const uint64_t entry_failure = 1ull << 31;
    struct lab *lab = lab_of(guest);
    struct exit_record *e = &guest->vcpu.page->exit;

    if (!lab || (result < 0 && result != -ABI_ENTRY))
        return false;
    *action = VCPU_RUN_RESUME;
    if (result == -ABI_ENTRY)
        e->reason = LAB_VMFAIL | e->qualification;
    if (result == -ABI_ENTRY || (guest->vm->backend == BACKEND_VMX && e->reason & entry_failure) ||
        (guest->vm->backend == BACKEND_SVM && (int32_t)e->reason == -1))
        return entry_failed(guest, lab, action);
    if (guard_fires(guest, lab))
        return true;
    if (e->reason == LAB_TIME_OVER) /* of a guard that has ended in the meantime */
        return true;
    if (!lab->observation || is_command(guest))
        return false;
    record(guest, lab);
    return act(guest, lab, action);
}

/* ---- Hypercalls ------------------------------------------------------------------------------------------- */

int64_t lab_call_observe(struct guest *guest, uint64_t observation, uint64_t action, uint64_t argument)
{
    struct lab *lab = lab_make(guest);
    struct lab_observation *o = guest_memory_at(&guest->vm->memory, observation, sizeof(*o));

    if (!lab)
        return -ABI_ENOMEM;
    lab->observation = NULL;
    if (observation == 0)
        return 0;
    if (!o || observation % sizeof(uint64_t))
        return -ABI_EFAULT;
    if (action > LAB_INJECT)
        return -ABI_EINVAL;
    o->exits = 0;
    lab->seen = false;
    lab->action = (enum lab_action)action;
    lab->argument = argument;
    take_moment(guest, &lab->observe, false);
    lab->observation = o;
    return 0;
}

static int64_t guard(struct guest *guest, uint64_t observation, uint64_t ticks, uint64_t exits, bool again)
{
    struct lab *lab = lab_make(guest);
    struct lab_observation *o = guest_memory_at(&guest->vm->memory, observation, sizeof(*o));

    if (!lab)
        return -ABI_ENOMEM;
    lab->observation = NULL;
    end_guard(guest, lab);
    if (observation == 0)
        return 0;
    if (!o || observation % sizeof(uint64_t))
        return -ABI_EFAULT;
    take_moment(guest, &lab->guard, again);
    lab->guarded = o;
    lab->exits_left = exits;
    if (ticks)
        lab_write_one(guest, LAB_WHAT(LAB_DEADLINE, 0), __rdtsc() + ticks);
    return 0;
}

int64_t lab_call_guard(struct guest *guest, uint64_t observation, uint64_t ticks, uint64_t exits)
{
    return guard(guest, observation, ticks, exits, false);
}

int64_t lab_call_guard_again(struct guest *guest, uint64_t observation, uint64_t ticks, uint64_t exits)
{
    return guard(guest, observation, ticks, exits, true);
}

int64_t lab_call_changed(struct guest *guest, uint64_t pairs, uint64_t n, uint64_t unused)
{
    const struct lab *lab = lab_make(guest);
    struct lab_pair *list = lab_pairs_at(guest, pairs, n);

    (void)unused;
    if (!lab)
        return -ABI_ENOMEM;
    if (!list)
        return -ABI_EFAULT;
    return lab->seen ? (int64_t)lab_fields_changed(&lab->observe.fields, &lab->last, list, n) : 0;
}

int64_t lab_call_reset(struct guest *guest, uint64_t a, uint64_t b, uint64_t c)
{
    struct lab *lab = lab_make(guest);

    (void)a, (void)b, (void)c;
    if (!lab)
        return -ABI_ENOMEM;
    lab->observation = NULL;
    lab->seen = false;
    return lab_write_one(guest, LAB_WHAT(LAB_ALL, 0), 0);
}
