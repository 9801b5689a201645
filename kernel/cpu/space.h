/* The kernel's half of all address spaces, and the tasks' halves on top of it. */
#ifndef KERNEL_CPU_SPACE_H
#define KERNEL_CPU_SPACE_H

#include "kernel/boot/info.h"
#include "mm/table.h"

struct pcpu;

/* Kernel memory that maps devices. */
#define SPACE_DEVICES 0xffffff9000000000ull

/* The kernel's own table: what a task's table shares from slot 256 up. */
extern struct mm_table space_kernel;

/*
 * Builds the final table: all RAM in the direct map (not executable; kernel text and constants read-only there, too), the
 * kernel's image with the rights of each part, and makes it current. Panics when memory is out. */
void space_init(const struct boot_info *info);

/* The memory types that page tables choose from, on this pCPU; space_init does it for the boot CPU. */
void space_init_pcpu(void);

/* Maps physical memory for good, uncached; physical and bytes need no alignment. NULL when memory is out. */
volatile void *space_map_device(uint64_t physical, uint64_t bytes);

/* The same for a frame buffer: writes may be put together, and come late. */
volatile void *space_map_frame(uint64_t physical, uint64_t bytes);

/* Where the kernel sees physical memory that may be RAM or not, for reading: acpi_init's map function. */
const void *space_map_any(uint64_t physical, uint64_t bytes);

/* Makes `table` the current one of this pCPU. */
void space_load(struct pcpu *pcpu, const struct mm_table *table);

/* Gives `table` the kernel's half. */
void space_share_kernel(struct mm_table *table);

#endif
