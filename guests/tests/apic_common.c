#include "guests/tests/apic.h"

#include <string.h>

#include "guests/lib/lab/lab.h"

enum { PAGE = 0, UNTOUCHED = 0x5a };

void apic_begin(void)
{
    memset(page_scratch(PAGE), 0, PAGE_BYTES);
    memset((void *)APIC_ADDRESS, UNTOUCHED, PAGE_BYTES);
    LAB_WRITE({VIRTUAL_APIC_ADDRESS, (uint64_t)page_scratch(PAGE)}, {APIC_ACCESS_ADDRESS, APIC_ADDRESS},
              {TPR_THRESHOLD, 0});
    lab_nested_write(APIC_ADDRESS, 1, lab_nested_read(APIC_ADDRESS, 1)); /* its translation is forgotten */
    lab_set(PROC_TPR_SHADOW);
    lab_clear(PROC_CR8_LOAD);
    lab_clear(PROC_CR8_STORE);
    lab_set(PROC2_VIRTUALIZE_APIC_ACCESSES);
}

volatile uint32_t *apic_virtual(unsigned offset) { return (volatile uint32_t *)((char *)page_scratch(PAGE) + offset); }

void apic_expect_memory(void)
{
    const uint64_t *word = (const uint64_t *)APIC_ADDRESS, untouched = UNTOUCHED * 0x0101010101010101ull;
    unsigned i = 0;

    lab_clear(PROC2_VIRTUALIZE_APIC_ACCESSES);
    while (i < PAGE_BYTES / sizeof *word && word[i] == untouched)
        i++;
    EXPECT_EQ(i, PAGE_BYTES / sizeof *word);
}
