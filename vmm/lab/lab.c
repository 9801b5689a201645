#include "vmm/lab/lab.h"

#include <stdlib.h>
#include <string.h>

#include <x86intrin.h>

#include "config/lab.h"
#include "vmm/lab/fields.h"
#include "vmm/lib/syscall.h"
#include "vmm/monitor/capability.h"

enum { OBSERVED_MAX = 10000, VMX_VMCALL = 18, SVM_VMMCALL = 0x81, VMMCALL_BYTES = 3 };

/* A moment to which the guest can be brought back. */
struct moment {
    struct lab_fields fields;
    uint64_t gpr[GPR_COUNT], rip;
};

/* Of each vCPU of a lab; made by the first call. */
struct lab {
    struct lab_observation *observation; /* in guest memory; NULL: nothing is observed */
    enum lab_action action;
    uint64_t argument;
    bool seen;                           /* an exit, since the last HC_LAB_OBSERVE: `last` is as of it */
    struct moment observe, guard;
    struct lab_fields last;
    struct lab_observation *guarded;     /* NULL: no guard */
    uint64_t exits_left;                 /* of the guard; counts down, 0 = no limit */
};

static struct lab *lab_by_vcpu[MAX_VCPUS_PER_VM];

static struct lab *lab_of(const struct guest *guest) { return lab_by_vcpu[guest->vcpu.number]; }

static struct lab *make_lab(struct guest *guest)
{
    struct lab **lab = &lab_by_vcpu[guest->vcpu.number];

    if (!*lab)
        *lab = calloc(1, sizeof(**lab));
    guest->in_lab = *lab != NULL;
    return *lab;
}

static int64_t write_one(const struct guest *guest, uint64_t what, uint64_t value)
{
    const struct state_pair pair = {what, (uintptr_t)&value};

    return sys_vcpu_write(guest->vcpu.number, &pair, 1);
}

uint64_t lab_run_flags(const struct guest *guest)
{
    const struct lab *lab = lab_of(guest);

    return lab && lab->observation ? VCPU_RUN_OBSERVE : 0;
}

/* ---- Moments ---------------------------------------------------------------------------------------------- */

/* The moment behind the hypercall that the guest is in. */
static void take_moment(struct guest *guest, struct moment *moment)
{
    const struct exit_record *e = &guest->vcpu.page->exit;

    lab_fields_read(guest, LAB_FIELDS_REGISTERS, &moment->fields);
    memcpy(moment->gpr, guest->vcpu.page->gpr, sizeof(moment->gpr));
    moment->rip = e->next_rip ? e->next_rip : e->rip + VMMCALL_BYTES;
}

/* RAX is what the hypercall seems to return. */
static void go_back(struct guest *guest, const struct moment *moment, uint64_t rax)
{
    static struct lab_fields now;
    const struct reg_value clean[] = {{REG_RIP, moment->rip}, {REG_EVENT, 0}, {REG_INTERRUPTIBILITY, 0}};

    lab_fields_read(guest, LAB_FIELDS_REGISTERS, &now);
    lab_fields_restore(guest, &moment->fields, &now);
    memcpy(guest->vcpu.page->gpr, moment->gpr, sizeof(moment->gpr));
    guest->vcpu.page->gpr[GPR_RAX] = rax;
    guest_set(guest, clean, sizeof(clean) / sizeof(clean[0]));
}

static void end_guard(const struct guest *guest, struct lab *lab)
{
    lab->guarded = NULL;
    write_one(guest, LAB_WHAT(LAB_DEADLINE, 0), 0);
}

