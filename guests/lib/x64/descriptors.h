/* GDT, TSS and IDT of a 64-bit guest. */
#ifndef GUESTS_LIB_X64_DESCRIPTORS_H
#define GUESTS_LIB_X64_DESCRIPTORS_H

#include <stdint.h>

/* Selectors in the GDT of crt0.asm. */
enum {
    SELECTOR_CODE = 0x08,
    SELECTOR_DATA = 0x10,
    SELECTOR_USER_DATA = 0x18 | 3,
    SELECTOR_USER_CODE = 0x20 | 3,
    SELECTOR_TSS = 0x28,
};

/* Manual: "64-Bit Task State Segment (TSS)". */
struct __attribute__((packed)) tss64 {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; /* ist[0] is IST1: the double fault's, for a stack that ran over */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
};

extern struct tss64 guest_tss;

/* Loads the TSS, and an IDT with a gate for each vector that leads to interrupt_dispatch(). */
void descriptors_setup(void);

/* Loads the same IDT on another vCPU. It has no TSS: it stays in ring 0, and a stack that runs over is its end. */
void descriptors_load_idt(void);

#endif
