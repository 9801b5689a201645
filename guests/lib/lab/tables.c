#include "guests/lib/lab/tables.h"

#include <stddef.h>
#include <string.h>

#include "guests/lib/lab/trap.h"

enum {
    VECTOR_DF = 8,
    STUB_BYTES = 16, /* of each entry in trap.asm */
    STACK_BYTES = 8192,
    IST_DOUBLE_FAULT = 1,
    IST_TRAP = 2, /* of all others: a test's stack pointer may be anything */
    TSS_AVAILABLE = 0x89,
    LDT_PRESENT = 0x82,
    DATA_ENTRIES = 1,
};

extern const char trap_stubs[];

uint64_t tables_gdt[TABLES_GDT_ENTRIES];
struct gate tables_idt[256];
struct tables_tss tables_tss;

static uint64_t ldt[DATA_ENTRIES];
static char stacks[3][STACK_BYTES] __attribute__((aligned(16)));
static bool ports_changed = true;

static void put_system(unsigned selector, unsigned type, const void *base, uint64_t limit)
{
    uint64_t address = (uint64_t)base;

    tables_gdt[selector / 8] =
        limit | (address & 0xffffff) << 16 | (uint64_t)type << 40 | (address >> 24 & 0xff) << 56;
    tables_gdt[selector / 8 + 1] = address >> 32;
}

static void fill_gdt(void)
{
    static const uint64_t flat[] = {
        [SELECTOR_CODE / 8] = 0x00af9a000000ffff,         [SELECTOR_DATA / 8] = 0x00cf92000000ffff,
        [SELECTOR_USER_DATA / 8] = 0x00cff2000000ffff,    [SELECTOR_USER_CODE / 8] = 0x00affa000000ffff,
        [SELECTOR_CODE_32 / 8] = 0x00cf9a000000ffff,      [SELECTOR_CODE_16 / 8] = 0x00009a000000ffff,
        [SELECTOR_DATA_16 / 8] = 0x000092000000ffff,      [SELECTOR_USER_CODE_32 / 8] = 0x00cffa000000ffff,
    };

    for (unsigned i = 0; i < TABLES_GDT_ENTRIES; i++)
        tables_gdt[i] = i < sizeof flat / sizeof *flat ? flat[i] : 0;
    ldt[0] = flat[SELECTOR_DATA / 8];
    put_system(SELECTOR_TSS, TSS_AVAILABLE, &tables_tss, sizeof tables_tss - 1);
    put_system(SELECTOR_LDT, LDT_PRESENT, ldt, sizeof ldt - 1);
}

static void make_gates(struct gate gates[256])
{
    for (unsigned vector = 0; vector < 256; vector++) {
        uint64_t offset = (uint64_t)trap_stubs + vector * STUB_BYTES;

        gates[vector] = (struct gate){
            .offset_low = (uint16_t)offset,
            .selector = SELECTOR_CODE,
            .ist = vector == VECTOR_DF ? IST_DOUBLE_FAULT : IST_TRAP,
            .type = vector == TRAP_USER_LEAVE ? GATE_INTERRUPT | GATE_DPL_3 : GATE_INTERRUPT,
            .offset_middle = (uint16_t)(offset >> 16),
            .offset_high = (uint32_t)(offset >> 32),
        };
    }
}

/* Each row has them anew, so they are made once. */
static void fill_idt(void)
{
    static struct gate gates[256];

    if (!gates[0].selector)
        make_gates(gates);
    memcpy(tables_idt, gates, sizeof tables_idt);
}

static void fill_tss(void)
{
    tables_tss.tss = (struct tss64){.io_map = offsetof(struct tables_tss, io)};
    tables_tss.tss.rsp[0] = (uint64_t)stacks[1];
    tables_tss.tss.ist[IST_DOUBLE_FAULT - 1] = (uint64_t)stacks[2];
    tables_tss.tss.ist[IST_TRAP - 1] = (uint64_t)(stacks[2] + STACK_BYTES);
    if (ports_changed)
        for (unsigned i = 0; i < sizeof tables_tss.io; i++)
            tables_tss.io[i] = 0xff;
    ports_changed = false;
}

static void load(void)
{
    const struct table_register gdt = {sizeof tables_gdt - 1, (uint64_t)tables_gdt};
    const struct table_register idt = {sizeof tables_idt - 1, (uint64_t)tables_idt};

    __asm__ volatile("lgdt %0\n\tlidt %1" : : "m"(gdt), "m"(idt) : "memory");
    __asm__ volatile("pushq %0\n\tleaq 1f(%%rip), %%rax\n\tpushq %%rax\n\tlretq\n1:\n\t"
                     "movl %1, %%ds\n\tmovl %1, %%es\n\tmovl %1, %%ss\n\tmovl %1, %%fs\n\tmovl %1, %%gs\n\t"
                     "lldt %w2\n\tltr %w3"
                     :
                     : "i"(SELECTOR_CODE), "r"(SELECTOR_DATA), "r"(0), "r"(SELECTOR_TSS)
                     : "rax", "memory");
}

void tables_reset(void)
{
    fill_gdt();
    fill_idt();
    fill_tss();
    load();
}

void tables_allow_port(uint16_t port, bool allowed)
{
    uint8_t bit = (uint8_t)(1u << port % 8);

    ports_changed = true;
    tables_tss.io[port / 8] = (uint8_t)(allowed ? tables_tss.io[port / 8] & ~bit : tables_tss.io[port / 8] | bit);
}
