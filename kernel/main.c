/* The only file that knows every folder: brings them up in order, starts the root task, and lets go. */
#include "drivers/acpi.h"
#include "drivers/lapic.h"
#include "drivers/pic.h"
#include "kernel/boot/info.h"
#include "kernel/boot/modules.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/hint.h"
#include "kernel/cpu/panic.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/smp.h"
#include "kernel/cpu/space.h"
#include "kernel/cpu/timer.h"
#include "kernel/cpu/trap.h"
#include "kernel/console.h"
#include "kernel/ipc/channel.h"
#include "kernel/lock.h"
#include "kernel/machine.h"
#include "kernel/provoke.h"
#include "kernel/vm/image.h"
#include "kernel/vm/reserve.h"
#include "kernel/vm/task.h"
#include "kernel/vm/thread.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/virt_ops.h"
#include "lib/print.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/bug.h"
#include "mm/buddy.h"
#include "mm/direct.h"

enum { ROOT_TIMESLICE_US = 10000 };

extern const char kernel_load_start[], kernel_bss_end[];

_Noreturn void kernel_main(uint32_t magic, uint32_t info);

const struct virt_ops *virt;

struct lock kernel_lock;

_Noreturn void mm_bug(const char *text, uint64_t value) { panic("%s (%llx)", text, (unsigned long long)value); }

/* Says what is missing, precisely, and ends the machine: nobody's error. */
static _Noreturn void refuse(const char *text, const char *detail)
{
    print("Nestor can't run here: %s%s%s\n", text, *detail ? ": " : "", detail);
    machine_end(false);
}

static void read_boot_info(uint32_t magic, uint32_t info)
{
    uint64_t value;
    const char *error = boot_info_read(&machine_boot, magic, info, &value);

    console_choose(&machine_boot);
    machine_choose_end();
    if (error)
        panic("boot information: %s (%llx)", error, (unsigned long long)value);
}

/* What is below 4 GiB first: the boot page tables reach no further. */
static void init_memory(void)
{
    static struct mm_range usable[MAX_MEMORY_RANGES], reserved[MAX_MODULES + 4];
    struct mm_ranges map;
    struct mm_range free;
    unsigned n = 0, m = 0;

    for (unsigned i = 0; i < machine_boot.memories; i++)
        if (machine_boot.memory[i].kind == BOOT_MEMORY_RAM)
            usable[n++] = (struct mm_range){machine_boot.memory[i].start, machine_boot.memory[i].end};
    reserved[m++] = (struct mm_range){0, MIB}; /* firmware data, screen, and where other pCPUs start */
    reserved[m++] = (struct mm_range){(uint64_t)kernel_load_start, (uint64_t)kernel_bss_end};
    reserved[m++] = (struct mm_range){4 * GIB, MM_DIRECT_LIMIT};
    reserved[m++] = (struct mm_range){machine_boot.start, machine_boot.end};
    for (unsigned i = 0; i < machine_boot.modules; i++)
        reserved[m++] = (struct mm_range){machine_boot.module[i].start, machine_boot.module[i].end};
    mm_buddy_init(usable, n, reserved, m);
    if (mm_buddy_total_pages() == 0)
        panic("the memory map has no room for the page allocator's tables");
    space_init(&machine_boot);
    console_map(&machine_boot);
    map = (struct mm_ranges){usable, reserved, n, 0};
    for (uint64_t from = 4 * GIB; mm_ranges_next_free(&map, from, &free); from = free.end)
        mm_buddy_add(free);
}

static void init_devices(void)
{
    volatile void *lapic;

    acpi_init(space_map_any, machine_boot.rsdp);
    pic_disable();
    lapic = space_map_device(lapic_physical(), LAPIC_BYTES);
    if (!lapic)
        panic("no memory to map the local APIC");
    lapic_init(lapic);
    if (!timer_calibrate())
        panic("no clock: neither PIT, CPUID nor ACPI timer tells how fast the TSC runs");
}

static void choose_backend(void)
{
    const char *no_vmx, *no_svm;

    if (vmx_ops.probe(&no_vmx)) {
        virt = &vmx_ops;
        return;
    }
    if (svm_ops.probe(&no_svm)) {
        virt = &svm_ops;
        return;
    }
    print("VMX: %s\nSVM: %s\nHint: %s\n", no_vmx, no_svm, hint_for_platform());
    refuse("neither VMX nor SVM can be used", "");
}

static void start_root(void)
{
    static struct thread thread;
    int error = task_init(&task_root, TASK_ROOT, NULL, &mm_kernel_account);

    if (!error)
        error = image_load_root(&task_root);
    if (error)
        panic("the root task could not be made: out of memory");
    thread_init(&thread, &task_root, NULL, task_root.entry, TASK_STACK + TASK_STACK_BYTES - 8, 0,
                timer_tsc_hz() / 1000000 * ROOT_TIMESLICE_US);
    thread_wake(&thread);
}

/* On the boot CPU's own stack. */
static void run(void)
{
    struct pcpu *pcpu = pcpu_this();
    const char *error;

    kernel_lock_enter();
    pcpu_join(pcpu);
    pcpu_init(pcpu);
    provoke();
    choose_backend();
    error = virt->init();
    if (!error)
        error = virt->pcpu_enable(pcpu);
    if (error)
        refuse(virt->name, error);
    vcpu_cpuid_init();
    smp_start(&machine_boot);
    modules_init(&machine_boot);
    images_init();
    reserve_init();
    channel_init();
    start_root();
    thread_dispatch();
}

_Noreturn void kernel_main(uint32_t magic, uint32_t info)
{
    struct pcpu *pcpu;

    console_init();
    trap_init();
    read_boot_info(magic, info);
    features_detect();
    if (!cpu_features.nx)
        refuse("the CPU has no NX", "");
    init_memory();
    init_devices();
    pcpu = pcpu_create(lapic_id());
    if (!pcpu)
        panic("no memory for the boot CPU");
    pcpu_run_on_stack(pcpu, run);
}
