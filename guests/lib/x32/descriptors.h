/* GDT, TSS and IDT of a 32-bit guest. */
#ifndef GUESTS_LIB_X32_DESCRIPTORS_H
#define GUESTS_LIB_X32_DESCRIPTORS_H

#include <stdint.h>

/* Selectors in the GDT of crt0.asm. */
enum {
    SELECTOR_CODE = 0x08,
    SELECTOR_DATA = 0x10,
    SELECTOR_USER_DATA = 0x18 | 3,
    SELECTOR_USER_CODE = 0x20 | 3,
    SELECTOR_TSS = 0x28,
    SELECTOR_LDT = 0x30,
    SELECTOR_FREE = 0x38, /* for the guest */
};

/* Descriptor types with the present bit and DPL 0. */
enum {
    DESCRIPTOR_LDT = 0x82,
    DESCRIPTOR_TSS = 0x89,  /* 32 bit, not busy */
    DESCRIPTOR_DATA = 0x92, /* writable */
};

/* Manual: "Task-State Segment (TSS)". */
struct tss32 {
    uint32_t link;
    uint32_t esp0, ss0, esp1, ss1, esp2, ss2;
    uint32_t cr3, eip, eflags;
    uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs;
    uint32_t ldt;
    uint16_t trap, io_map;
};

/* A segment descriptor with a limit in bytes, below 1 MiB. */
uint64_t descriptor_make(const void *base, uint32_t limit, uint8_t type);

/* Puts a descriptor into the GDT. */
void descriptor_set(uint16_t selector, uint64_t descriptor);

/* Loads a TSS, and an IDT with a gate for each vector that leads to interrupt_dispatch(). */
void descriptors_setup(void);

/* Makes `bytes` at `tss` the TSS: a struct tss32, and what follows it. Sets its ss0. */
void descriptors_load_tss(struct tss32 *tss, uint32_t bytes);

#endif
