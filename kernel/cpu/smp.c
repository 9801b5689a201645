#include "kernel/cpu/smp.h"

#include "drivers/acpi.h"
#include "drivers/clock.h"
#include "drivers/lapic.h"
#include "kernel/boot/info.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/cpu/space.h"
#include "kernel/lock.h"
#include "kernel/provoke.h"
#include "kernel/vm/thread.h"
#include "kernel/vm/virt_ops.h"
#include "lib/print.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/direct.h"

#define KERNEL_BASE 0xffffffff80000000ull

/* The last one is long, as an emulator's CPUs are threads that may have to wait for their turn; only a dead CPU costs it. */
enum { INIT_WAIT_US = 10000, STARTUP_WAIT_US = 200, ANSWER_WAIT_US = 1000000 };

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

/* The pCPU that is being started, as long as the boot CPU waits for it; and what it says: both under the kernel lock, but
 * that the boot CPU looks at the answer without it. */
static _Atomic(struct pcpu *) starting;
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

/* Without the kernel lock: who is up already needs it to go to sleep, and who comes up to join. */
static void wait_us(uint64_t us)
{
    uint64_t end = x86_rdtsc() + clock_ticks_from_us(us);

    kernel_lock_leave();
    while (x86_rdtsc() < end && !answer)
        __builtin_ia32_pause();
    kernel_lock_enter();
}

static bool provoked_by(const struct pcpu *pcpu, enum provoked_cpu how)
{
    return provoked_cpu == how && pcpu->apic_id == PROVOKED_APIC_ID;
}

/* INIT, start-up IPI, and a second one for CPUs that missed the first. Returns what the pCPU said, or NULL. */
static const char *wake(struct pcpu *pcpu, uint64_t page)
{
    uint8_t number = (uint8_t)(page >> PAGE_SHIFT);

    answer = NULL;
    starting = pcpu;
    lapic_send_init(pcpu->apic_id);
    wait_us(INIT_WAIT_US);
    if (!provoked_by(pcpu, PROVOKED_SILENT))
        lapic_send_startup(pcpu->apic_id, number);
    wait_us(STARTUP_WAIT_US);
    if (!answer && !provoked_by(pcpu, PROVOKED_SILENT))
        lapic_send_startup(pcpu->apic_id, number);
    wait_us(ANSWER_WAIT_US);
    starting = NULL;
    return answer;
}

static void start(uint32_t apic_id, uint64_t page)
{
    struct pcpu *pcpu = pcpu_create(apic_id);
    const char *said;

    if (!pcpu) {
        print("Nestor: the CPU with APIC id %u is left out: there is no room for it\n", apic_id);
        return;
    }
    fill_page(page, pcpu);
    said = wake(pcpu, page);
    if (said != joined)
        print("Nestor: the CPU with APIC id %u is left out: %s\n", apic_id, said ? said : "it does not start");
    if (!said)
        lapic_send_init(apic_id); /* should it wake up yet: not on a stack, or a page, that is another's by then */
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

static bool is_up(uint32_t apic_id)
{
    for (unsigned i = 0; i < pcpu_count; i++)
        if (pcpus[i]->apic_id == apic_id)
            return true;
    return false;
}

void smp_start(const struct boot_info *info)
{
    struct acpi_cpu_iterator iterator = {0};
    uint64_t page = find_page(info);
    unsigned most = wanted(info), more = 0;
    struct acpi_cpu cpu;

    virt->capabilities(&first);
    while (acpi_cpu_next(&iterator, &cpu)) {
        if (!cpu.enabled || is_up(cpu.apic_id))
            continue; /* some firmware tells of a CPU twice */
        if (pcpu_count == most || !page)
            more++;
        else if (!lapic_can_reach(cpu.apic_id))
            print("Nestor: the CPU with APIC id %u is left out: it needs x2APIC\n", cpu.apic_id);
        else
            start(cpu.apic_id, page);
    }
    if (!page && more)
        print("Nestor: no free page below 1 MiB to start other CPUs from: only one is used\n");
    else if (more && most == MAX_PCPUS)
        print("Nestor: %u more CPUs are left out: %u is the most\n", more, MAX_PCPUS);
}

/* Turns virtualization on. What a pCPU must have in common with the boot CPU is all that guests may have been promised;
 * compared when it is on, as it is there, because that changes registers that firmware had left open. */
static const char *enable(struct pcpu *pcpu)
{
    const char *why;

    if (virt->probe(&why))
        why = virt->pcpu_enable(pcpu);
    if (why)
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
    error = enable(pcpu);
    while (provoked_by(pcpu, PROVOKED_LATE) && starting == pcpu)
        __builtin_ia32_pause();
    kernel_lock_enter();
    if (error || starting != pcpu) {
        if (starting == pcpu)
            answer = error;
        kernel_lock_leave();
        x86_halt();
    }
    pcpu_join(pcpu);
    answer = joined;
    thread_dispatch();
}
