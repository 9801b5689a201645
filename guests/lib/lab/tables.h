/* GDT, TSS and IDT of a lab guest. Tests may change them in any way: each row begins with them as they were. */
#ifndef GUESTS_LIB_LAB_TABLES_H
#define GUESTS_LIB_LAB_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "guests/lib/x64/descriptors.h"

/* Selectors besides those of descriptors.h, which are the same here. */
enum {
    SELECTOR_CODE_32 = 0x38,          /* ring 0, flat 4 GiB */
    SELECTOR_CODE_16 = 0x40,          /* ring 0, base 0, 64 KiB */
    SELECTOR_DATA_16 = 0x48,          /* likewise */
    SELECTOR_USER_CODE_32 = 0x50 | 3,
    SELECTOR_LDT = 0x58,              /* LDT of one entry, a ring-0 data segment; two slots of the GDT */
    SELECTOR_TSS_32 = 0x68,           /* mode.c's, for virtual-8086 mode */
    SELECTOR_FREE = 0x70,             /* null: for the test, up to the end */
    TABLES_GDT_ENTRIES = 24,
};

struct __attribute__((packed)) table_register {
    uint16_t limit;
    uint64_t base;
};

/* "64-Bit Mode IDT" */
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

enum { GATE_INTERRUPT = 0x8e, GATE_TRAP = 0x8f, GATE_DPL_3 = 0x60 }; /* type: present, DPL 0 unless | GATE_DPL_3 */

extern uint64_t tables_gdt[TABLES_GDT_ENTRIES];
extern struct gate tables_idt[256];

struct __attribute__((packed)) tables_tss {
    struct tss64 tss;
    uint8_t io[8193]; /* a set bit: the port is not for CPL > IOPL. All are, and one byte more than there are ports */
};
extern struct tables_tss tables_tss;

/* Makes them, and loads them, and all segment registers. */
void tables_reset(void);

/* Whether CPL 3 may use a port, by the TSS. */
void tables_allow_port(uint16_t port, bool allowed);

#endif