static void fire_guard(struct guest *guest, enum lab_guard why)
{
    struct lab *lab = lab_of(guest);

    lab->guarded->exits = 1;
    lab->guarded->exit[0] = guest->vcpu.page->exit;
    memcpy(lab->guarded->gpr, guest->vcpu.page->gpr, sizeof(lab->guarded->gpr));
    lab->observation = NULL;
    end_guard(guest, lab);
    write_one(guest, LAB_WHAT(LAB_ALL, 0), 0);
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
        write_one(guest, VMX_ENTRY_INSTRUCTION_LENGTH, guest->vcpu.page->exit.instruction_length);
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
        {7, 1u << 2, PROC_CONTROLS},   /* interrupt window */
        {8, 1u << 22, PROC_CONTROLS},  /* NMI window */
        {37, 1u << 27, PROC_CONTROLS}, /* monitor trap flag */
        {43, ~0u, TPR_THRESHOLD},      /* TPR below threshold */
        {52, 1u << 6, PIN_CONTROLS},   /* preemption timer */
        {52, 1u << 22, PROC_CONTROLS}, /* it hides an open NMI window, that would be next */
        {62, 1u << 17, PROC2_CONTROLS}, /* page-modification log full */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && guest->vm->backend == BACKEND_VMX; i++)
        if (rows[i].reason == reason) {
            uint64_t value = 0;

            sys_vcpu_read(guest->vcpu.number, &(struct state_pair){rows[i].field, (uintptr_t)&value}, 1);
            write_one(guest, rows[i].field, value & ~(uint64_t)rows[i].bits);
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

    if (lab->observation->exits >= OBSERVED_MAX || lab->action == LAB_RETURN || (lab->action == LAB_SKIP && length == 0))
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
        write_one(guest, LAB_WHAT(LAB_ALL, 0), 0);
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

static struct lab_pair *pairs_at(const struct guest *guest, uint64_t gpa, uint64_t n)
{
    if (n > guest->vm->memory.bytes / sizeof(struct lab_pair) || gpa % sizeof(uint64_t))
        return NULL;
    return guest_memory_at(&guest->vm->memory, gpa, n * sizeof(struct lab_pair));
}

static void tell_refusal(const struct guest *guest, struct lab_refusal *refusal, uint64_t what, int64_t error)
{
    const struct vcpu_page *page = guest->vcpu.page;

    if (!refusal)
        return;
    *refusal = (struct lab_refusal){.what = what, .why = "no such thing on this machine, or it is read-only"};
    if (error != -ABI_EACCES)
        return;
    refusal->bits = page->refused_bits;
    memcpy(refusal->why, page->refused_why, sizeof(refusal->why));
    refusal->why[sizeof(refusal->why) - 1] = 0;
}

/* The kinds that are between kernel and monitor are not the guest's to write. */
static int64_t set_pair(const struct guest *guest, uint64_t what, uint64_t value)
{
    uint64_t kind = what >> LAB_KIND_SHIFT;

    return kind >= LAB_CAP ? -ABI_EINVAL : write_one(guest, what, value);
}

/* Of the probe, and of instructions that the kernel runs for the guest, it takes many at once. */
static bool is_batched(uint64_t what) { return what >> LAB_KIND_SHIFT == LAB_PROBE || what >> LAB_KIND_SHIFT == LAB_VMX; }

/*
 * A system call for each run of such pairs; a run ends with an instruction. Returns how many are written: 0 if one of them
 * can't be, and which it is shows when they are written one by one.
 */
static uint64_t set_batch(const struct guest *guest, const struct lab_pair *list, uint64_t n)
{
    struct state_pair pairs[MAX_STATE_PAIRS];
    struct lab_pair copy[MAX_STATE_PAIRS]; /* the guest may write to its own in the meantime */
    uint64_t run = 0;
    bool ends = false;

    for (; run < n && run < MAX_STATE_PAIRS && !ends; run++) {
        copy[run] = list[run];
        if (!is_batched(copy[run].what))
            break;
        pairs[run] = (struct state_pair){copy[run].what, (uintptr_t)&copy[run].value};
        ends = copy[run].what == LAB_WHAT(LAB_VMX, LAB_VMX_RUN);
    }
    return run > 1 && sys_vcpu_write(guest->vcpu.number, pairs, (unsigned)run) == 0 ? run : 0;
}

int64_t lab_call_machine(struct guest *guest, uint64_t pairs, uint64_t n, uint64_t refusal_gpa)
{
    struct lab_refusal *refusal = guest_memory_at(&guest->vm->memory, refusal_gpa, sizeof(*refusal));
    const struct lab_pair *list = pairs_at(guest, pairs, n);

    if (!make_lab(guest))
        return -ABI_ENOMEM;
    if (!list || (refusal_gpa && !refusal))
        return -ABI_EFAULT;
    for (uint64_t i = 0; i < n; i++) {
        struct lab_pair pair;
        int64_t error;

        i += set_batch(guest, list + i, n - i);
        if (i == n)
            break;
        pair = list[i];
        error = set_pair(guest, pair.what, pair.value);
        if (error) {
            tell_refusal(guest, refusal_gpa ? refusal : NULL, pair.what, error);
            return error;
        }
    }
    return 0;
}

static int64_t get_pair(const struct guest *guest, uint64_t what, uint64_t *value)
{
    const struct lab *lab = lab_of(guest);
    struct state_pair pair = {what, (uintptr_t)value};

    if (what >> LAB_KIND_SHIFT == LAB_CAP) {
        *value = capability_read((LAB_NUMBER(what) & ~LAB_CAP_CPUID) | (what & LAB_CAP_CPUID ? CAP_CPUID : 0));
        return 0;
    }
    if (what >> LAB_KIND_SHIFT == LAB_FIELD && lab->seen)
        return lab_fields_get(&lab->last, what, value) ? 0 : -ABI_EINVAL;
    return sys_vcpu_read(guest->vcpu.number, &pair, 1);
}

/* Likewise for reading. */
static uint64_t get_batch(const struct guest *guest, struct lab_pair *list, uint64_t n)
{
    struct state_pair pairs[MAX_STATE_PAIRS];
    uint64_t values[MAX_STATE_PAIRS], run = 0;

    for (; run < n && run < MAX_STATE_PAIRS; run++) {
        uint64_t what = list[run].what;

        if (!is_batched(what))
            break;
        pairs[run] = (struct state_pair){what, (uintptr_t)&values[run]};
    }
    if (run <= 1 || sys_vcpu_read(guest->vcpu.number, pairs, (unsigned)run) != 0)
        return 0;
    for (uint64_t i = 0; i < run; i++)
        list[i].value = values[i];
    return run;
}

int64_t lab_call_results(struct guest *guest, uint64_t pairs, uint64_t n, uint64_t unused)
{
    struct lab_pair *list = pairs_at(guest, pairs, n);

    (void)unused;
    if (!make_lab(guest))
        return -ABI_ENOMEM;
    if (!list)
        return -ABI_EFAULT;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t value;
        int64_t error;

        i += get_batch(guest, list + i, n - i);
        if (i == n)
            break;
        error = get_pair(guest, list[i].what, &value);
        if (error)
            return error;
        list[i].value = value;
    }
    return 0;
}

