/* The kernel's whole interface to ring 3: one table. */
#ifndef KERNEL_SYSCALL_SYSCALL_H
#define KERNEL_SYSCALL_SYSCALL_H

#include <stdint.h>

#include "kernel/vm/thread.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/addr.h"

struct module;

/*
 * The arguments of a call: as ring 3 gave them in `raw`, and what decode made of them in the rest. decode_* checks
 * everything and copies what it needs from user memory; do_* then can only fail for want of memory or because the world
 * has changed.
 */
struct syscall_args {
    uint64_t raw[4];
    struct thread *thread;
    struct vm *vm, *to;
    struct vcpu *vcpu;
    const struct module *module;
    struct state_pair pair[MAX_STATE_PAIRS];
};

/* 0 or -enum abi_error. */
typedef int syscall_decode(struct syscall_args *args);

/* The result for RAX. One that blocks or enters a guest has set up the thread so that thread_return does that. */
typedef int64_t syscall_do(struct syscall_args *args);

/* Groups of calls, one file each. */
syscall_decode decode_nothing, decode_console_write, decode_module, decode_vm, decode_event_signal,
    decode_vcpu_run, decode_vcpu_pairs, decode_vcpu_interrupt, decode_vcpu_start, decode_vcpu_move, decode_screen_write,
    decode_trace_start, decode_trace_read, decode_channel, decode_memory_next;
syscall_do do_task_exit, do_console_write, do_machine_info, do_module_info, do_module_map, do_vm_create, do_vm_start,
    do_vm_destroy, do_vm_status, do_event_wait, do_event_signal, do_yield, do_vcpu_run, do_vcpu_read, do_vcpu_write,
    do_vcpu_interrupt, do_vcpu_start, do_vcpu_park, do_vcpu_move, do_vm_pause, do_vm_resume, do_memory_drop, do_screen_write,
    do_trace_start, do_trace_read, do_vm_counters, do_console_read, do_queue_create, do_ring_create, do_vm_recall,
    do_memory_next;

#endif
