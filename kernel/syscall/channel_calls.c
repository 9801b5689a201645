/* Calls about channels between VMs, by root. */
#include "kernel/ipc/channel.h"
#include "kernel/syscall/syscall.h"

int decode_channel(struct syscall_args *args)
{
    args->vm = vm_find(args->raw[0]);
    args->to = vm_find(args->raw[1]);
    return args->vm && args->to ? 0 : -ABI_ENOENT;
}

int64_t do_queue_create(struct syscall_args *args) { return channel_create_queue(args->vm, args->to, args->raw[2]); }

int64_t do_ring_create(struct syscall_args *args) { return channel_create_ring(args->vm, args->to, args->raw[2]); }
