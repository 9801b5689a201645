#include "kernel/cpu/smp.h"

#include "drivers/acpi.h"
#include "drivers/clock.h"
#include "drivers/lapic.h"
#include "kernel/boot/info.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/space.h"
#include "kernel/lock.h"
#include "kernel/vm/thread.h"
#include "kernel/vm/virt_ops.h"
#include "lib/print.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/direct.h"

#define KERNEL_BASE 0xffffffff80000000ull

enum { INIT_WAIT_US = 10000, STARTUP_WAIT_US = 200, ANSWER_WAIT_US = 200000 };

/* The words behind the trampoline's code, as trampoline.asm lays them out. */
struct trampoline_values {
    uint32_t to_32, to_32_selector, to_64, to_64_selector;
    uint16_t gdt_limit;
    uint32_t gdt_base;
    uint16_t pad;
    uint64_t boot_cr3, kernel_cr3, stack;
} __attribute__((packed));

extern const char trampoline_start[], trampoline_end[], trampoline_values[], boot_pml4[];

_Noreturn void ap_main(void);

/* What the pCPU that is being started says: set by it, read by the boot CPU. */
static _Atomic(const char *) answer;
static const char joined[] = "";

/* The boot CPU's capability registers, and those of the pCPU that is being started. */
static struct machine_info first, own;

static bool is_free_ram(const struct boot_info *info, uint64_t page)
{
    bool ram = false;

    for (unsigned i = 0; i < info->memories; i++) {
        const struct boot_memory *m = &info->memory[i];

        if (m->kind == BOOT_MEMORY_RAM)
            ram = ram || (m->start <= page && m->end >= page + PAGE_BYTES);
        else if (m->start < page + PAGE_BYTES && m->end > page)
            return false;
    }
    for (unsigned i = 0; i < info->modules; i++)
        if (info->module[i].start < page + PAGE_BYTES && info->module[i].end > page)
            return false;
    return ram;
}

/* A page below 1 MiB that nobody uses; 0: there is none. The allocator leaves all of the first MiB alone. */
static uint64_t find_page(const struct boot_info *info)
{
    for (uint64_t page = 0x8000; page < MIB; page += PAGE_BYTES)
        if (is_free_ram(info, page))
            return page;
    return 0;
}

static void fill_page(uint64_t page, const struct pcpu *pcpu)
{
    struct trampoline_values *values;

    memcpy(mm_direct(HPA(page)), trampoline_start, (size_t)(trampoline_end - trampoline_start));
    values = (void *)((char *)mm_direct(HPA(page)) + (trampoline_values - trampoline_start));
    values->to_32 += (uint32_t)page;
    values->to_64 += (uint32_t)page;
    values->gdt_base += (uint32_t)page;
    values->boot_cr3 = (uint64_t)boot_pml4 - KERNEL_BASE;
    values->kernel_cr3 = space_kernel.root.value;
    values->stack = pcpu->stack_top;
}

static void wait_us(uint64_t us)
{
    uint64_t end = x86_rdtsc() + clock_ticks_from_us(us);

    while (x86_rdtsc() < end && !answer)
        __builtin_ia32_pause();
}

/* INIT, start-up IPI, and a second one for CPUs that missed the first. Returns what the pCPU said, or NULL. */
static const char *wake(uint32_t apic_id, uint64_t page)
{
    answer = NULL;
    lapic_send_init(apic_id);
    wait_us(INIT_WAIT_US);
    lapic_send_startup(apic_id, (uint8_t)(page >> PAGE_SHIFT));
    wait_us(STARTUP_WAIT_US);
    if (!answer)
        lapic_send_startup(apic_id, (uint8_t)(page >> PAGE_SHIFT));
    wait_us(ANSWER_WAIT_US);
    return answer;
}

static void start(uint32_t apic_id, uint64_t page)
{
    struct pcpu *pcpu = pcpu_create(pcpu_count, apic_id);
    const char *said;

    if (!pcpu) {
        print("Nestor: no memory for the CPU with APIC id %u: it is left out\n", apic_id);
        return;
    }
    fill_page(page, pcpu);
    said = wake(apic_id, page);
    if (said == joined)
        pcpus[pcpu_count++] = pcpu;
    else
        print("Nestor: the CPU with APIC id %u is left out: %s\n", apic_id, said ? said : "it does not start");
}

/* How many pCPUs the command line allows. */
static unsigned wanted(const struct boot_info *info)
{
    char text[8];
    unsigned n = 0;

    if (!boot_option(info, "cpus", text, sizeof text))
        return MAX_PCPUS;
    for (const char *c = text; *c >= '0' && *c <= '9' && n <= MAX_PCPUS; c++)
        n = n * 10 + (unsigned)(*c - '0');
    if (n >= 1 && n <= MAX_PCPUS)
        return n;
    print("Nestor: cpus=%s on the command line: expected 1 to %u; all are used\n", text, MAX_PCPUS);
    return MAX_PCPUS;
}

void smp_start(const struct boot_info *info)
{
    struct acpi_cpu_iterator iterator = {0};
    uint64_t page = find_page(info);
    unsigned most = wanted(info);
    struct acpi_cpu cpu;

    virt->capabilities(&first);
    while (pcpu_count < most && acpi_cpu_next(&iterator, &cpu)) {
        if (!cpu.enabled || cpu.apic_id == pcpus[0]->apic_id)
            continue;
        if (!page) {
            print("Nestor: no free page below 1 MiB to start other CPUs from: only one is used\n");
            return;
        }
        start(cpu.apic_id, page);
    }
}

/* What a pCPU must have in common with the boot CPU: all that guests may have been promised. */
static const char *check(void)
{
    const char *why;

    if (!virt->probe(&why))
        return why;
    own.caps = 0;
    virt->capabilities(&own);
    if (own.caps != first.caps || memcmp(own.cap, first.cap, first.caps * sizeof *first.cap))
        return "its virtualization capabilities differ from the boot CPU's";
    return NULL;
}

/* On the new pCPU, on its own stack. */
_Noreturn void ap_main(void)
{
    struct pcpu *pcpu = pcpu_this();
    const char *error;

    pcpu_init(pcpu);
    lapic_init_pcpu();
    error = check();
    if (!error)
        error = virt->pcpu_enable(pcpu);
    answer = error ? error : joined;
    if (error)
        x86_halt();
    kernel_lock_enter();
    thread_dispatch();
}
