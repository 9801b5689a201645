#include "kernel/cpu/space.h"

#include "config/abi.h"
#include "kernel/cpu/features.h"
#include "kernel/cpu/panic.h"
#include "kernel/cpu/pcpu.h"
#include "lib/x86.h"
#include "mm/direct.h"

#define KERNEL_BASE 0xffffffff80000000ull

extern const char kernel_text_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];

struct mm_table space_kernel;

/* The image, the pCPUs' blocks and the devices are all below one top-level slot, which tasks share from their start. */
enum { SPACE_TOP_SLOT = 511 };

static uint64_t next_device = SPACE_DEVICES;

static void map(uint64_t va, uint64_t physical, uint64_t bytes, unsigned rights)
{
    int error = mm_table_map(&space_kernel, va, HPA(physical), bytes, rights | MM_GLOBAL);

    if (error)
        panic("mapping %llx for the kernel: %s", (unsigned long long)va,
              error == -ABI_ENOMEM ? "out of memory" : "not possible");
}

/* One part of the kernel's image: at its link address with its rights, and in the direct map without write or execute. */
static void map_image(const char *from, const char *to, unsigned rights)
{
    uint64_t va = (uint64_t)from, bytes = (uint64_t)to - va;

    map(va, va - KERNEL_BASE, bytes, rights);
    if (!(rights & MM_WRITE) && mm_table_protect(&space_kernel, mm_direct_base + va - KERNEL_BASE, bytes, MM_READ | MM_GLOBAL))
        panic("write-protecting the kernel's image: out of memory");
}

/* Maps what is not mapped yet of [start, end) in the direct map, in runs of whole pages. */
static void map_direct(uint64_t start, uint64_t end)
{
    struct mm_mapping m;

    start = align_down(start, PAGE_BYTES);
    end = align_up(end < MM_DIRECT_LIMIT ? end : MM_DIRECT_LIMIT, PAGE_BYTES);
    while (start < end) {
        uint64_t run = start;

        while (run < end && !mm_table_lookup(&space_kernel, mm_direct_base + run, &m))
            run += is_aligned(run, 2 * MIB) && end - run >= 2 * MIB ? 2 * MIB : PAGE_BYTES;
        if (run > start)
            map(mm_direct_base + start, start, run - start, MM_READ | MM_WRITE);
        start = run + PAGE_BYTES;
    }
}

static bool is_ram(uint32_t kind)
{
    return kind == BOOT_MEMORY_RAM || kind == BOOT_MEMORY_ACPI || kind == BOOT_MEMORY_NVS;
}

/*
 * "Programming the PAT": as after a reset, but for entries 1 and 2, WC and UC instead of WT and UC-. No page is mapped by these two
 * before, so neither a TLB nor a cache has to forget anything.
 */
void space_init_pcpu(void) { x86_wrmsr(MSR_PAT, 0x0007040600000106); }

void space_init(const struct boot_info *info)
{
    space_init_pcpu();
    if (mm_table_init(&space_kernel, &mm_format_host, &mm_kernel_account, cpu_features.page_1g) ||
        mm_table_populate_top(&space_kernel, SPACE_TOP_SLOT, SPACE_TOP_SLOT))
        panic("no memory for the kernel's page tables");
    for (unsigned i = 0; i < info->memories; i++)
        if (is_ram(info->memory[i].kind))
            map_direct(info->memory[i].start, info->memory[i].end);
    map_direct(0, MIB); /* firmware tables and the screen are there, in no memory map */
    map_image(kernel_text_start, kernel_text_end, MM_READ | MM_EXECUTE);
    map_image(kernel_text_end, kernel_rodata_end, MM_READ);
    map_image(kernel_rodata_end, kernel_end, MM_READ | MM_WRITE);
    x86_write_cr3(space_kernel.root.value);
}

static volatile void *map_foreign(uint64_t physical, uint64_t bytes, enum mm_right type)
{
    uint64_t offset = physical % PAGE_BYTES, va = next_device;

    bytes = align_up(offset + bytes, PAGE_BYTES);
    if (mm_table_map(&space_kernel, va, HPA(physical - offset), bytes, MM_READ | MM_WRITE | MM_GLOBAL | type))
        return NULL;
    next_device += bytes;
    return (volatile void *)(va + offset);
}

volatile void *space_map_device(uint64_t physical, uint64_t bytes) { return map_foreign(physical, bytes, MM_UNCACHED); }

volatile void *space_map_frame(uint64_t physical, uint64_t bytes) { return map_foreign(physical, bytes, MM_COMBINING); }

const void *space_map_any(uint64_t physical, uint64_t bytes)
{
    uint64_t end = physical + bytes;
    struct mm_mapping m;

    if (end < physical || end > MM_DIRECT_LIMIT)
        return NULL;
    for (uint64_t a = align_down(physical, PAGE_BYTES); a < end; a += PAGE_BYTES)
        if (!mm_table_lookup(&space_kernel, mm_direct_base + a, &m))
            return (const void *)space_map_device(physical, bytes);
    return mm_direct(HPA(physical));
}

void space_load(struct pcpu *pcpu, const struct mm_table *table)
{
    if (pcpu->space_loaded == table->root.value)
        return;
    pcpu->space_loaded = table->root.value;
    x86_write_cr3(pcpu->space_loaded);
}

void space_share_kernel(struct mm_table *table) { mm_table_copy_top(table, &space_kernel, 256, 511); }
