#include "kernel/vm/vm.h"

#include "drivers/clock.h"
#include "kernel/boot/modules.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/trace.h"
#include "kernel/vm/image.h"
#include "kernel/vm/reserve.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/virt_ops.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/direct.h"

enum { DEFAULT_TIMESLICE_US = 10000, TIMESLICE_US_MAX = 10000000, WINDOW_BYTES_MAX = 1 << 30 };

static struct vm *vms[MAX_VMS];

_Static_assert(sizeof(struct vm) <= PAGE_BYTES, "a VM is one page");

struct vm *vm_find(uint64_t id) { return id < MAX_VMS ? vms[id] : NULL; }

bool vm_is_any(void)
{
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i])
            return true;
    return false;
}

static int check_spec(const struct vm_spec *spec)
{
    if (spec->name[sizeof spec->name - 1] || spec->vcpus == 0 || spec->vcpus > MAX_VCPUS_PER_VM ||
        spec->memory_bytes == 0 || !is_aligned(spec->memory_bytes, PAGE_BYTES) || spec->memory_bytes > GUEST_MEMORY_MAX ||
        spec->modules > MAX_VM_MODULES || spec->timeslice_us > TIMESLICE_US_MAX || spec->pin > pcpu_count)
        return -ABI_EINVAL;
    for (uint32_t i = 0; i < spec->modules; i++)
        if (!module_find(spec->module[i]))
            return -ABI_ENOENT;
    return 0;
}

/* The pages of the monitor's address space that are there from the start. */
static int map_monitor(struct vm *vm, const void *args)
{
    hpa_t page;
    int error = task_page(&vm->task, TASK_ARGS, MM_READ, &page);

    if (error)
        return error;
    memcpy(mm_direct(page), args, PAGE_BYTES);
    error = task_page(&vm->task, TASK_REPORT, MM_READ | MM_WRITE, &vm->report);
    if (error)
        return error;
    error = image_load_monitor(&vm->task);
    if (error)
        return error;
    return mm_table_map(&task_root.space, TASK_REPORTS + vm->id * PAGE_BYTES, vm->report, PAGE_BYTES,
                        MM_READ | MM_WRITE | MM_USER);
}

/* Lets the monitor see pages that root has, at `at`. Root's pages stay where they are as long as the machine runs. */
static int map_window(struct vm *vm, uint64_t at, const struct vm_window *window, unsigned rights)
{
    int error = 0;

    if (!is_aligned(window->address | window->bytes, PAGE_BYTES) || window->bytes > WINDOW_BYTES_MAX)
        return -ABI_EINVAL;
    for (uint64_t done = 0; done < window->bytes && !error; done += PAGE_BYTES) {
        struct mm_mapping m;

        if (window->address >= TASK_END - done ||
            !mm_table_lookup(&task_root.space, window->address + done, &m) || (rights & ~m.rights))
            return -ABI_EFAULT;
        error = mm_table_map(&vm->task.space, at + done, m.hpa, PAGE_BYTES, rights);
    }
    return error;
}

static int map_windows(struct vm *vm, const struct vm_spec *spec)
{
    int error = map_window(vm, TASK_STATE, &spec->state, MM_READ | MM_USER);

    return error ? error : map_window(vm, TASK_SAVE, &spec->save, MM_READ | MM_WRITE | MM_USER);
}

static int build(struct vm *vm, const struct vm_spec *spec, const void *args)
{
    int error = mm_table_init(&vm->memory, virt->nested_format, &vm->account, virt->huge_1g());

    if (error)
        return error;
    vm->has_memory = true;
    error = task_init(&vm->task, TASK_MONITOR, vm, &vm->account);
    if (error)
        return error;
    vm->has_task = true;
    error = map_monitor(vm, args);
    if (!error)
        error = map_windows(vm, spec);
    for (unsigned i = 0; i < spec->vcpus && !error; i++) {
        vm->vcpu[i] = vcpu_create(vm, i);
        if (!vm->vcpu[i])
            error = -ABI_ENOMEM;
        else
            vm->vcpus++;
        vm->threads = vm->vcpus;
    }
    return error;
}

static void free_vm(struct vm *vm)
{
    struct mm_account account;

    for (unsigned i = 0; i < vm->vcpus; i++)
        vcpu_destroy(vm->vcpu[i]);
    channel_leave_all(vm);
    mm_table_unmap(&task_root.space, TASK_REPORTS + vm->id * PAGE_BYTES, PAGE_BYTES);
    x86_invlpg(TASK_REPORTS + vm->id * PAGE_BYTES);
    if (vm->has_task)
        task_destroy(&vm->task);
    reserve_free_all(vm);
    if (vm->has_memory)
        mm_table_destroy(&vm->memory);
    vms[vm->id] = NULL;
    account = vm->account;
    mm_page_free(&account, mm_direct_hpa(vm), 0);
}

int vm_destroy(struct vm *vm)
{
    vm_end(vm, VM_END_DESTROYED, 0, 0);
    thread_bury_dead();
    if (vm->threads)
        return -ABI_EAGAIN;
    free_vm(vm);
    return 0;
}

