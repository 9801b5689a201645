/*
 * The kernel's system calls as C functions, one a call, with the types that config/abi.h gives them. Each returns a
 * value >= 0 or a negated enum abi_error. Nothing is checked here: the kernel checks everything.
 */
#ifndef VMM_LIB_SYSCALL_H
#define VMM_LIB_SYSCALL_H

#include "config/abi.h"

static inline int64_t syscall4(enum syscall_number number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    int64_t result;
    register uint64_t r10 __asm__("r10") = d;

    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
                     : "a"((uint64_t)number)
                     : "rcx", "r8", "r9", "r11", "memory");
    return result;
}

/* Ends the caller: a monitor's ends its VM, root's ends the machine with this status. */
static inline _Noreturn void sys_task_exit(int64_t status)
{
    for (;;)
        syscall4(SYS_TASK_EXIT, (uint64_t)status, 0, 0, 0);
}

/* Root: prints whole lines on the serial line and the screen. */
static inline int64_t sys_console_write(const char *text, uint64_t bytes)
{
    return syscall4(SYS_CONSOLE_WRITE, (uintptr_t)text, bytes, CONSOLE_ALL, 0);
}

/* Root: the next byte that came in on the serial line; -ABI_EAGAIN: none has. */
static inline int64_t sys_console_read(void) { return syscall4(SYS_CONSOLE_READ, 0, 0, 0, 0); }

/* Root: the same as sys_console_write, on the serial line alone. */
static inline int64_t sys_serial_write(const char *text, uint64_t bytes)
{
    return syscall4(SYS_CONSOLE_WRITE, (uintptr_t)text, bytes, CONSOLE_SERIAL, 0);
}

/* Root: draws a row of the screen, which does not scroll from then on, nor do those above it. A cell is a character |
 * its VGA attribute << 8. */
static inline int64_t sys_screen_write(uint32_t row, const uint16_t *cells, uint32_t n)
{
    return syscall4(SYS_SCREEN_WRITE, row, (uintptr_t)cells, n, 0);
}

/* Root: each pCPU's trace ring keeps TRACE_RECORDS records from now on. */
static inline int64_t sys_trace_start(void) { return syscall4(SYS_TRACE_START, 0, 0, 0, 0); }

/* Root: at most n records of a pCPU from number *from on, or from the oldest that is left, whose number *from becomes. */
static inline int64_t sys_trace_read(uint32_t pcpu, uint64_t *from, struct trace_record *records, uint32_t n)
{
    return syscall4(SYS_TRACE_READ, pcpu, (uintptr_t)from, (uintptr_t)records, n);
}

/* Root: the kinds of exits that a VM had, at most n; returns how many. */
static inline int64_t sys_vm_counters(uint32_t vm, struct exit_counter *counters, uint32_t n)
{
    return syscall4(SYS_VM_COUNTERS, vm, (uintptr_t)counters, n, 0);
}

static inline int64_t sys_machine_info(struct machine_info *info)
{
    return syscall4(SYS_MACHINE_INFO, (uintptr_t)info, 0, 0, 0);
}

/* Root: boot module `index`; monitor: module `index` of its VM. -ABI_ENOENT behind the last one. */
static inline int64_t sys_module_info(uint32_t index, struct module_info *info)
{
    return syscall4(SYS_MODULE_INFO, index, (uintptr_t)info, 0, 0);
}

/* Maps a module read-only and returns its address. */
static inline int64_t sys_module_map(uint32_t index) { return syscall4(SYS_MODULE_MAP, index, 0, 0, 0); }

/* Root: makes a VM and its monitor, not yet running; returns the VM's number. */
static inline int64_t sys_vm_create(const struct vm_spec *spec)
{
    return syscall4(SYS_VM_CREATE, (uintptr_t)spec, 0, 0, 0);
}

static inline int64_t sys_vm_start(uint32_t vm) { return syscall4(SYS_VM_START, vm, 0, 0, 0); }

static inline int64_t sys_vm_destroy(uint32_t vm) { return syscall4(SYS_VM_DESTROY, vm, 0, 0, 0); }

static inline int64_t sys_vm_status(uint32_t vm, struct vm_status *status)
{
    return syscall4(SYS_VM_STATUS, vm, (uintptr_t)status, 0, 0);
}

