#include "guests/lib/x64/descriptors.h"

enum {
    VECTORS = 256,
    VECTOR_DF = 8,
    STUB_BYTES = 16,       /* of each entry in interrupts.asm */
    GATE_INTERRUPT = 0x8e, /* present, DPL 0, 64-bit interrupt gate */
    TSS_AVAILABLE = 0x89,  /* present, DPL 0, 64-bit TSS, not busy */
};

/* Manual: "64-Bit Mode IDT". */
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

extern uint64_t guest_gdt[];
extern const char interrupt_stubs[];

struct tss64 guest_tss;
static struct gate idt[VECTORS];
static char double_fault_stack[4096] __attribute__((aligned(16)));

static void load_tss(void)
{
    uint64_t base = (uint64_t)&guest_tss, limit = sizeof guest_tss - 1;
    uint64_t *descriptor = &guest_gdt[SELECTOR_TSS / 8];

    guest_tss.ist[0] = (uint64_t)(double_fault_stack + sizeof double_fault_stack);
    guest_tss.io_map = sizeof guest_tss; /* behind the limit: no port for ring 3 */
    descriptor[0] = limit | (base & 0xffffff) << 16 | (uint64_t)TSS_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
    descriptor[1] = base >> 32;
    __asm__ volatile("ltr %0" : : "r"((uint16_t)SELECTOR_TSS) : "memory");
}

void descriptors_load_idt(void)
{
    struct table_pointer pointer = {sizeof idt - 1, (uint64_t)idt};

    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

static void fill_idt(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint64_t offset = (uint64_t)interrupt_stubs + vector * STUB_BYTES;

        idt[vector] = (struct gate){
            .offset_low = (uint16_t)offset,
            .selector = SELECTOR_CODE,
            .ist = vector == VECTOR_DF,
            .type = GATE_INTERRUPT,
            .offset_middle = (uint16_t)(offset >> 16),
            .offset_high = (uint32_t)(offset >> 32),
        };
    }
    descriptors_load_idt();
}

void descriptors_setup(void)
{
    load_tss();
    fill_idt();
}
