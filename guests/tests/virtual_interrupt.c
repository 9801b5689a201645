/* Virtual-interrupt delivery: RVI and SVI against the virtual PPR, delivery, EOI, and self-IPIs. */
#include <string.h>

#include "guests/lib/lab/lab.h"
#include "guests/tests/apic.h"

#define EVALUATION "Evaluation of Pending Virtual Interrupts"
#define DELIVERY "Virtual-Interrupt Delivery"
#define NEEDS_DELIVERY                                                                                                 \
    NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES, PROC2_VIRTUAL_INTERRUPT_DELIVERY, NOT(PROC_CR8_LOAD),       \
          NOT(PROC_CR8_STORE))

/* ---- The virtual-APIC page -------------------------------------------------------------------------------------- */

/* Bit of a vector in VISR or VIRR. */
static volatile uint32_t *word_of(unsigned registers, unsigned vector)
{
    return apic_virtual(registers + vector / 32 * 16);
}

static void set_bit(unsigned registers, unsigned vector) { *word_of(registers, vector) |= 1u << vector % 32; }

static bool is_set(unsigned registers, unsigned vector) { return *word_of(registers, vector) >> vector % 32 & 1; }

/* What was delivered, in order. */
static unsigned taken[4], count;

static void note(struct interrupt_frame *frame)
{
    if (count < sizeof taken / sizeof *taken)
        taken[count] = (unsigned)frame->vector;
    count++;
}

static void begin(void)
{
    count = 0;
    lab_may_change(GUEST_INTERRUPT_STATUS);
    apic_begin();
    lab_set(PROC2_VIRTUAL_INTERRUPT_DELIVERY);
}

/* A vector is requested, as the highest one; another is in service, unless 0. */
static void request(unsigned vector, unsigned in_service)
{
    set_bit(APIC_IRR, vector);
    if (in_service)
        set_bit(APIC_ISR, in_service);
    trap_set_handler((uint8_t)vector, note);
    lab_write(GUEST_INTERRUPT_STATUS, in_service << 8 | vector);
}

