/* Guest memory: pages that come at a touch, and pages that a guest gives back. */
#include "kernel/vm/lab.h"
#include "kernel/vm/reserve.h"
#include "kernel/vm/vm.h"
#include "lib/x86.h"
#include "mm/direct.h"

enum { LARGE_ORDER = 9 };

/* Maps a fresh, zeroed block of 2^order pages around `at`; -ABI_EBUSY if any of it is mapped already. */
static int back_block(struct vm *vm, uint64_t at, unsigned order, hpa_t *frame)
{
    uint64_t bytes = PAGE_BYTES << order, start = align_down(at, bytes);
    hpa_t block;
    int error;

    if (start + bytes > vm->memory_bytes)
        return -ABI_EBUSY;
    block = mm_page_alloc(&vm->account, order);
    if (hpa_is_none(block))
        return -ABI_ENOMEM;
    error = mm_table_map(&vm->memory, start, block, bytes, MM_READ | MM_WRITE | MM_EXECUTE | MM_OWNED);
    if (error)
        mm_page_free(&vm->account, block, order);
    else
        *frame = HPA(block.value + (at - start));
    return error;
}

static bool back_large(struct vm *vm, uint64_t at, hpa_t *frame)
{
    if (reserve_back(vm, at, frame))
        return true;
    if (back_block(vm, at, LARGE_ORDER, frame))
        return false;
    vm->mapped_2m++;
    return true;
}

int vm_memory_back_anyhow(struct vm *vm, gpa_t gpa, hpa_t page, hpa_t *frame)
{
    uint64_t at = align_down(gpa.value, PAGE_BYTES);
    struct mm_mapping m;
    int error;

    if (!hpa_is_none(page))
        mm_page_free(&vm->account, page, 0);
    if (gpa.value >= vm->memory_bytes)
        return -ABI_EFAULT;
    if (vm->has_lab && lab_has_nested(vm, gpa.value))
        return -ABI_EFAULT;
    if (vm->large_pages && back_large(vm, at, frame))
        return 0;
    error = back_block(vm, at, 0, frame);
    if (!error || !mm_table_lookup(&vm->memory, at, &m))
        return error;
    *frame = m.hpa;
    return 0;
}

int vm_memory_drop(struct vm *vm, struct thread *thread, gpa_t gpa, uint64_t bytes)
{
    int error;

    if (!is_aligned(gpa.value, PAGE_BYTES) || !is_aligned(bytes, PAGE_BYTES) || bytes == 0)
        return -ABI_EINVAL;
    if (gpa.value >= vm->memory_bytes || bytes > vm->memory_bytes - gpa.value)
        return -ABI_EFAULT;
    if (vm->has_lab) /* its tables and control blocks may be other than the kernel made them */
        return -ABI_EBUSY;
    if (!vm->dropping) {
        vm->dropping = thread;
        vm_hold(vm, thread);
    }
    if (vm->dropping != thread || vm_runs(vm, thread))
        return -ABI_EAGAIN;
    /* Nobody else runs in this VM or its monitor, and no pCPU has their tables in CR3 but this one. */
    error = mm_table_unmap(&vm->task.space, TASK_GUEST + gpa.value, bytes);
    x86_write_cr3(x86_read_cr3());
    if (!error)
        error = mm_table_unmap(&vm->memory, gpa.value, bytes);
    if (!error)
        reserve_drop(vm, gpa.value, bytes);
    vm_release(vm, thread);
    vm->dropping = NULL;
    return error;
}