int64_t lab_call_observe(struct guest *guest, uint64_t observation, uint64_t action, uint64_t argument)
{
    struct lab *lab = make_lab(guest);
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
    take_moment(guest, &lab->observe);
    lab->observation = o;
    return 0;
}

int64_t lab_call_guard(struct guest *guest, uint64_t observation, uint64_t ticks, uint64_t exits)
{
    struct lab *lab = make_lab(guest);
    struct lab_observation *o = guest_memory_at(&guest->vm->memory, observation, sizeof(*o));

    if (!lab)
        return -ABI_ENOMEM;
    lab->observation = NULL;
    end_guard(guest, lab);
    if (observation == 0)
        return 0;
    if (!o || observation % sizeof(uint64_t))
        return -ABI_EFAULT;
    take_moment(guest, &lab->guard);
    lab->guarded = o;
    lab->exits_left = exits;
    if (ticks)
        write_one(guest, LAB_WHAT(LAB_DEADLINE, 0), __rdtsc() + ticks);
    return 0;
}

int64_t lab_call_changed(struct guest *guest, uint64_t pairs, uint64_t n, uint64_t unused)
{
    const struct lab *lab = make_lab(guest);
    struct lab_pair *list = pairs_at(guest, pairs, n);

    (void)unused;
    if (!lab)
        return -ABI_ENOMEM;
    if (!list)
        return -ABI_EFAULT;
    return lab->seen ? (int64_t)lab_fields_changed(&lab->observe.fields, &lab->last, list, n) : 0;
}

int64_t lab_call_reset(struct guest *guest, uint64_t a, uint64_t b, uint64_t c)
{
    struct lab *lab = make_lab(guest);

    (void)a, (void)b, (void)c;
    if (!lab)
        return -ABI_ENOMEM;
    lab->observation = NULL;
    lab->seen = false;
    return write_one(guest, LAB_WHAT(LAB_ALL, 0), 0);
}
