#include "kernel/cpu/pcpu.h"

#include "drivers/lapic.h"
#include "kernel/cpu/context.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/space.h"
#include "kernel/cpu/trace.h"
#include "kernel/cpu/trap.h"
#include "lib/x86.h"
#include "sched/policy.h"

_Static_assert(offsetof(struct pcpu, regs) == 0, "known to entry.asm");
_Static_assert(offsetof(struct pcpu, stack_top) == 8, "known to entry.asm");
_Static_assert(sizeof(struct pcpu) <= PCPU_STRUCT_PAGES * PAGE_BYTES, "the guard page comes next");

struct pcpu *pcpus[MAX_PCPUS];
unsigned pcpu_count;

extern const char syscall_stubs[];
_Noreturn void run_on_stack(void *stack, void (*f)(void));

uint64_t pcpu_syscall_entry(const struct pcpu *pcpu)
{
    enum { STUB_BYTES = 16 };

    return (uint64_t)syscall_stubs + ((uint64_t)pcpu - PCPU_BASE) / PCPU_BYTES * STUB_BYTES;
}

/* Backs `pages` pages that end at offset `top` of the block. */
static bool map_pages(uint64_t block, uint64_t top, unsigned pages)
{
    for (uint64_t va = block + top - pages * PAGE_BYTES; va < block + top; va += PAGE_BYTES) {
        hpa_t page = mm_page_alloc(&mm_kernel_account, 0);

        if (hpa_is_none(page) || mm_table_map(&space_kernel, va, page, PAGE_BYTES, MM_READ | MM_WRITE | MM_GLOBAL))
            return false;
    }
    return true;
}

static void fill_gdt(struct pcpu *pcpu)
{
    uint64_t base = (uint64_t)&pcpu->tss, limit = sizeof pcpu->tss - 1;

    pcpu->gdt[SEL_KERNEL_CS / 8] = 0x00af9b000000ffff;
    pcpu->gdt[SEL_KERNEL_DS / 8] = 0x00cf93000000ffff;
    pcpu->gdt[SEL_USER_DS / 8] = 0x00cff3000000ffff;
    pcpu->gdt[SEL_USER_CS / 8] = 0x00affb000000ffff;
    pcpu->gdt[SEL_TSS / 8] = limit | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    pcpu->gdt[SEL_TSS / 8 + 1] = base >> 32;
}

/* A block is never used for another CPU: one that did not join may still come to life on it. */
struct pcpu *pcpu_create(uint32_t apic_id)
{
    static unsigned blocks;
    uint64_t block = PCPU_BASE + blocks * PCPU_BYTES;
    struct pcpu *pcpu = (struct pcpu *)block;

    if (blocks == MAX_PCPUS)
        return NULL;
    blocks++;
    if (!map_pages(block, PCPU_STRUCT_PAGES * PAGE_BYTES, PCPU_STRUCT_PAGES) || !map_pages(block, PCPU_DF_STACK_TOP, 1) ||
        !map_pages(block, PCPU_NMI_STACK_TOP, 1) || !map_pages(block, PCPU_MC_STACK_TOP, 1) ||
        !map_pages(block, PCPU_STACK_TOP, PCPU_STACK_PAGES) || !trace_init_pcpu(pcpu))
        return NULL;
    pcpu->apic_id = apic_id;
    pcpu->stack_top = (uint64_t)pcpu_exit_slots(pcpu);
    sched_queue_init(&pcpu->queue);
    list_init(&pcpu->dying);
    pcpu->tss.rsp[0] = pcpu->stack_top;
    pcpu->tss.ist[0] = block + PCPU_DF_STACK_TOP;
    pcpu->tss.ist[1] = block + PCPU_NMI_STACK_TOP;
    pcpu->tss.ist[2] = block + PCPU_MC_STACK_TOP;
    pcpu->tss.io_map_base = sizeof pcpu->tss; /* no bitmap: ring 3 has no ports */
    return pcpu;
}

void pcpu_join(struct pcpu *pcpu)
{
    static struct sched_machine machine;

    pcpu->id = pcpu_count;
    sched_join(&machine, &pcpu->queue);
    pcpus[pcpu_count++] = pcpu;
}

static void load_gdt(struct pcpu *pcpu)
{
    struct gdt_pointer pointer = {sizeof pcpu->gdt - 1, (uint64_t)pcpu->gdt};

    __asm__ volatile("lgdt %0\n"
                     "push %q1\n"
                     "lea 1f(%%rip), %%rax\n"
                     "push %%rax\n"
                     "lretq\n"
                     "1: mov %2, %%ds\n"
                     "mov %2, %%es\n"
                     "mov %2, %%ss\n"
                     "mov %3, %%fs\n"
                     "mov %3, %%gs\n"
                     "ltr %w4\n"
                     :
                     : "m"(pointer), "r"((uint64_t)SEL_KERNEL_CS), "r"(SEL_KERNEL_DS), "r"(0), "r"(SEL_TSS)
                     : "rax", "memory");
}

/* SYSCALL and SYSRET: "SYSCALL—Fast System Call" (Intel), "SYSCALL and SYSRET MSRs" (AMD). */
static void set_syscall(struct pcpu *pcpu)
{
    x86_wrmsr(MSR_EFER, x86_rdmsr(MSR_EFER) | EFER_SCE);
    x86_wrmsr(MSR_STAR, (uint64_t)(SEL_KERNEL_DS | 3) << 48 | (uint64_t)SEL_KERNEL_CS << 32);
    x86_wrmsr(MSR_LSTAR, pcpu_syscall_entry(pcpu));
    x86_wrmsr(MSR_CSTAR, 0);
    x86_wrmsr(MSR_SFMASK, RFLAGS_IF | RFLAGS_DF | RFLAGS_AC | RFLAGS_TF | RFLAGS_NT);
    x86_wrmsr(MSR_KERNEL_GS_BASE, 0);
}

/* LTR wants a TSS that is not busy. */
void pcpu_load_tables(struct pcpu *pcpu)
{
    fill_gdt(pcpu);
    load_gdt(pcpu);
    trap_init();
    set_syscall(pcpu);
}

void pcpu_init(struct pcpu *pcpu)
{
    uint64_t cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_MCE;

    space_init_pcpu();
    pcpu_load_tables(pcpu);
    trap_use_ist();
    x86_write_cr0((x86_read_cr0() & ~(CR0_EM | CR0_TS | CR0_CD | CR0_NW)) | CR0_MP | CR0_NE | CR0_WP);
    cr4 |= cpu_features.smep ? CR4_SMEP : 0;
    cr4 |= cpu_features.smap ? CR4_SMAP : 0;
    cr4 |= cpu_features.pge ? CR4_PGE : 0;
    cr4 |= cpu_features.umip ? CR4_UMIP : 0;
    x86_write_cr4(x86_read_cr4() | cr4);
    context_init_pcpu();
    pcpu->space_loaded = x86_read_cr3();
}

void pcpu_kick(struct pcpu *pcpu)
{
    if (pcpu != pcpu_this())
        lapic_send_fixed(pcpu->apic_id, PCPU_KICK_VECTOR);
}

_Noreturn void pcpu_run_on_stack(struct pcpu *pcpu, void (*f)(void)) { run_on_stack((void *)pcpu->stack_top, f); }