/* Blocks until an event of `mask` came or the TSC reaches `deadline` (0: never); -> the bits, or -ABI_ETIME. */
static inline int64_t sys_event_wait(uint32_t mask, uint64_t deadline)
{
    return syscall4(SYS_EVENT_WAIT, mask, deadline, 0, 0);
}

/* Monitor: raises events of the root task. */
static inline int64_t sys_event_signal(uint32_t bits) { return syscall4(SYS_EVENT_SIGNAL, bits, 0, 0, 0); }

static inline int64_t sys_yield(void) { return syscall4(SYS_YIELD, 0, 0, 0, 0); }

/* Monitor: enters the guest; returns when an exit is for the monitor, which is then in the vCPU's page. `action` is an enum
 * vcpu_action, in a lab possibly | VCPU_RUN_OBSERVE. */
static inline int64_t sys_vcpu_run(uint32_t vcpu, uint64_t action)
{
    return syscall4(SYS_VCPU_RUN, vcpu, action, 0, 0);
}

/* Monitor: control-block fields -> variables. At most MAX_STATE_PAIRS pairs. */
static inline int64_t sys_vcpu_read(uint32_t vcpu, const struct state_pair *pairs, uint32_t count)
{
    return syscall4(SYS_VCPU_READ, vcpu, (uintptr_t)pairs, count, 0);
}

/* Monitor: variables -> control-block fields, as far as the field policy lets it. */
static inline int64_t sys_vcpu_write(uint32_t vcpu, const struct state_pair *pairs, uint32_t count)
{
    return syscall4(SYS_VCPU_WRITE, vcpu, (uintptr_t)pairs, count, 0);
}

/* Root: channels between two VMs, which get it as their next one. */
static inline int64_t sys_queue_create(uint32_t from, uint32_t to, uint64_t slots)
{
    return syscall4(SYS_QUEUE_CREATE, from, to, slots, 0);
}

static inline int64_t sys_ring_create(uint32_t from, uint32_t to, uint64_t pages)
{
    return syscall4(SYS_RING_CREATE, from, to, pages, 0);
}

/* Root: each vCPU of the VM comes back to its monitor soon: sys_vcpu_run gives -ABI_EINTR. */
static inline int64_t sys_vm_recall(uint32_t vm) { return syscall4(SYS_VM_RECALL, vm, 0, 0, 0); }

/* Root: bytes for the debug port, as they are; -ABI_ENOENT where there is none. */
static inline int64_t sys_debug_write(const void *bytes, uint64_t n)
{
    return syscall4(SYS_CONSOLE_WRITE, (uintptr_t)bytes, n, CONSOLE_DEBUG, 0);
}

/* Monitor: the first page of guest memory from gpa on that is backed; -ABI_ENOENT: there is none. */
static inline int64_t sys_memory_next(uint64_t gpa) { return syscall4(SYS_MEMORY_NEXT, gpa, 0, 0, 0); }

/* Monitor: lets the thread of another vCPU run, a new one or one that is parked. */
static inline int64_t sys_vcpu_start(uint32_t vcpu)
{
    return syscall4(SYS_VCPU_START, vcpu, 0, 0, 0);
}

/* Monitor: the calling thread sleeps until sys_vcpu_start. */
static inline int64_t sys_vcpu_park(void)
{
    return syscall4(SYS_VCPU_PARK, 0, 0, 0, 0);
}

/* Root: a floating vCPU goes on on another pCPU. */
static inline int64_t sys_vcpu_move(uint32_t vm, uint32_t vcpu, uint32_t pcpu)
{
    return syscall4(SYS_VCPU_MOVE, vm, vcpu, pcpu, 0);
}

/* Monitor: takes whole pages of guest memory from its VM. -ABI_EAGAIN: call again. */
static inline int64_t sys_memory_drop(uint64_t gpa, uint64_t bytes)
{
    return syscall4(SYS_MEMORY_DROP, gpa, bytes, 0, 0);
}

/* Root: 0 when none of the VM's vCPUs runs any more, -ABI_EAGAIN before that. */
static inline int64_t sys_vm_pause(uint32_t vm)
{
    return syscall4(SYS_VM_PAUSE, vm, 0, 0, 0);
}

static inline int64_t sys_vm_resume(uint32_t vm)
{
    return syscall4(SYS_VM_RESUME, vm, 0, 0, 0);
}

#endif
