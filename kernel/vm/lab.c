#include "kernel/vm/lab.h"

#include "kernel/cpu/pcpu.h"
#include "kernel/lock.h"
#include "kernel/vm/virt_ops.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/direct.h"

_Static_assert(sizeof(struct lab) <= PAGE_BYTES, "a lab is one page");

const struct exit_row lab_exit_row = {"observed exit", NULL, EXIT_GROUP_ALL};

/* The next way into the guest leads to the monitor instead. A vCPU that runs is made to leave the guest for that. */
static void deadline_passed(struct timer *timer)
{
    struct lab *lab = container_of(timer, struct lab, deadline);
    struct vcpu *vcpu = lab->vcpu;

    lab->due = true;
    vcpu->attention |= ATTENTION_SLICE;
    if (!vcpu->thread.in_guest)
        return;
    wait_cancel(&vcpu->wait);
    thread_wake(&vcpu->thread);
    if (vcpu->thread.entity.running)
        pcpu_kick(thread_pcpu(&vcpu->thread));
}

bool lab_create(struct vcpu *vcpu)
{
    hpa_t page = mm_page_alloc(&vcpu->vm->account, 0);

    if (hpa_is_none(page))
        return false;
    vcpu->lab = mm_direct(page);
    vcpu->lab->vcpu = vcpu;
    vcpu->lab->deadline.expire = deadline_passed;
    for (unsigned i = 0; i < LAB_BACKEND_PAGES; i++) {
        vcpu->lab->page[i] = mm_page_alloc(&vcpu->vm->account, 0);
        if (hpa_is_none(vcpu->lab->page[i])) {
            lab_destroy(vcpu);
            return false;
        }
    }
    return true;
}

static void restore_nested(struct vcpu *vcpu)
{
    struct lab *lab = vcpu->lab;

    while (lab->nested_entries) {
        const struct lab_nested *nested = &lab->nested[--lab->nested_entries];

        __atomic_store_n(nested->entry, nested->before, __ATOMIC_RELEASE);
    }
    vcpu->vm->memory.generation++;
}

void lab_destroy(struct vcpu *vcpu)
{
    struct lab *lab = vcpu->lab;

    if (!lab)
        return;
    timer_disarm(&lab->deadline);
    restore_nested(vcpu);
    for (unsigned i = 0; i < LAB_BACKEND_PAGES; i++)
        if (lab->page[i].value && !hpa_is_none(lab->page[i]))
            mm_page_free(&vcpu->vm->account, lab->page[i], 0);
    mm_page_free(&vcpu->vm->account, mm_direct_hpa(lab), 0);
    vcpu->lab = NULL;
}

int lab_refuse(struct vcpu *vcpu, uint64_t bits, const char *why)
{
    vcpu->page->refused_bits = bits;
    lib_string_copy(vcpu->page->refused_why, why, sizeof vcpu->page->refused_why);
    return -ABI_EACCES;
}

/* The lowest are a DMA controller's addresses and counts: nobody uses its channels. */
bool lab_port_is_harmless(uint64_t port)
{
    return port <= 7 || port == 0x80 || (port >= 0x5000 && port <= 0x50ff) || (port >= 0x7ff0 && port <= 0x8010) ||
           port >= 0xfff0;
}

/* ---- Entries of the nested tables ------------------------------------------------------------------------- */

enum { LEVELS = 3, LEVEL_BITS = 9, LEVEL_MASK = 7 };

static uint64_t level_bytes(unsigned level) { return PAGE_BYTES << (level - 1) * LEVEL_BITS; }

static bool covers(const struct lab_nested *nested, uint64_t gpa)
{
    uint64_t bytes = level_bytes((unsigned)nested->number & LEVEL_MASK);

    return align_down(nested->number, bytes) == align_down(gpa, bytes);
}

bool lab_has_nested(const struct vm *vm, uint64_t gpa)
{
    for (unsigned v = 0; v < vm->vcpus; v++) {
        const struct lab *lab = vm->vcpu[v]->lab;

        for (unsigned i = 0; lab && i < lab->nested_entries; i++)
            if (covers(&lab->nested[i], gpa))
                return true;
    }
    return false;
}