int64_t vm_create(const struct vm_spec *spec, const void *args)
{
    unsigned id = 0;
    int error = check_spec(spec);
    struct mm_account account = {.quota = spec->quota_pages};
    hpa_t page;
    struct vm *vm;

    if (error)
        return error;
    while (id < MAX_VMS && vms[id])
        id++;
    if (id == MAX_VMS)
        return -ABI_EAGAIN;
    page = mm_page_alloc(&account, 0);
    if (hpa_is_none(page))
        return -ABI_ENOMEM;
    vm = mm_direct(page);
    vm->account = account;
    vm->id = id;
    memcpy(vm->name, spec->name, sizeof vm->name);
    vm->memory_bytes = spec->memory_bytes;
    vm->slice_ticks = clock_ticks_from_us(spec->timeslice_us ? spec->timeslice_us : DEFAULT_TIMESLICE_US);
    vm->pin = spec->pin ? pcpus[spec->pin - 1] : NULL;
    vm->large_pages = spec->large_pages;
    vm->has_lab = spec->lab != LAB_NONE;
    vm->full_lab = spec->lab == LAB_FULL;
    vm->modules = spec->modules;
    memcpy(vm->module, spec->module, sizeof vm->module);
    vms[id] = vm;
    error = build(vm, spec, args);
    if (error) {
        free_vm(vm);
        return error;
    }
    return id;
}

int vm_start(struct vm *vm)
{
    if (vm->state != VM_NEW)
        return -ABI_EBUSY;
    vm->state = VM_RUNNING;
    trace(TRACE_VM_START, TRACE_WHO(vm->id, 0), 0, 0);
    thread_wake(&vm->vcpu[0]->thread);
    return 0;
}

void vm_hold(struct vm *vm, const struct thread *but)
{
    for (unsigned i = 0; i < vm->vcpus; i++)
        if (&vm->vcpu[i]->thread != but)
            thread_hold(&vm->vcpu[i]->thread);
}

void vm_release(struct vm *vm, const struct thread *but)
{
    for (unsigned i = 0; i < vm->vcpus; i++)
        if (&vm->vcpu[i]->thread != but)
            thread_release(&vm->vcpu[i]->thread);
}

bool vm_runs(const struct vm *vm, const struct thread *but)
{
    for (unsigned i = 0; i < vm->vcpus; i++)
        if (&vm->vcpu[i]->thread != but && vm->vcpu[i]->thread.entity.running)
            return true;
    return false;
}

int vm_pause(struct vm *vm)
{
    if (!vm->paused)
        vm_hold(vm, NULL);
    vm->paused = true;
    return vm_runs(vm, NULL) ? -ABI_EAGAIN : 0;
}

void vm_resume(struct vm *vm)
{
    if (vm->paused)
        vm_release(vm, NULL);
    vm->paused = false;
}

void vm_end(struct vm *vm, enum vm_end end, int64_t status, uint64_t address)
{
    if (vm->state == VM_ENDED)
        return;
    vm->state = VM_ENDED;
    trace(TRACE_VM_END, TRACE_WHO(vm->id, 0), end, (uint64_t)status);
    vm->end = end;
    vm->end_status = status;
    vm->end_address = address;
    channel_end_all(vm);
    for (unsigned i = 0; i < vm->vcpus; i++)
        thread_kill(&vm->vcpu[i]->thread);
}

void vm_thread_gone(struct vm *vm)
{
    if (--vm->threads == 0)
        task_signal(&task_root, EVENT_VM_ENDED);
}

void vm_status(struct vm *vm, struct vm_status *status)
{
    *status = (struct vm_status){
        .state = vm->state,
        .end = vm->end,
        .status = vm->end_status,
        .address = vm->end_address,
        .pages = vm->account.pages,
        .pages_peak = mm_account_peak(&vm->account),
        .mapped_2m = vm->mapped_2m,
        .mapped_1g = vm->mapped_1g,
        .vcpus = vm->vcpus,
    };
    for (unsigned i = 0; i < vm->vcpus; i++) {
        const struct vcpu *vcpu = vm->vcpu[i];

        status->exits += vcpu->exits;
        status->exits_monitor += vcpu->exits_monitor;
        status->migrations += vcpu->thread.migrations;
        status->wait_ticks += vcpu->thread.entity.wait_ticks;
        status->preemptions += vcpu->thread.entity.preemptions;
        status->run_ticks += vcpu->thread.entity.run_ticks;
        status->vcpu[i] = (struct vcpu_status){
            .state = (uint16_t)thread_state_now(&vcpu->thread),
            .pcpu = (uint16_t)thread_pcpu(&vcpu->thread)->id,
            .exits = vcpu->exits,
            .reason = vcpu->exit_reason,
            .rip = vcpu->rip,
        };
    }
}

bool vm_exit_counter(const struct vm *vm, unsigned index, struct exit_counter *counter)
{
    *counter = (struct exit_counter){.reason = virt->exit_reason(index)};
    for (unsigned i = 0; i < vm->vcpus; i++)
        counter->count += vm->vcpu[i]->exit_count[index];
    if (counter->count == 0)
        return false;
    lib_string_copy(counter->name, virt->exit_name(counter->reason), sizeof counter->name);
    return true;
}
