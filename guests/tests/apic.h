/* What the families of APIC virtualization share: an APIC-access page, the page that it stands for, and accesses. */
#ifndef GUESTS_TESTS_APIC_H
#define GUESTS_TESTS_APIC_H

#include <stdint.h>

/* Offsets of registers in either page: "Local APIC Register Address Map". */
enum apic_register {
    APIC_ID = 0x20, APIC_VERSION = 0x30, APIC_TPR = 0x80, APIC_APR = 0x90, APIC_PPR = 0xa0, APIC_EOI = 0xb0,
    APIC_RRD = 0xc0, APIC_LDR = 0xd0, APIC_DFR = 0xe0, APIC_SVR = 0xf0, APIC_ISR = 0x100, APIC_TMR = 0x180,
    APIC_IRR = 0x200, APIC_ESR = 0x280,
    APIC_CMCI = 0x2f0, APIC_ICR = 0x300, APIC_ICR_HIGH = 0x310, APIC_LVT_TIMER = 0x320, APIC_LVT_THERMAL = 0x330,
    APIC_LVT_PERFORMANCE = 0x340, APIC_LVT_LINT0 = 0x350, APIC_LVT_LINT1 = 0x360, APIC_LVT_ERROR = 0x370,
    APIC_INITIAL_COUNT = 0x380, APIC_CURRENT_COUNT = 0x390, APIC_DIVIDE = 0x3e0,
};

/* "Exit Qualification for APIC-Access VM Exits from Linear Accesses": bits 15:12 */
enum apic_access_type { ACCESS_TYPE_READ, ACCESS_TYPE_WRITE, ACCESS_TYPE_FETCH, ACCESS_TYPE_DELIVERY };
#define APIC_QUALIFICATION(type, offset) ((uint64_t)(type) << 12 | (uint64_t)(offset))

/* The guest-physical page that is the APIC-access page, by its linear address. */
#define APIC_ADDRESS 0x400000ull

/* TPR shadow and APIC accesses on, the virtual-APIC page zeroed and the other full of 5AH; CR8 does not exit. */
void apic_begin(void);

/* A doubleword of the virtual-APIC page, and of the memory behind the APIC-access page, as it is without. */
volatile uint32_t *apic_virtual(unsigned offset);
void apic_expect_memory(void); /* that nobody has written there; APIC accesses are off after that */

/* Accesses of 32 bits to the APIC-access page. */
static inline uint32_t apic_read(unsigned offset)
{
    uint32_t value;

    __asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(APIC_ADDRESS + offset) : "memory");
    return value;
}

static inline void apic_write(unsigned offset, uint32_t value)
{
    __asm__ volatile("movl %0, (%1)" : : "r"(value), "r"(APIC_ADDRESS + offset) : "memory");
}

#endif
