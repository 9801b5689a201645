/* Events that VMRUN injects into the guest: EVENTINJ. */
#include "guests/lib/lab/lab.h"

#define MANUAL "Event Injection"

enum type { INTR = 0, NMI = 2, EXCEPTION = 3, SOFTWARE = 4 };
enum { VALID = 1u << 31, ERROR_VALID = 1 << 11, TYPE_SHIFT = 8 };

static struct {
    volatile unsigned count;
    uint64_t vector, error, rip, flags;
} got;

static void note(struct interrupt_frame *frame)
{
    got.count++;
    got.vector = frame->vector;
    got.error = frame->error;
    got.rip = frame->ip;
    got.flags = frame->flags;
}

static uint64_t event(enum type type, unsigned vector) { return VALID | (uint64_t)type << TYPE_SHIFT | vector; }

static uint64_t event_error(unsigned vector, uint32_t error)
{
    return event(EXCEPTION, vector) | ERROR_VALID | (uint64_t)error << 32;
}

static const struct injection {
    const char *label;
    enum type type;
    unsigned vector;
    bool has_error;
} injections[] = {
    {"intr-20", INTR, 0x20, false},
    {"intr-30", INTR, 0x30, false},
    {"intr-7f", INTR, 0x7f, false},
    {"intr-80", INTR, 0x80, false},
    {"intr-ff", INTR, 0xff, false},
    {"nmi", NMI, 2, false},
    {"de", EXCEPTION, EXCEPTION_DE, false},
    {"db", EXCEPTION, EXCEPTION_DB, false},
    {"ud", EXCEPTION, EXCEPTION_UD, false},
    {"nm", EXCEPTION, EXCEPTION_NM, false},
    {"df", EXCEPTION, EXCEPTION_DF, true},
    {"ts", EXCEPTION, EXCEPTION_TS, true},
    {"np", EXCEPTION, EXCEPTION_NP, true},
    {"ss", EXCEPTION, EXCEPTION_SS, true},
    {"gp", EXCEPTION, EXCEPTION_GP, true},
    {"pf", EXCEPTION, EXCEPTION_PF, true},
    {"mf", EXCEPTION, EXCEPTION_MF, false},
    {"ac", EXCEPTION, EXCEPTION_AC, true},
    {"xm", EXCEPTION, EXCEPTION_XM, false},
    {"soft-40", SOFTWARE, 0x40, false},
    {"soft-ff", SOFTWARE, 0xff, false},
};

static void inject(const struct injection *row)
{
    uint64_t value = event(row->type, row->vector);

    if (row->has_error)
        value |= event_error(row->vector, 0x5678) & ~(uint64_t)VALID;
    lab_write(VMCB_EVENTINJ, value);
}

/* Software interrupts push the next RIP of the VMCB, where the CPU has that. */
static const uint16_t *needs_of(const void *row)
{
    static const uint16_t next_rip[] = {SVM_NRIP_SAVE, 0};

    return ((const struct injection *)row)->type == SOFTWARE ? next_rip : NULL;
}

FEATURE_TESTS(event_taken, SVM, NEEDS(), MANUAL, "the guest takes the event once, with its error code, before its next instruction", injections,
              .row_needs = needs_of)
{
    got.count = 0;
    trap_set_handler((uint8_t)row->vector, note);
    inject(row);
    EXPECT_EQ(got.count, 1);
    EXPECT_EQ(got.vector, row->vector);
    if (row->has_error)
        EXPECT_EQ(got.error, 0x5678);
}

FEATURE_TESTS(event_cleared, SVM, NEEDS(), MANUAL, "EVENTINJ.V is 0 after the exit", injections, .row_needs = needs_of)
{
    got.count = 0;
    trap_set_handler((uint8_t)row->vector, note);
    inject(row);
    EXPECT_EQ(got.count, 1);
    EXPECT_EQ(lab_read(VMCB_EVENTINJ) & VALID, 0);
}

FEATURE_TESTS(event_unintercepted, SVM, NEEDS(), MANUAL, "an injected exception does not exit, whatever is intercepted", injections,
              .row_needs = needs_of)
{
    got.count = 0;
    trap_set_handler((uint8_t)row->vector, note);
    lab_trap_exceptions(UINT32_MAX & ~(1u << 2));
    OBSERVE(inject(row));
    EXPECT_NO_EXIT();
    EXPECT_EQ(got.count, 1);
}

