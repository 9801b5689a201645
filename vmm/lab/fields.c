/*
 * Which fields there are is found out by trying: "Field Encoding in VMCS" (Intel SDM) has the width in bits 14:13, the type
 * in 11:10 and an index in 9:1; "VMCB Layout" (AMD APM) fields of 1 to 8 bytes at offsets up to 6FFH.
 */
#include "vmm/lab/fields.h"

#include "vmm/lib/syscall.h"

static uint64_t whats[LAB_FIELDS_MAX]; /* registers first */
static unsigned registers, count;

static const uint64_t shadows[] = {0x6004, 0x6006}; /* CR0 and CR4 read shadows: writing CR0 and CR4 changes them */

static bool is_shadow(uint64_t what, enum backend backend)
{
    return backend == BACKEND_VMX && (what == shadows[0] || what == shadows[1]);
}

/* VMX: the guest-state area, but for the fields that are not registers. SVM: the state save area. Both: the blocking. */
static bool is_register(uint64_t what, enum backend backend)
{
    enum { GUEST_STATE = 2, VMCS_INTERRUPT_STATUS = 0x810, VMCS_PML_INDEX = 0x812, VMCS_PREEMPTION_TIMER = 0x482e };
    const uint64_t vmcb_save = 0x400, vmcb_rax = VMCB_FIELD(0x5f8, 8), vmcb_shadow = VMCB_FIELD(0x68, 8);

    if (backend == BACKEND_SVM)
        return ((what & 0xffff) >= vmcb_save && what != vmcb_rax) || what == vmcb_shadow;
    return (what >> 10 & 3) == GUEST_STATE && what != VMCS_INTERRUPT_STATUS && what != VMCS_PML_INDEX &&
           what != VMCS_PREEMPTION_TIMER;
}

static bool exists(const struct guest *guest, uint64_t what)
{
    uint64_t value;
    struct state_pair pair = {what, (uintptr_t)&value};

    return sys_vcpu_read(guest->vcpu.number, &pair, 1) == 0;
}

static void try_field(const struct guest *guest, uint64_t what)
{
    enum backend backend = guest->vm->backend;

    if (count == LAB_FIELDS_MAX || !exists(guest, what))
        return;
    whats[count++] = what;
    if (is_register(what, backend) || is_shadow(what, backend)) {
        whats[count - 1] = whats[registers];
        whats[registers++] = what;
    }
}

static void find_vmx_fields(const struct guest *guest)
{
    enum { WIDTHS = 4, TYPES = 3, HOST = 3, INDICES = 32, WIDTH_SHIFT = 13, TYPE_SHIFT = 10 };

    for (uint64_t type = 0; type < TYPES; type++) /* the host's fields, the fourth type, are the kernel's */
        for (uint64_t width = 0; width < WIDTHS; width++)
            for (uint64_t index = 0; index < INDICES; index++)
                try_field(guest, width << WIDTH_SHIFT | type << TYPE_SHIFT | index << 1);
}

static void find_svm_fields(const struct guest *guest)
{
    enum { VMCB_END = 0x700 };

    for (uint64_t offset = 0; offset < VMCB_END; offset++)
        for (uint64_t bytes = 1; bytes <= 8; bytes *= 2)
            try_field(guest, VMCB_FIELD(offset, bytes));
}

/* CPUs should have the same fields, but those of Bochs don't: on the first, fewer VMREADs work. What is missing where the
 * vCPU is now becomes a field that all have. */
static void forget_missing(const struct guest *guest)
{
    enum { VMX_EXIT_REASON = 0x4402 };

    for (unsigned i = 0; i < count; i++)
        if (!exists(guest, whats[i]))
            whats[i] = VMX_EXIT_REASON;
}

static bool transfer(const struct guest *guest, struct lab_fields *fields)
{
    for (unsigned first = 0; first < fields->count; first += MAX_STATE_PAIRS) {
        struct state_pair pairs[MAX_STATE_PAIRS];
        unsigned n = fields->count - first < MAX_STATE_PAIRS ? fields->count - first : MAX_STATE_PAIRS;

        for (unsigned i = 0; i < n; i++)
            pairs[i] = (struct state_pair){whats[first + i], (uintptr_t)&fields->value[first + i]};
        if (sys_vcpu_read(guest->vcpu.number, pairs, n))
            return false;
    }
    return true;
}

void lab_fields_read(const struct guest *guest, enum lab_fields_which which, struct lab_fields *fields)
{
    if (count == 0 && guest->vm->backend == BACKEND_VMX)
        find_vmx_fields(guest);
    else if (count == 0)
        find_svm_fields(guest);
    fields->count = which == LAB_FIELDS_ALL ? count : registers;
    while (!transfer(guest, fields))
        forget_missing(guest);
}

bool lab_fields_get(const struct lab_fields *fields, uint64_t what, uint64_t *value)
{
    for (unsigned i = 0; i < fields->count; i++) {
        if (whats[i] == what) {
            *value = fields->value[i];
            return true;
        }
    }
    return false;
}

static enum backend backend_of_fields(void) { return whats[0] >> 16 ? BACKEND_SVM : BACKEND_VMX; }

static void write_field(const struct guest *guest, uint64_t what, uint64_t value)
{
    struct state_pair pair = {what, (uintptr_t)&value};

    sys_vcpu_write(guest->vcpu.number, &pair,
                   1); /* one that the kernel does not let us write can't have changed much */
}

void lab_fields_restore(const struct guest *guest, const struct lab_fields *before, const struct lab_fields *now)
{
    uint64_t value;

    for (unsigned i = 0; i < registers; i++)
        if (before->value[i] != now->value[i] && is_register(whats[i], guest->vm->backend))
            write_field(guest, whats[i], before->value[i]);
    for (unsigned i = 0; guest->vm->backend == BACKEND_VMX && i < sizeof(shadows) / sizeof(shadows[0]); i++)
        if (lab_fields_get(before, shadows[i], &value))
            write_field(guest, shadows[i], value);
}

uint64_t lab_fields_changed(const struct lab_fields *before, const struct lab_fields *now, struct lab_pair *pairs,
                            uint64_t n)
{
    uint64_t changed = 0;

    for (unsigned i = 0; i < registers && changed < n; i++)
        if (before->value[i] != now->value[i] && is_register(whats[i], backend_of_fields()))
            pairs[changed++] = (struct lab_pair){whats[i], now->value[i]};
    return changed;
}
