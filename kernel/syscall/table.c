#include "kernel/syscall/syscall.h"

#include "kernel/cpu/pcpu.h"
#include "kernel/lock.h"
#include "kernel/vm/exit.h"
#include "kernel/vm/virt_ops.h"
#include "kernel/vm/vm.h"

_Noreturn void syscall_handle(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t number);
_Noreturn void syscall_handle_run(uint64_t id, uint64_t action);

const struct syscall_row syscall_table[SYS_COUNT] = {
    [SYS_TASK_EXIT] = {"task_exit", TASK_ROOT | TASK_MONITOR, decode_nothing, do_task_exit},
    [SYS_CONSOLE_WRITE] = {"console_write", TASK_ROOT | SYSCALL_ALONE, decode_console_write, do_console_write},
    [SYS_CONSOLE_READ] = {"console_read", TASK_ROOT, decode_nothing, do_console_read},
    [SYS_MACHINE_INFO] = {"machine_info", TASK_ROOT | TASK_MONITOR, decode_nothing, do_machine_info},
    [SYS_MODULE_INFO] = {"module_info", TASK_ROOT | TASK_MONITOR, decode_module, do_module_info},
    [SYS_MODULE_MAP] = {"module_map", TASK_ROOT | TASK_MONITOR, decode_module, do_module_map},
    [SYS_VM_CREATE] = {"vm_create", TASK_ROOT, decode_nothing, do_vm_create},
    [SYS_VM_START] = {"vm_start", TASK_ROOT, decode_vm, do_vm_start},
    [SYS_VM_DESTROY] = {"vm_destroy", TASK_ROOT, decode_vm, do_vm_destroy},
    [SYS_VM_STATUS] = {"vm_status", TASK_ROOT, decode_vm, do_vm_status},
    [SYS_EVENT_WAIT] = {"event_wait", TASK_ROOT | TASK_MONITOR, decode_nothing, do_event_wait},
    [SYS_EVENT_SIGNAL] = {"event_signal", TASK_MONITOR, decode_event_signal, do_event_signal},
    [SYS_YIELD] = {"yield", TASK_ROOT | TASK_MONITOR, decode_nothing, do_yield},
    [SYS_VCPU_RUN] = {"vcpu_run", TASK_MONITOR | SYSCALL_ALONE, decode_vcpu_run, do_vcpu_run},
    [SYS_VCPU_READ] = {"vcpu_read", TASK_MONITOR | SYSCALL_ALONE, decode_vcpu_pairs, do_vcpu_read},
    [SYS_VCPU_WRITE] = {"vcpu_write", TASK_MONITOR | SYSCALL_ALONE, decode_vcpu_pairs, do_vcpu_write},
    [SYS_VCPU_INTERRUPT] = {"vcpu_interrupt", TASK_MONITOR, decode_vcpu_interrupt, do_vcpu_interrupt},
    [SYS_SCREEN_WRITE] = {"screen_write", TASK_ROOT | SYSCALL_ALONE, decode_screen_write, do_screen_write},
    [SYS_TRACE_START] = {"trace_start", TASK_ROOT, decode_trace_start, do_trace_start},
    [SYS_TRACE_READ] = {"trace_read", TASK_ROOT | SYSCALL_ALONE, decode_trace_read, do_trace_read},
    [SYS_VM_COUNTERS] = {"vm_counters", TASK_ROOT, decode_vm, do_vm_counters},
    [SYS_VCPU_START] = {"vcpu_start", TASK_MONITOR, decode_vcpu_start, do_vcpu_start},
    [SYS_VCPU_PARK] = {"vcpu_park", TASK_MONITOR, decode_nothing, do_vcpu_park},
    [SYS_VCPU_MOVE] = {"vcpu_move", TASK_ROOT, decode_vcpu_move, do_vcpu_move},
    [SYS_VM_PAUSE] = {"vm_pause", TASK_ROOT, decode_vm, do_vm_pause},
    [SYS_MEMORY_DROP] = {"memory_drop", TASK_MONITOR, decode_nothing, do_memory_drop},
    [SYS_VM_RESUME] = {"vm_resume", TASK_ROOT, decode_vm, do_vm_resume},
    [SYS_QUEUE_CREATE] = {"queue_create", TASK_ROOT, decode_channel, do_queue_create},
    [SYS_VM_RECALL] = {"vm_recall", TASK_ROOT, decode_vm, do_vm_recall},
    [SYS_MEMORY_NEXT] = {"memory_next", TASK_MONITOR | SYSCALL_ALONE, decode_memory_next, do_memory_next},
    [SYS_RING_CREATE] = {"ring_create", TASK_ROOT, decode_channel, do_ring_create},
};

_Static_assert(SYS_VCPU_RUN == 12, "known to kernel/cpu/entry.asm");

static int64_t call(struct syscall_args *args, uint64_t number)
{
    int error;

    if (number >= SYS_COUNT)
        return -ABI_ENOSYS;
    if (!(syscall_table[number].who & args->thread->task->kind))
        return -ABI_EPERM;
    if (!(syscall_table[number].who & SYSCALL_ALONE))
        kernel_lock_enter();
    error = syscall_table[number].decode(args);
    return error ? error : syscall_table[number].act(args);
}

/* Called by the SYSCALL entry, on a fresh kernel stack. The result goes to the registers of ring 3. */
_Noreturn void syscall_handle(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t number)
{
    struct syscall_args args;

    args.raw[0] = a;
    args.raw[1] = b;
    args.raw[2] = c;
    args.raw[3] = d;
    args.thread = pcpu_this()->current;
    args.thread->regs.rax = (uint64_t)call(&args, number);
    thread_return();
}

/* Whether vcpu_run, behind the instruction that exited, has nothing to do but to enter: the vCPU left the guest in this turn,
 * nothing else has been in its place since, and nothing waits for it. */
static inline bool can_run_behind(const struct pcpu *pcpu, const struct vcpu *vcpu)
{
    return &vcpu->thread == pcpu->current && pcpu->context == &vcpu->guest_context && vcpu->instruction_length &&
           vcpu->npt_generation == vcpu->vm->memory.generation && vcpu->attention == 0;
}

/* The entry calls this one for vcpu_run: monitors hardly ever do anything else. Where it is not this simple, the table's row
 * does it. */
_Noreturn void syscall_handle_run(uint64_t id, uint64_t action)
{
    const struct pcpu *pcpu = pcpu_this();
    struct vcpu *vcpu = pcpu->vcpu_loaded;

    if (!vcpu || id != vcpu->id || action != VCPU_RUN_SKIP || !can_run_behind(pcpu, vcpu))
        syscall_handle(id, action, 0, 0, SYS_VCPU_RUN);
    vcpu_run_note(vcpu);
    virt->run_behind(vcpu);
}
