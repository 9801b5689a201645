/*
 * Posted interrupts, with a guest of the probe. "Posted-Interrupt Processing" begins with an interrupt of the
 * notification vector at the CPU: nobody sends one, so what is posted in the descriptor stays there.
 */
#include <string.h>

#include "guests/lib/lab/lab.h"

#define CHECKS "Checks on VM-Execution Control Fields"
#define NEEDS_POSTED                                                                                                   \
    NEEDS(PIN_POSTED_INTERRUPTS, PROC_TPR_SHADOW, PROC2_VIRTUAL_INTERRUPT_DELIVERY, EXITC_ACKNOWLEDGE_INTERRUPT)

enum { VECTOR = 0xf2, POSTED = 0x51, DESCRIPTOR_BYTES = 64, OUTSTANDING = 32 /* the byte with ON in bit 0 */ };

/* STI; NOP; NOP; CPUID. The descriptor has one posted interrupt, which would exit in its delivery: the guest has no
 * IDT. */
static struct entry_block begin(unsigned offset, bool outstanding)
{
    struct entry_block block = probe_guest_begin((const uint8_t *)"\xfb\x90\x90\x0f\xa2", 5);
    uint8_t *descriptor = probe_guest_data() + offset;
    uint64_t virtual_apic = 0;

    descriptor[POSTED / 8] = 1 << POSTED % 8;
    descriptor[OUTSTANDING] = outstanding;
    block.read(block.context, STATE_SCRATCH_PAGE, &virtual_apic);
    block.write(block.context, VIRTUAL_APIC_ADDRESS, virtual_apic);
    block.write(block.context, TPR_THRESHOLD, 0);
    block.write(block.context, GUEST_INTERRUPT_STATUS, 0);
    block.write(block.context, POSTED_INTERRUPT_VECTOR, VECTOR);
    block.write(block.context, POSTED_INTERRUPT_DESCRIPTOR, probe_guest_data_address() + offset);
    probe_guest_control(&block, PROC_TPR_SHADOW);
    probe_guest_control(&block, PROC2_VIRTUAL_INTERRUPT_DELIVERY);
    probe_guest_control(&block, EXITC_ACKNOWLEDGE_INTERRUPT);
    probe_guest_control(&block, PIN_POSTED_INTERRUPTS);
    return block;
}

static const struct place {
    const char *label;
    unsigned offset;
    bool outstanding;
} places[] = {
    {"first", 0, false},
    {"second", DESCRIPTOR_BYTES, false},
    {"last", PAGE_BYTES - DESCRIPTOR_BYTES, false},
    {"outstanding", 0, true},
};

FEATURE_TESTS(probe_posted, VMX, NEEDS_POSTED, "Posted-Interrupt Processing",
              "without an interrupt of the notification vector nothing posted is taken, and the descriptor stays",
              places)
{
    uint8_t before[DESCRIPTOR_BYTES];
    struct probe_result result;

    begin(row->offset, row->outstanding);
    memcpy(before, probe_guest_data() + row->offset, sizeof before);
    result = probe_guest_enter();
    EXPECT(result.exited);
    EXPECT_EQ(result.reason, EXIT_CPUID);
    EXPECT_EQ(memcmp(before, probe_guest_data() + row->offset, sizeof before), 0);
    EXPECT_EQ(probe_guest_field(GUEST_INTERRUPT_STATUS), 0);
}

static const struct refused {
    const char *label;
    uint32_t field;
    uint64_t bits;
} refused[] = {
    {"descriptor-bit-0", POSTED_INTERRUPT_DESCRIPTOR, 1 << 0},
    {"descriptor-bit-5", POSTED_INTERRUPT_DESCRIPTOR, 1 << 5},
    {"vector-bit-8", POSTED_INTERRUPT_VECTOR, 1 << 8},
    {"vector-bit-15", POSTED_INTERRUPT_VECTOR, 1 << 15},
};

FEATURE_TESTS(probe_posted_refused, VMX, NEEDS_POSTED, CHECKS,
              "bits 5:0 of the descriptor's address and 15:8 of the vector have to be 0, or the entry is VMfail with 7",
              refused)
{
    struct entry_block block = begin(0, false);
    struct probe_result result;

    probe_guest_set(&block, row->field, row->bits);
    result = probe_guest_enter();
    EXPECT(!result.exited);
    EXPECT_EQ(result.error, ENTRY_INVALID_CONTROLS);
}

static const struct missing {
    const char *label;
    enum feature_need control;
} missing[] = {
    {"virtual-interrupt-delivery", PROC2_VIRTUAL_INTERRUPT_DELIVERY},
    {"acknowledge-interrupt", EXITC_ACKNOWLEDGE_INTERRUPT},
};

FEATURE_TESTS(
    probe_posted_alone, VMX, NEEDS_POSTED, CHECKS,
    "posted interrupts need virtual-interrupt delivery and acknowledgement on exit, or the entry is VMfail with 7",
    missing)
{
    struct entry_block block = begin(0, false);
    uint32_t field = (uint32_t)lab_control_field(row->control);
    struct probe_result result;
    uint64_t value = 0;

    block.read(block.context, field, &value);
    block.write(block.context, field, value & ~lab_control_bit(row->control));
    result = probe_guest_enter();
    EXPECT(!result.exited);
    EXPECT_EQ(result.error, ENTRY_INVALID_CONTROLS);
}