/* The entry that LAB_NESTED's number names, there and of that level: a large page is split to get it. NULL and *error. */
static uint64_t *find_nested(struct vcpu *vcpu, uint64_t number, int *error)
{
    struct vm *vm = vcpu->vm;
    uint64_t gpa = align_down(number, PAGE_BYTES);
    unsigned level = (unsigned)number & LEVEL_MASK;
    uint64_t *entry;
    hpa_t frame;

    *error = -ABI_EINVAL;
    if (level < 1 || level > LEVELS || number - gpa != level)
        return NULL;
    for (unsigned i = 0; i < vcpu->lab->nested_entries; i++)
        if (vcpu->lab->nested[i].number == number)
            return vcpu->lab->nested[i].entry;
    if (lab_has_nested(vm, gpa)) {
        *error = lab_refuse(vcpu, 0, "another entry on the way to this guest-physical address has been changed: one at a time");
        return NULL;
    }
    *error = vm_memory_back(vm, GPA(gpa), &frame);
    if (!*error && level == 1)
        *error = mm_table_protect(&vm->memory, gpa, PAGE_BYTES, MM_READ | MM_WRITE | MM_EXECUTE);
    entry = *error ? NULL : mm_table_entry(&vm->memory, gpa, level - 1);
    if (!*error && !entry)
        *error = -ABI_EINVAL;
    return entry;
}

/* Bits of an entry that the lab leaves alone: the frame's address, as far as this CPU has addresses, and PS. */
static uint64_t nested_kept(unsigned level)
{
    unsigned bits = x86_cpuid(0x80000000, 0).eax >= 0x80000008 ? x86_cpuid(0x80000008, 0).eax & 0xff : 36;
    uint64_t address = ((1ull << bits) - 1) & ~(uint64_t)(level_bytes(1) - 1);

    return address | (level > 1 ? 1ull << 7 : 0);
}

static int write_nested(struct vcpu *vcpu, uint64_t number, uint64_t value)
{
    struct lab *lab = vcpu->lab;
    uint64_t kept = nested_kept((unsigned)number & LEVEL_MASK), *entry;
    bool known = false;
    int error;

    kernel_lock_enter();
    entry = find_nested(vcpu, number, &error);
    if (!entry)
        return error;
    for (unsigned i = 0; i < lab->nested_entries; i++)
        known |= lab->nested[i].number == number;
    if (!known && lab->nested_entries == LAB_NESTED_ENTRIES)
        return lab_refuse(vcpu, 0, "too many nested page-table entries are changed already");
    if (!known)
        lab->nested[lab->nested_entries++] = (struct lab_nested){number, entry, *entry};
    __atomic_store_n(entry, (*entry & kept) | (value & ~kept), __ATOMIC_RELEASE);
    vcpu->vm->memory.generation++;
    return 0;
}

static int read_nested(struct vcpu *vcpu, uint64_t number, uint64_t *value)
{
    uint64_t *entry;
    int error;

    kernel_lock_enter();
    entry = find_nested(vcpu, number, &error);
    if (!entry)
        return error;
    *value = *entry & ~(nested_kept((unsigned)number & LEVEL_MASK) & ~(1ull << 7));
    return 0;
}

/* ---- The rest that both back ends share ------------------------------------------------------------------- */

static int write_deadline(struct vcpu *vcpu, uint64_t value)
{
    kernel_lock_enter();
    timer_disarm(&vcpu->lab->deadline);
    vcpu->lab->due = false;
    if (value)
        timer_arm(&vcpu->lab->deadline, value);
    return 0;
}

static int read_host(const struct lab *lab, uint64_t number, uint64_t *value)
{
    if (number != MSR_EFER && number != MSR_PAT)
        return -ABI_EINVAL;
    *value = number == MSR_EFER ? lab->host_efer : lab->host_pat;
    return 0;
}

int lab_read(struct vcpu *vcpu, uint64_t what, uint64_t *value)
{
    uint64_t number = LAB_NUMBER(what);

    if (!vcpu->lab)
        return -ABI_EPERM;
    switch (what >> LAB_KIND_SHIFT) {
    case LAB_NESTED:
        return read_nested(vcpu, number, value);
    case LAB_HOST:
        return read_host(vcpu->lab, number, value);
    default:
        return virt->lab_read(vcpu, (enum lab_kind)(what >> LAB_KIND_SHIFT), number, value);
    }
}

int lab_write(struct vcpu *vcpu, uint64_t what, uint64_t value)
{
    uint64_t number = LAB_NUMBER(what);

    if (!vcpu->lab)
        return -ABI_EPERM;
    switch (what >> LAB_KIND_SHIFT) {
    case LAB_NESTED:
        return write_nested(vcpu, number, value);
    case LAB_DEADLINE:
        return write_deadline(vcpu, value);
    case LAB_ALL:
        kernel_lock_enter();
        restore_nested(vcpu);
        virt->lab_reset(vcpu);
        return 0;
    default:
        return virt->lab_write(vcpu, (enum lab_kind)(what >> LAB_KIND_SHIFT), number, value);
    }
}

int lab_probe_write(struct vcpu *vcpu, const struct state_pair *pair, const uint64_t *value, unsigned n)
{
    unsigned run = 0;

    if (!vcpu->lab)
        return -ABI_EPERM;
    while (run < n && pair[run].what >> LAB_KIND_SHIFT == LAB_PROBE)
        run++;
    return virt->lab_probe_write(vcpu, pair, value, run);
}
