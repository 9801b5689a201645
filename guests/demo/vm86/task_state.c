/* What the processor checks for the monitor: the pages and the ports that the task may use. */
#include "guests/demo/vm86/vm86.h"

enum {
    PAGE_BYTES = 4096,
    TABLE_ENTRIES = 1024,
    PAGE_PRESENT = 1 << 0,
    PAGE_WRITABLE = 1 << 1,
    PAGE_USER = 1 << 2,

    PORT_SERIAL_DATA = 0x3f8,
    PORT_SERIAL_LSR = 0x3fd,
    PORTS = 0x400, /* that the bitmap has bits for; those above are refused */
};

#define CR0_PG (1ul << 31)

/* Manual: "I/O Permission Bit Map". A 1 refuses; the byte at its end must be all ones. */
static struct {
    struct tss32 tss;
    uint8_t bitmap[PORTS / 8 + 1];
} task_state;

static uint32_t page_directory[TABLE_ENTRIES] __attribute__((aligned(PAGE_BYTES)));
static uint32_t page_table[TABLE_ENTRIES] __attribute__((aligned(PAGE_BYTES)));

void task_state_enable_paging(void)
{
    uint32_t cr0;

    for (uint32_t page = 0; page < TABLE_ENTRIES; page++) {
        uint32_t address = page * PAGE_BYTES;
        bool is_task = address == 0 || address == (uint32_t)task_segment;

        page_table[page] = address | PAGE_PRESENT | PAGE_WRITABLE | (is_task ? PAGE_USER : 0);
    }
    page_directory[0] = (uint32_t)page_table | PAGE_PRESENT | PAGE_WRITABLE | PAGE_USER;
    __asm__ volatile("mov %0, %%cr3" : : "r"(page_directory) : "memory");
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | CR0_PG) : "memory");
}

static void allow_port(unsigned port) { task_state.bitmap[port / 8] &= (uint8_t) ~(1u << port % 8); }

struct tss32 *task_state_load_tss(void)
{
    for (unsigned i = 0; i < sizeof task_state.bitmap; i++)
        task_state.bitmap[i] = 0xff;
    allow_port(PORT_SERIAL_DATA);
    allow_port(PORT_SERIAL_LSR);
    task_state.tss.io_map = sizeof task_state.tss;
    descriptors_load_tss(&task_state.tss, sizeof task_state.tss + sizeof task_state.bitmap);
    return &task_state.tss;
}
