/* Calls about VMs: by root, and by a monitor about its own. */
#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/user.h"
#include "kernel/syscall/syscall.h"
#include "mm/account.h"
#include "mm/direct.h"

int64_t do_vm_create(struct syscall_args *args)
{
    struct vm_spec spec;
    hpa_t page;
    int64_t id;

    if (!user_copy_in(&spec, args->raw[0], sizeof spec))
        return -ABI_EFAULT;
    page = mm_page_alloc(&mm_kernel_account, 0);
    if (hpa_is_none(page))
        return -ABI_ENOMEM;
    id = user_copy_in(mm_direct(page), spec.args, PAGE_BYTES) ? vm_create(&spec, mm_direct(page)) : -ABI_EFAULT;
    mm_page_free(&mm_kernel_account, page, 0);
    return id;
}

int decode_vm(struct syscall_args *args)
{
    args->vm = vm_find(args->raw[0]);
    return args->vm ? 0 : -ABI_ENOENT;
}

int64_t do_vm_start(struct syscall_args *args) { return vm_start(args->vm); }

int64_t do_vm_destroy(struct syscall_args *args) { return vm_destroy(args->vm); }

int64_t do_vm_status(struct syscall_args *args)
{
    struct vm_status status;

    vm_status(args->vm, &status);
    return user_copy_out(args->raw[1], &status, sizeof status) ? 0 : -ABI_EFAULT;
}

int64_t do_vm_pause(struct syscall_args *args) { return vm_pause(args->vm); }

int64_t do_vm_resume(struct syscall_args *args)
{
    vm_resume(args->vm);
    return 0;
}

int64_t do_vm_recall(struct syscall_args *args)
{
    for (unsigned i = 0; i < args->vm->vcpus; i++)
        vcpu_recall(args->vm->vcpu[i]);
    return 0;
}

int decode_vcpu_move(struct syscall_args *args)
{
    int error = decode_vm(args);

    if (error)
        return error;
    if (args->raw[1] >= args->vm->vcpus)
        return -ABI_ENOENT;
    args->vcpu = args->vm->vcpu[args->raw[1]];
    if (args->vcpu->thread.entity.pinned)
        return -ABI_EPERM;
    return args->raw[2] < pcpu_count ? 0 : -ABI_EINVAL;
}

int64_t do_vcpu_move(struct syscall_args *args)
{
    thread_move(&args->vcpu->thread, pcpus[args->raw[2]]);
    return 0;
}

int64_t do_memory_drop(struct syscall_args *args)
{
    return vm_memory_drop(args->thread->task->vm, args->thread, GPA(args->raw[0]), args->raw[1]);
}

int decode_memory_next(struct syscall_args *args)
{
    if (!is_aligned(args->raw[0], PAGE_BYTES))
        return -ABI_EINVAL;
    return args->raw[0] < args->thread->task->vm->memory_bytes ? 0 : -ABI_ENOENT;
}

int64_t do_memory_next(struct syscall_args *args)
{
    struct vm *vm = args->thread->task->vm;
    uint64_t gpa = args->raw[0];

    return mm_table_next(&vm->memory, &gpa, vm->memory_bytes) ? (int64_t)gpa : -ABI_ENOENT;
}
