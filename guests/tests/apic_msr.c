/* Virtualized x2APIC mode: RDMSR of 800H to 8FFH reads the virtual-APIC page. Writes are not the lab's to let pass. */
#include "guests/lib/lab/lab.h"
#include "guests/tests/apic.h"

#define MSR_ACCESSES "Virtualizing MSR-Based APIC Accesses"

enum { X2APIC_FIRST = 0x800, VALUE_SHIFT = 32 };
#define VALUE 0x89abcdef01234567ull

/* Numbers below 800H; most are no register of an APIC. */
static const uint8_t numbers[] = {0x00, 0x02, 0x03, 0x08, 0x0a, 0x0b, 0x0d, 0x0f, 0x10, 0x17, 0x18, 0x20, 0x27,
                                  0x28, 0x2f, 0x30, 0x31, 0x32, 0x37, 0x38, 0x39, 0x3e, 0x3f, 0x40, 0x80, 0xff};
#define NUMBERS                                                                                                       \
    AXIS("800", "802", "803", "808", "80a", "80b", "80d", "80f", "810", "817", "818", "820", "827", "828", "82f",     \
         "830", "831", "832", "837", "838", "839", "83e", "83f", "840", "880", "8ff")
static const struct feature_axis read_axes[] = {NUMBERS, AXIS("exit", "pass"), {0}};

/* `registers`: with APIC-register virtualization. */
static uint64_t read_of(unsigned number, bool exits, bool registers)
{
    uint64_t seen = 0;

    apic_begin();
    lab_clear(PROC2_VIRTUALIZE_APIC_ACCESSES);
    lab_set(PROC2_VIRTUALIZE_X2APIC);
    if (registers)
        lab_set(PROC2_APIC_REGISTER_VIRTUALIZATION);
    *apic_virtual(number * 16) = (uint32_t)VALUE;
    *apic_virtual(number * 16 + 4) = VALUE >> VALUE_SHIFT;
    lab_trap_rdmsr(X2APIC_FIRST + number, exits);
    lab_set(PROC_MSR_BITMAPS);
    OBSERVE(seen = insn_rdmsr(X2APIC_FIRST + number));
    return seen;
}

FEATURE_GRID(apic_msr_read, VMX,
             NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_X2APIC, PROC2_APIC_REGISTER_VIRTUALIZATION, PROC_MSR_BITMAPS,
                   NOT(PROC2_VIRTUALIZE_APIC_ACCESSES), NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE)),
             MSR_ACCESSES,
             "with APIC-register virtualization each of the 256 MSRs reads 8 bytes of the page, unless it exits",
             read_axes)
{
    const uint64_t seen = read_of(numbers[at[0]], at[1] == 0, true);

    if (at[1] == 0) {
        EXPECT_EXIT(EXIT_RDMSR);
    } else {
        EXPECT_NO_EXIT();
        EXPECT_EQ(seen, VALUE);
    }
}

static const struct feature_axis tpr_axes[] = {AXIS("exit", "pass"), {0}};

FEATURE_GRID(apic_msr_tpr, VMX,
             NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_X2APIC, PROC_MSR_BITMAPS, NOT(PROC2_VIRTUALIZE_APIC_ACCESSES),
                   NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE)),
             MSR_ACCESSES, "without it the TPR alone does", tpr_axes)
{
    const uint64_t seen = read_of(APIC_TPR / 16, at[0] == 0, false);

    if (at[0] == 0) {
        EXPECT_EXIT(EXIT_RDMSR);
    } else {
        EXPECT_NO_EXIT();
        EXPECT_EQ(seen, VALUE);
    }
}
