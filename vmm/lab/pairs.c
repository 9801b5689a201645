/* HC_LAB_MACHINE, HC_LAB_RESULTS and HC_LAB_RUN: what a lab writes and reads, as pairs of what and value. */
#include <string.h>

#include "vmm/lab/state.h"
#include "vmm/lib/syscall.h"
#include "vmm/monitor/capability.h"

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

    return kind >= LAB_CAP ? -ABI_EINVAL : lab_write_one(guest, what, value);
}

/* Of the probe, and of instructions that the kernel runs for the guest, it takes many at once. */
static bool is_batched(uint64_t what)
{
    return what >> LAB_KIND_SHIFT == LAB_PROBE || what >> LAB_KIND_SHIFT == LAB_VMX;
}

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
    const struct lab_pair *list = lab_pairs_at(guest, pairs, n);

    if (!lab_make(guest))
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
    struct lab_pair *list = lab_pairs_at(guest, pairs, n);

    (void)unused;
    if (!lab_make(guest))
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

int64_t lab_call_run(struct guest *guest, uint64_t pairs, uint64_t n, uint64_t m)
{
    int64_t error = lab_call_machine(guest, pairs, n, 0);

    return error ? error : lab_call_results(guest, pairs + n * sizeof(struct lab_pair), m, 0);
}
