/*
 * Posted interrupts, as far as a guest can see them by itself. "Posted-Interrupt Processing" begins with an
 * interrupt of the notification vector at the CPU: nobody sends one, so what is posted in the descriptor stays there.
 */
#include <string.h>

#include "guests/lib/lab/lab.h"

#define MANUAL "Posted-Interrupt Processing"

enum {
    VECTOR = 0xf2,
    POSTED = 0x51,
    ON_AT = 32 /* byte of the descriptor with ON, bit 0 */,
    DESCRIPTOR_BYTES = 64,
    RVI_OFF = 0
};

static unsigned taken;

static void take(struct interrupt_frame *frame)
{
    (void)frame;
    taken++;
}

static void take_control(uint64_t what, uint64_t value)
{
    struct lab_refusal refusal;

    if (!lab_try(what, value, &refusal))
        SKIP("Nestor keeps PIN_POSTED_INTERRUPTS: %s", refusal.why);
}

/* A descriptor with one posted interrupt, in a page or at its end. */
static uint8_t *begin(unsigned offset, bool on)
{
    uint8_t *descriptor = (uint8_t *)page_scratch(1) + offset;

    memset(page_scratch(0), 0, PAGE_BYTES);
    memset(descriptor, 0, DESCRIPTOR_BYTES);
    descriptor[POSTED / 8] = 1 << POSTED % 8;
    descriptor[ON_AT] = on;
    taken = 0;
    trap_set_handler(POSTED, take);
    LAB_WRITE({TPR_THRESHOLD, 0}, {VIRTUAL_APIC_ADDRESS, (uint64_t)page_scratch(0)}, {GUEST_INTERRUPT_STATUS, RVI_OFF});
    take_control(POSTED_INTERRUPT_VECTOR, VECTOR);
    take_control(POSTED_INTERRUPT_DESCRIPTOR, (uint64_t)descriptor);
    lab_set(PROC_TPR_SHADOW);
    lab_set(PROC2_VIRTUAL_INTERRUPT_DELIVERY);
    lab_set(EXITC_ACKNOWLEDGE_INTERRUPT);
    take_control(PIN_CONTROLS, lab_read(PIN_CONTROLS) | lab_control_bit(PIN_POSTED_INTERRUPTS));
    return descriptor;
}

#define NEEDS_POSTED                                                                                                   \
    NEEDS(PIN_POSTED_INTERRUPTS, PROC_TPR_SHADOW, PROC2_VIRTUAL_INTERRUPT_DELIVERY, EXITC_ACKNOWLEDGE_INTERRUPT)

static const struct place {
    const char *label;
    unsigned offset;
} places[] = {{"first", 0}, {"second", DESCRIPTOR_BYTES}, {"last", PAGE_BYTES - DESCRIPTOR_BYTES}};

FEATURE_TESTS(posted_accepted, VMX, NEEDS_POSTED, "Checks on VM-Execution Control Fields",
              "an entry takes the control, a vector and a descriptor that is aligned to 64 bytes", places)
{
    begin(row->offset, false);
    OBSERVE(cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
}

static const struct waiting {
    const char *label;
    bool on;
} waitings[] = {{"notified-off", false}, {"notified-on", true}};

FEATURE_TESTS(
    posted_waits, VMX, NEEDS_POSTED, MANUAL,
    "without an interrupt of the notification vector nothing posted is taken, and the descriptor stays as it is",
    waitings)
{
    uint8_t *descriptor = begin(0, row->on), before[DESCRIPTOR_BYTES];

    memcpy(before, descriptor, sizeof before);
    OBSERVE(insn_sti(); insn_nop(); insn_nop(); insn_cli());
    EXPECT_NO_EXIT();
    EXPECT_EQ(taken, 0);
    EXPECT_EQ(memcmp(before, descriptor, sizeof before), 0);
    EXPECT_EQ(lab_read(GUEST_INTERRUPT_STATUS), RVI_OFF);
}

static const struct misplaced {
    const char *label;
    uint64_t field, value;
} misplaced[] = {
    {"descriptor-bit-0", POSTED_INTERRUPT_DESCRIPTOR, 1 << 0},
    {"descriptor-bit-5", POSTED_INTERRUPT_DESCRIPTOR, 1 << 5},
    {"vector-bit-8", POSTED_INTERRUPT_VECTOR, 1 << 8},
    {"vector-bit-15", POSTED_INTERRUPT_VECTOR, 1 << 15},
};

FEATURE_TESTS(posted_refused, VMX, NEEDS_POSTED, "Checks on VM-Execution Control Fields",
              "bits 5:0 of the descriptor's address and 15:8 of the vector have to be 0, or the entry is VMfail with 7",
              misplaced)
{
    uint64_t descriptor = (uint64_t)begin(0, false);

    OBSERVE(take_control(row->field, (row->field == POSTED_INTERRUPT_VECTOR ? VECTOR : descriptor) | row->value));
    EXPECT_EQ(lab_seen.exit[0].reason, LAB_VMFAIL | ENTRY_INVALID_CONTROLS);
}
