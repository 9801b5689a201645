/* Calls about the machine: console, modules, memory, its end; and time and events. */
#include "drivers/debug_port.h"
#include "drivers/uart.h"
#include "kernel/boot/modules.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/user.h"
#include "kernel/machine.h"
#include "kernel/syscall/syscall.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mm/direct.h"

enum { CONSOLE_WRITE_MAX = 65536, CONSOLE_PIECE = 256 };

int decode_nothing(struct syscall_args *args)
{
    (void)args;
    return 0;
}

int64_t do_task_exit(struct syscall_args *args)
{
    struct task *task = args->thread->task;

    if (task->kind == TASK_ROOT)
        machine_end(args->raw[0] == 0);
    task_end(task, VM_END_EXIT, (int64_t)args->raw[0], 0);
    return 0;
}

int decode_console_write(struct syscall_args *args)
{
    if (args->raw[1] > CONSOLE_WRITE_MAX || args->raw[2] >= CONSOLE_SINKS)
        return -ABI_EINVAL;
    return args->raw[2] == CONSOLE_DEBUG && !debug_port_exists() ? -ABI_ENOENT : 0;
}

int64_t do_console_write(struct syscall_args *args)
{
    static void (*const sinks[])(const char *text, size_t bytes) = {
        [CONSOLE_ALL] = print_text, [CONSOLE_SERIAL] = uart_write, [CONSOLE_DEBUG] = debug_port_write};
    char piece[CONSOLE_PIECE];

    for (uint64_t done = 0; done < args->raw[1];) {
        uint64_t n = args->raw[1] - done < sizeof piece ? args->raw[1] - done : sizeof piece;

        if (!user_copy_in(piece, args->raw[0] + done, n))
            return -ABI_EFAULT;
        sinks[args->raw[2]](piece, n);
        done += n;
    }
    return (int64_t)args->raw[1];
}

int64_t do_console_read(struct syscall_args *args)
{
    int byte = uart_read();

    (void)args;
    return byte < 0 ? -ABI_EAGAIN : byte;
}

int64_t do_machine_info(struct syscall_args *args)
{
    struct machine_info info;

    machine_describe(&info);
    return user_copy_out(args->raw[0], &info, sizeof info) ? 0 : -ABI_EFAULT;
}

/* Root numbers all modules, a monitor those of its VM. */
int decode_module(struct syscall_args *args)
{
    const struct vm *vm = args->thread->task->vm;
    uint64_t index = args->raw[0];

    if (vm && index >= vm->modules)
        return -ABI_ENOENT;
    args->module = module_find(vm ? vm->module[index] : index);
    return args->module ? 0 : -ABI_ENOENT;
}

int64_t do_module_info(struct syscall_args *args)
{
    struct module_info info = {.bytes = args->module->bytes};

    lib_string_copy(info.name, args->module->boot->name, sizeof info.name);
    lib_string_copy(info.args, args->module->boot->args, sizeof info.args);
    return user_copy_out(args->raw[1], &info, sizeof info) ? 0 : -ABI_EFAULT;
}

int64_t do_module_map(struct syscall_args *args)
{
    struct task *task = args->thread->task;
    uint64_t at = task->modules_end, bytes = args->module->pages * PAGE_BYTES;
    int error = bytes ? mm_table_map(&task->space, at, args->module->start, bytes, MM_READ | MM_USER) : -ABI_EINVAL;

    if (error)
        return error;
    task->modules_end += bytes + PAGE_BYTES;
    return (int64_t)at;
}

int64_t do_event_wait(struct syscall_args *args)
{
    struct thread *thread = args->thread;
    struct task *task = thread->task;
    uint64_t taken = task->events & args->raw[0];

    if (taken) {
        task->events &= ~taken;
        return (int64_t)taken;
    }
    if (task->waiter)
        return -ABI_EBUSY;
    task->waiter = thread;
    thread->wait_mask = args->raw[0];
    if (args->raw[1])
        timer_arm(&thread->wake, args->raw[1]);
    thread_block_current();
    return 0; /* whoever wakes the thread replaces it */
}

int decode_event_signal(struct syscall_args *args) { return args->raw[0] & ~(uint64_t)EVENT_REPORT ? -ABI_EINVAL : 0; }

int64_t do_event_signal(struct syscall_args *args)
{
    task_signal(&task_root, args->raw[0]);
    return 0;
}

/* With nobody else here to go on with, the turn is not over: who polls with this would have a new one each time. */
int64_t do_yield(struct syscall_args *args)
{
    struct pcpu *pcpu = pcpu_this();

    (void)args;
    if (sched_any_ready(&pcpu->queue))
        pcpu->resched = true;
    return 0;
}
