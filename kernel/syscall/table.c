#include "kernel/syscall/syscall.h"

#include "kernel/cpu/pcpu.h"
#include "kernel/lock.h"
#include "kernel/vm/exit.h"
#include "kernel/vm/virt_ops.h"
#include "kernel/vm/vm.h"

_Noreturn void syscall_handle(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t number);
_Noreturn void syscall_handle_run(uint64_t id, uint64_t action);

struct row {
    unsigned who; /* enum task_kind, or-ed; and ALONE */
    syscall_decode *decode;
    syscall_do *act;
};

/* The call touches only what is the caller's own, as the console is root's: it goes without the kernel lock. */
enum { ALONE = 1 << 8 };

static const struct row rows[SYS_COUNT] = {
    [SYS_TASK_EXIT] = {TASK_ROOT | TASK_MONITOR, decode_nothing, do_task_exit},
    [SYS_CONSOLE_WRITE] = {TASK_ROOT | ALONE, decode_console_write, do_console_write},
    [SYS_CONSOLE_READ] = {TASK_ROOT, decode_nothing, do_console_read},
    [SYS_MACHINE_INFO] = {TASK_ROOT | TASK_MONITOR, decode_nothing, do_machine_info},
    [SYS_MODULE_INFO] = {TASK_ROOT | TASK_MONITOR, decode_module, do_module_info},
    [SYS_MODULE_MAP] = {TASK_ROOT | TASK_MONITOR, decode_module, do_module_map},
    [SYS_VM_CREATE] = {TASK_ROOT, decode_nothing, do_vm_create},
    [SYS_VM_START] = {TASK_ROOT, decode_vm, do_vm_start},
    [SYS_VM_DESTROY] = {TASK_ROOT, decode_vm, do_vm_destroy},
    [SYS_VM_STATUS] = {TASK_ROOT, decode_vm, do_vm_status},
    [SYS_EVENT_WAIT] = {TASK_ROOT | TASK_MONITOR, decode_nothing, do_event_wait},
    [SYS_EVENT_SIGNAL] = {TASK_MONITOR, decode_event_signal, do_event_signal},
    [SYS_YIELD] = {TASK_ROOT | TASK_MONITOR, decode_nothing, do_yield},
    [SYS_VCPU_RUN] = {TASK_MONITOR | ALONE, decode_vcpu_run, do_vcpu_run},
    [SYS_VCPU_READ] = {TASK_MONITOR | ALONE, decode_vcpu_pairs, do_vcpu_read},
    [SYS_VCPU_WRITE] = {TASK_MONITOR | ALONE, decode_vcpu_pairs, do_vcpu_write},
    [SYS_VCPU_INTERRUPT] = {TASK_MONITOR, decode_vcpu_interrupt, do_vcpu_interrupt},
    [SYS_SCREEN_WRITE] = {TASK_ROOT | ALONE, decode_screen_write, do_screen_write},
    [SYS_TRACE_START] = {TASK_ROOT, decode_trace_start, do_trace_start},
    [SYS_TRACE_READ] = {TASK_ROOT | ALONE, decode_trace_read, do_trace_read},
    [SYS_VM_COUNTERS] = {TASK_ROOT, decode_vm, do_vm_counters},
    [SYS_VCPU_START] = {TASK_MONITOR, decode_vcpu_start, do_vcpu_start},
    [SYS_VCPU_PARK] = {TASK_MONITOR, decode_nothing, do_vcpu_park},
    [SYS_VCPU_MOVE] = {TASK_ROOT, decode_vcpu_move, do_vcpu_move},
    [SYS_VM_PAUSE] = {TASK_ROOT, decode_vm, do_vm_pause},
    [SYS_MEMORY_DROP] = {TASK_MONITOR, decode_nothing, do_memory_drop},
    [SYS_VM_RESUME] = {TASK_ROOT, decode_vm, do_vm_resume},
    [SYS_QUEUE_CREATE] = {TASK_ROOT, decode_channel, do_queue_create},
    [SYS_VM_RECALL] = {TASK_ROOT, decode_vm, do_vm_recall},
    [SYS_MEMORY_NEXT] = {TASK_MONITOR | ALONE, decode_memory_next, do_memory_next},
    [SYS_RING_CREATE] = {TASK_ROOT, decode_channel, do_ring_create},
};

_Static_assert(SYS_VCPU_RUN == 12, "known to kernel/cpu/entry.asm");

static int64_t call(struct syscall_args *args, uint64_t number)
{
    int error;

    if (number >= SYS_COUNT)
        return -ABI_ENOSYS;
    if (!(rows[number].who & args->thread->task->kind))
        return -ABI_EPERM;
    if (!(rows[number].who & ALONE))
        kernel_lock_enter();
    error = rows[number].decode(args);
    return error ? error : rows[number].act(args);
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
