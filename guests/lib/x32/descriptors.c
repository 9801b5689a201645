#include "guests/lib/x32/descriptors.h"

enum {
    VECTORS = 256,
    STUB_BYTES = 16,       /* of each entry in interrupts.asm */
    GATE_INTERRUPT = 0x8e, /* present, DPL 0, 32-bit interrupt gate */
};

/* Manual: "IDT Descriptors". */
struct gate {
    uint16_t offset_low, selector;
    uint8_t reserved, type;
    uint16_t offset_high;
};

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint32_t base;
};

extern uint64_t guest_gdt[];
extern const char interrupt_stubs[];

static struct gate idt[VECTORS];
static struct tss32 default_tss;

uint64_t descriptor_make(const void *base, uint32_t limit, uint8_t type)
{
    const uint64_t default_32_bit = 1ull << 54;
    uint64_t address = (uint32_t)base;

    return (limit & 0xffff) | (address & 0xffffff) << 16 | (uint64_t)type << 40 | (uint64_t)(limit >> 16 & 0xf) << 48 |
           default_32_bit | (address >> 24) << 56;
}

void descriptor_set(uint16_t selector, uint64_t descriptor) { guest_gdt[selector / 8] = descriptor; }

void descriptors_load_tss(struct tss32 *tss, uint32_t bytes)
{
    tss->ss0 = SELECTOR_DATA;
    descriptor_set(SELECTOR_TSS, descriptor_make(tss, bytes - 1, DESCRIPTOR_TSS));
    __asm__ volatile("ltr %0" : : "r"((uint16_t)SELECTOR_TSS) : "memory");
}

static void load_idt(void)
{
    struct table_pointer pointer = {sizeof idt - 1, (uint32_t)idt};

    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint32_t offset = (uint32_t)interrupt_stubs + vector * STUB_BYTES;

        idt[vector] = (struct gate){
            .offset_low = (uint16_t)offset,
            .selector = SELECTOR_CODE,
            .type = GATE_INTERRUPT,
            .offset_high = (uint16_t)(offset >> 16),
        };
    }
    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

void descriptors_setup(void)
{
    default_tss.io_map = sizeof default_tss; /* behind the limit: no port for ring 3 */
    descriptors_load_tss(&default_tss, sizeof default_tss);
    load_idt();
}
