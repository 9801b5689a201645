#include "kernel/vm/task.h"

#include "kernel/cpu/panic.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/space.h"
#include "kernel/vm/thread.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

struct task task_root;

int task_init(struct task *task, enum task_kind kind, struct vm *vm, struct mm_account *account)
{
    int error;

    memset(task, 0, sizeof *task);
    task->kind = kind;
    task->vm = vm;
    task->account = account;
    task->modules_end = TASK_MODULES;
    error = mm_table_init(&task->space, &mm_format_host, account, false);
    if (!error)
        space_share_kernel(&task->space);
    return error;
}

void task_destroy(struct task *task) { mm_table_destroy(&task->space); }

int task_page(struct task *task, uint64_t address, unsigned rights, hpa_t *frame)
{
    hpa_t page = mm_page_alloc(task->account, 0);

    if (hpa_is_none(page))
        return -ABI_ENOMEM;
    if (mm_table_map(&task->space, address, page, PAGE_BYTES, rights | MM_USER | MM_OWNED)) {
        mm_page_free(task->account, page, 0);
        return -ABI_ENOMEM;
    }
    if (frame)
        *frame = page;
    return 0;
}

static bool is_heap(const struct task *task, uint64_t address)
{
    return address >= task->image_end && address < TASK_HEAP_END;
}

static bool is_stack(uint64_t address)
{
    if (address >= TASK_STACK && address < TASK_STACK + TASK_STACK_BYTES)
        return true;
    return address >= TASK_STACKS && address < TASK_STACKS + MAX_VCPUS_PER_VM * 2 * TASK_STACK_BYTES &&
           (address - TASK_STACKS) % (2 * TASK_STACK_BYTES) < TASK_STACK_BYTES;
}

/* The monitor touches guest memory: it sees the very frames that the guest has. */
static enum task_fault back_guest_window(struct task *task, uint64_t address)
{
    hpa_t frame;
    int error = vm_memory_back(task->vm, GPA(address - TASK_GUEST), &frame);

    if (!error)
        error = mm_table_map(&task->space, address, frame, PAGE_BYTES, MM_READ | MM_WRITE | MM_USER);
    if (error == -ABI_ENOMEM)
        return TASK_FAULT_NO_MEMORY;
    return error ? TASK_FAULT_BAD_ADDRESS : TASK_FAULT_BACKED;
}

enum task_fault task_fault(struct task *task, uint64_t address)
{
    struct mm_mapping m;

    address = align_down(address, PAGE_BYTES);
    if (mm_table_lookup(&task->space, address, &m))
        return TASK_FAULT_BACKED; /* since the fault, for another thread */
    if (is_heap(task, address) || is_stack(address))
        return task_page(task, address, MM_READ | MM_WRITE, NULL) ? TASK_FAULT_NO_MEMORY : TASK_FAULT_BACKED;
    if (task->vm && address >= TASK_GUEST && address < TASK_GUEST + GUEST_MEMORY_MAX)
        return back_guest_window(task, address);
    return TASK_FAULT_BAD_ADDRESS;
}

void task_signal(struct task *task, uint64_t events)
{
    struct thread *thread = task->waiter;
    uint64_t taken;

    task->events |= events;
    taken = thread ? task->events & thread->wait_mask : 0;
    if (!taken)
        return;
    task->events &= ~taken;
    task->waiter = NULL;
    thread->wait_mask = 0;
    thread->regs.rax = taken;
    timer_disarm(&thread->wake);
    thread_wake(thread);
}

void task_end(struct task *task, enum vm_end end, int64_t status, uint64_t address)
{
    static const char *const why[] = {
        [VM_END_EXIT] = "ended by itself", [VM_END_MONITOR_FAULT] = "faulted", [VM_END_NO_MEMORY] = "ran out of memory"};

    if (task->kind == TASK_MONITOR)
        vm_end(task->vm, end, status, address);
    else
        panic("the root task %s: %s, address %llx, RIP %llx", why[end],
              end == VM_END_MONITOR_FAULT ? panic_vector_name((uint64_t)status) : "", (unsigned long long)address,
              (unsigned long long)pcpu_this()->current->regs.rip);
}