FEATURE_TEST(event_ignores_if, SVM, NEEDS(), MANUAL, "an injected interrupt is taken with IF 0")
{
    got.count = 0;
    trap_set_handler(0x50, note);
    insn_cli();
    lab_write(VMCB_EVENTINJ, event(INTR, 0x50));
    EXPECT_EQ(got.count, 1);
    EXPECT_BITS(got.flags, 1 << 9, 0);
}

FEATURE_TEST(event_none, SVM, NEEDS(), MANUAL, "without the valid bit nothing is injected")
{
    got.count = 0;
    trap_set_handler(0x50, note);
    lab_write(VMCB_EVENTINJ, event(INTR, 0x50) & ~(uint64_t)VALID);
    EXPECT_EQ(got.count, 0);
}

FEATURE_TEST(event_pf_cr2, SVM, NEEDS(), MANUAL, "an injected #PF leaves CR2 as it is")
{
    got.count = 0;
    trap_set_handler(EXCEPTION_PF, note);
    insn_write_cr2(0x1234);
    lab_write(VMCB_EVENTINJ, event_error(EXCEPTION_PF, 2));
    EXPECT_EQ(got.count, 1);
    EXPECT_EQ(insn_read_cr2(), 0x1234);
}

/* ---- In the delivery of an injected event ---- */

static const struct cut {
    const char *label;
    enum type type;
    unsigned vector;
} cuts[] = {{"intr", INTR, 0x50}, {"nmi", NMI, 2}, {"exception", EXCEPTION, EXCEPTION_UD}};

FEATURE_TESTS(event_cut_short, SVM, NEEDS(), "EXITINTINFO Pseudo-Code", "a fault in the delivery of an injected event is told with it", cuts)
{
    tables_idt[row->vector].selector = SELECTOR_FREE;
    tables_gdt[SELECTOR_FREE / 8] = 0x00af1a000000ffff; /* 64-bit code, not present */
    lab_trap_exceptions(1u << EXCEPTION_NP);
    struct exit_record e = OBSERVE(lab_write(VMCB_EVENTINJ, event(row->type, row->vector)));
    EXPECT_EXIT(VMEXIT_EXCEPTION(EXCEPTION_NP));
    EXPECT_EQ(e.vectoring_info & ~(uint32_t)ERROR_VALID, event(row->type, row->vector));
}

/* ---- What is refused ---- */

static const struct illegal {
    const char *label;
    uint64_t event;
} illegals[] = {
    {"type-1", VALID | 1 << TYPE_SHIFT | 0x20},
    {"type-5", VALID | 5 << TYPE_SHIFT | 0x20},
    {"type-6", VALID | 6 << TYPE_SHIFT | 0x20},
    {"type-7", VALID | 7 << TYPE_SHIFT | 0x20},
    {"exception-2", VALID | 3 << TYPE_SHIFT | 2},
    {"exception-32", VALID | 3 << TYPE_SHIFT | 32},
    {"exception-255", VALID | 3 << TYPE_SHIFT | 255},
};

FEATURE_TESTS(event_illegal, SVM, NEEDS(), MANUAL, "VMRUN refuses events that there are not: VMEXIT_INVALID", illegals)
{
    lab_may_change_all();
    struct exit_record e = OBSERVE(lab_write(VMCB_EVENTINJ, row->event));
    EXPECT_EQ((uint32_t)e.reason, (uint32_t)VMEXIT_INVALID);
    EXPECT_EQ(lab_seen.exits, 1);
}

FEATURE_TEST(event_illegal_code, SVM, NEEDS(), "SVM Intercept Exit Codes", "VMEXIT_INVALID is -1, in all 64 bits of EXITCODE")
{
    lab_may_change_all();
    OBSERVE(lab_write(VMCB_EVENTINJ, VALID | 1 << TYPE_SHIFT | 0x20));
    EXPECT_EXIT(VMEXIT_INVALID);
}

FEATURE_TEST(event_illegal_state, SVM, NEEDS(), "Canonicalization and Consistency Checks",
             "a VMRUN that is refused changes nothing of the guest's state in the VMCB")
{
    OBSERVE(lab_write(VMCB_EVENTINJ, VALID | 1 << TYPE_SHIFT | 0x20));
    EXPECT_EQ(lab_seen.exits, 1);
}

/* The same events without the valid bit are none. */
FEATURE_TESTS(event_illegal_invalid, SVM, NEEDS(), MANUAL, "what is not valid need not be legal", illegals)
{
    OBSERVE(lab_write(VMCB_EVENTINJ, row->event & ~(uint64_t)VALID));
    EXPECT_NO_EXIT();
}