static void open_window(void) { __asm__ volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory"); }

/* After an exit, the field is what it was there. */
static void expect_status(unsigned requested, unsigned in_service)
{
    OBSERVE(cpu_id(0, 0));
    EXPECT_EQ(lab_read(GUEST_INTERRUPT_STATUS), in_service << 8 | requested);
}

static void expect_taken(unsigned vector)
{
    EXPECT_NO_EXIT();
    EXPECT_EQ(count, 1);
    EXPECT_EQ(taken[0], vector);
    EXPECT(!is_set(APIC_IRR, vector));
    EXPECT(is_set(APIC_ISR, vector));
    EXPECT_EQ(*apic_virtual(APIC_PPR), vector & 0xf0);
}

static void expect_pending(unsigned vector)
{
    EXPECT_NO_EXIT();
    EXPECT_EQ(count, 0);
    EXPECT(is_set(APIC_IRR, vector));
    EXPECT(!is_set(APIC_ISR, vector));
}

/* ---- Delivery --------------------------------------------------------------------------------------------------- */

static const uint8_t vectors[] = {0x20, 0x2f, 0x30, 0x41, 0x5e, 0x7f, 0x90, 0xa5, 0xc8, 0xef, 0xf0, 0xff};
#define VECTORS AXIS("20", "2f", "30", "41", "5e", "7f", "90", "a5", "c8", "ef", "f0", "ff")
static const struct feature_axis vector_axes[] = {VECTORS, {0}};

FEATURE_GRID(virtual_deliver, VMX, NEEDS_DELIVERY, DELIVERY,
             "a requested interrupt is delivered when interrupts are on, and is in service then", vector_axes)
{
    begin();
    request(vectors[at[0]], 0);
    OBSERVE(open_window());
    expect_taken(vectors[at[0]]);
    expect_status(0, vectors[at[0]]);
}

FEATURE_GRID(virtual_closed, VMX, NEEDS_DELIVERY, DELIVERY, "with interrupts off it is not", vector_axes)
{
    begin();
    request(vectors[at[0]], 0);
    OBSERVE(insn_nop(); insn_nop());
    expect_pending(vectors[at[0]]);
    expect_status(vectors[at[0]], 0);
}

static const struct feature_axis shadow_axes[] = {AXIS("sti", "mov-ss"), {0}};

FEATURE_GRID(virtual_blocked, VMX, NEEDS_DELIVERY, DELIVERY,
             "nor with interrupts blocked by STI or MOV SS, for one instruction", shadow_axes)
{
    begin();
    request(0x41, 0);
    if (at[0])
        OBSERVE(__asm__ volatile("movw %%ss, %%ax\n\tmovw %%ax, %%ss\n\tsti\n\tcli" : : : "rax", "memory"));
    else
        OBSERVE(__asm__ volatile("sti\n\tcli" : : : "memory"));
    expect_pending(0x41);
}

FEATURE_TEST(virtual_halt, VMX,
             NEEDS(PROC_TPR_SHADOW, PROC2_VIRTUALIZE_APIC_ACCESSES, PROC2_VIRTUAL_INTERRUPT_DELIVERY,
                   NOT(PROC_CR8_LOAD), NOT(PROC_CR8_STORE), NOT(PROC_HLT)),
             DELIVERY, "it ends the HLT state")
{
    begin();
    lab_clear(PROC_HLT);
    request(0x41, 0);
    OBSERVE(__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory"));
    expect_taken(0x41);
}

FEATURE_TEST(virtual_window, VMX, NEEDS_DELIVERY, EVALUATION,
             "with interrupt-window exiting nothing is recognized: the window exits")
{
    begin();
    request(0x41, 0);
    lab_set(PROC_INTERRUPT_WINDOW);
    OBSERVE(open_window());
    EXPECT_EXIT(EXIT_INTERRUPT_WINDOW);
    EXPECT_EQ(count, 0);
    EXPECT(is_set(APIC_IRR, 0x41));
}

/* ---- Priority --------------------------------------------------------------------------------------------------- */

static const uint8_t requests[] = {0x20, 0x3f, 0x40, 0x5f, 0xf0},
                     priorities[] = {0x00, 0x1f, 0x20, 0x30, 0x3f, 0x40, 0x50, 0xef, 0xf0};
#define REQUESTS AXIS("20", "3f", "40", "5f", "f0")
#define PRIORITIES AXIS("00", "1f", "20", "30", "3f", "40", "50", "ef", "f0")
static const struct feature_axis priority_axes[] = {REQUESTS, PRIORITIES, {0}};

FEATURE_GRID(virtual_tpr, VMX, NEEDS_DELIVERY, EVALUATION,
             "only a request of a class above that of the TPR is recognized", priority_axes)
{
    const unsigned vector = requests[at[0]], tpr = priorities[at[1]];

    begin();
    *apic_virtual(APIC_TPR) = tpr;
    request(vector, 0);
    OBSERVE(open_window());
    if (vector >> 4 > tpr >> 4)
        expect_taken(vector);
    else
        expect_pending(vector);
}

static bool can_be_in_service(const unsigned *at)
{
    return priorities[at[1]] >= 0x20 && priorities[at[1]] != requests[at[0]];
}

FEATURE_GRID(virtual_isr, VMX, NEEDS_DELIVERY, EVALUATION,
             "only a request of a class above that of the vector in service is recognized", priority_axes,
             .exists = can_be_in_service)
{
    const unsigned vector = requests[at[0]], in_service = priorities[at[1]];

    begin();
    request(vector, in_service);
    OBSERVE(open_window());
    if (vector >> 4 > in_service >> 4)
        expect_taken(vector);
    else
        expect_pending(vector);
}

FEATURE_GRID(virtual_lower, VMX, NEEDS_DELIVERY, "TPR Virtualization",
             "a TPR that is lowered lets the request in, by MOV to CR8 without an exit", vector_axes)
{
    begin();
    *apic_virtual(APIC_TPR) = 0xf0;
    request(vectors[at[0]], 0);
    OBSERVE(open_window());
    expect_pending(vectors[at[0]]);
    OBSERVE(insn_write_cr8(1); open_window());
    expect_taken(vectors[at[0]]);
}

FEATURE_TEST(virtual_order, VMX, NEEDS_DELIVERY, DELIVERY,
             "the next request is the highest in VIRR, and waits for the EOI")
{
    begin();
    set_bit(APIC_IRR, 0x33);
    set_bit(APIC_IRR, 0x55);
    trap_set_handler(0x33, note);
    trap_set_handler(0x55, note);
    request(0x77, 0);
    OBSERVE(open_window());
    expect_taken(0x77);
    expect_status(0x55, 0x77);
    OBSERVE(apic_write(APIC_EOI, 0); open_window(); apic_write(APIC_EOI, 0); open_window());
    EXPECT_NO_EXIT();
    EXPECT_EQ(count, 3);
    EXPECT_EQ(taken[1], 0x55);
    EXPECT_EQ(taken[2], 0x33);
    expect_status(0, 0x33);
}

/* ---- EOI -------------------------------------------------------------------------------------------------------- */

static const struct feature_axis eoi_axes[] = {VECTORS, AXIS("pass", "exit", "others-exit"), {0}};

FEATURE_GRID(virtual_eoi, VMX, NEEDS_DELIVERY, "EOI Virtualization",
             "an EOI ends the service, and exits if its vector's bit is set", eoi_axes)
{
    static const uint64_t bitmaps[] = {EOI_EXIT_BITMAP_0, EOI_EXIT_BITMAP_1, EOI_EXIT_BITMAP_2, EOI_EXIT_BITMAP_3};
    const unsigned vector = vectors[at[0]];
    struct exit_record e;

    begin();
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t bit = i == vector / 64 ? 1ull << vector % 64 : 0;

        lab_write(bitmaps[i], at[1] == 0 ? 0 : at[1] == 1 ? bit : ~bit);
    }
    set_bit(APIC_ISR, vector);
    lab_write(GUEST_INTERRUPT_STATUS, vector << 8);
    e = OBSERVE(apic_write(APIC_EOI, 0x55));
    if (at[1] == 1) {
        EXPECT_EXIT(EXIT_VIRTUALIZED_EOI);
        EXPECT_BITS(e.qualification, 0xff, vector);
    } else {
        EXPECT_NO_EXIT();
    }
    EXPECT(!is_set(APIC_ISR, vector));
    EXPECT_EQ(*apic_virtual(APIC_EOI), 0);
    EXPECT_EQ(*apic_virtual(APIC_PPR), 0);
    expect_status(0, 0);
}

FEATURE_TEST(virtual_eoi_next, VMX, NEEDS_DELIVERY, "EOI Virtualization",
             "the next vector in service is the highest that is left in VISR")
{
    begin();
    set_bit(APIC_ISR, 0x31);
    set_bit(APIC_ISR, 0x52);
    set_bit(APIC_ISR, 0xa3);
    lab_write(GUEST_INTERRUPT_STATUS, 0xa3 << 8);
    OBSERVE(apic_write(APIC_EOI, 0));
    EXPECT_NO_EXIT();
    EXPECT_EQ(*apic_virtual(APIC_PPR), 0x50);
    expect_status(0, 0x52);
}

/* ---- Self-IPIs -------------------------------------------------------------------------------------------------- */

enum { ICR_SELF = 1 << 18, ICR_ASSERT = 1 << 14 };

FEATURE_GRID(virtual_self, VMX, NEEDS_DELIVERY, "Self-IPI Virtualization",
             "a fixed interrupt that a guest sends to itself is requested without an exit", vector_axes)
{
    const unsigned vector = vectors[at[0]];

    begin();
    trap_set_handler((uint8_t)vector, note);
    OBSERVE(apic_write(APIC_ICR, ICR_SELF | ICR_ASSERT | vector); open_window());
    expect_taken(vector);
    expect_status(0, vector);
}

static const struct icr_row {
    const char *label;
    uint32_t icr;
} icr_rows[] = {
    {"no-shorthand", ICR_ASSERT | 0x41},         {"all", ICR_ASSERT | 2 << 18 | 0x41},
    {"others", ICR_ASSERT | 3 << 18 | 0x41},     {"lowest", ICR_SELF | ICR_ASSERT | 0x141},
    {"nmi", ICR_SELF | ICR_ASSERT | 0x441},      {"level", ICR_SELF | ICR_ASSERT | 1 << 15 | 0x41},
    {"vector-0f", ICR_SELF | ICR_ASSERT | 0x0f},
};

FEATURE_TESTS(virtual_icr, VMX, NEEDS_DELIVERY, "APIC-Write Emulation", "any other command exits behind the write",
              icr_rows)
{
    begin();
    trap_set_handler(0x41, note);
    OBSERVE(apic_write(APIC_ICR, row->icr));
    EXPECT_EXIT(EXIT_APIC_WRITE);
    EXPECT_BITS(lab_seen.exit[0].qualification, 0xfff, APIC_ICR);
    EXPECT_EQ(*apic_virtual(APIC_ICR), row->icr);
    EXPECT_EQ(count, 0);
    EXPECT_EQ(*word_of(APIC_IRR, 0x41), 0);
}
