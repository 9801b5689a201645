/*
 * Exits while an event is being delivered: what was to be delivered is in the IDT-vectoring information. Double and triple
 * faults. "Information for VM Exits That Occur During Event Delivery".
 */
#include "guests/lib/lab/lab.h"

#include <string.h>

enum { IDT_PAGE = 0, HANDLER_PAGE = 1, GATE_PRESENT = 0x80, ERROR_EXT = 1, ERROR_IDT = 2 };
#define NOT_CANONICAL 0x8000000000000000ull

/* Events that code raises. */
static const struct event {
    const char *code;
    unsigned code_length, vector, type;
    bool has_error, contributory, external; /* external: EXT is set in the error codes of what comes of it */
    unsigned length;                        /* of the instruction, for software events */
    uint64_t rax;
} events[] = {
#define CODE(bytes) (bytes), sizeof(bytes) - 1
    {CODE("\xcd\x80"), 0x80, EVENT_SOFTWARE_INTERRUPT, false, false, false, 2, 0},
    {CODE("\xcc"), EXCEPTION_BP, EVENT_SOFTWARE_EXCEPTION, false, false, false, 1, 0},
    {CODE("\xf1"), EXCEPTION_DB, EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, false, false, true, 1, 0},
    {CODE("\x0f\x0b"), EXCEPTION_UD, EVENT_HARDWARE_EXCEPTION, false, false, true, 0, 0},
    {CODE("\xf7\xf0"), EXCEPTION_DE, EVENT_HARDWARE_EXCEPTION, false, true, true, 0, 0},
    {CODE("\x8a\x00"), EXCEPTION_GP, EVENT_HARDWARE_EXCEPTION, true, true, true, 0, NOT_CANONICAL},
};
#define EVENT_LABELS "int", "int3", "icebp", "ud", "de", "gp"
enum { EVENT_ICEBP = 2, EVENT_DE = 4, EVENT_GP };

/* What is wrong with the event's gate, the page of the IDT, or the handler. */
enum obstacle { GATE_ABSENT, GATE_TYPE, GATE_SELECTOR, IDT_LIMIT, IDT_ABSENT, IDT_EPT, TSS_LIMIT };
#define OBSTACLE_LABELS "gate-absent", "gate-type", "gate-selector", "idt-limit", "idt-page-absent", "idt-ept", "tss-limit"

static uint64_t run_code(const struct event *event, struct exit_record *e)
{
    struct code_registers registers = {.rax = event->rax};
    uint64_t where = code_put((const uint8_t *)event->code, event->code_length);

    *e = OBSERVE(code_run(&registers));
    return where;
}

static void load_idt(void *base, unsigned limit)
{
    const struct table_register idt = {(uint16_t)limit, (uint64_t)base};

    __asm__ volatile("lidt %0" : : "m"(idt) : "memory");
}

/* An IDT of our own, on a page of its own; the linear address may be another. */
static struct gate *make_idt(uint64_t flags)
{
    memcpy(page_scratch(IDT_PAGE), tables_idt, sizeof tables_idt);
    load_idt(page_map(IDT_PAGE, (uint64_t)page_scratch(IDT_PAGE), flags), sizeof tables_idt - 1);
    return page_scratch(IDT_PAGE);
}

static struct gate *open_idt(void) { return make_idt(PAGE_PRESENT | PAGE_WRITE | PAGE_USER); }

/* The limit ends before the TSS has its first IST entry. */
static void shorten_tss(void)
{
    enum { AVAILABLE = 0x89, BEFORE_IST = 0x20 };
    uint64_t *descriptor = &tables_gdt[SELECTOR_TSS / 8];

    *descriptor = (*descriptor & ~0xffffull & ~(0xffull << 40)) | (uint64_t)AVAILABLE << 40 | BEFORE_IST;
    __asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS) : "memory");
    lab_may_change(GUEST_TR_LIMIT);
}

/* Makes it so, and returns the exception that comes of it; for IDT_EPT it is none. */
static unsigned hinder(enum obstacle obstacle, const struct event *event, uint64_t *error)
{
    struct gate *gate;

    *error = (uint64_t)event->vector << 3 | ERROR_IDT | (event->external ? ERROR_EXT : 0);
    switch (obstacle) {
    case GATE_ABSENT:
        gate = open_idt() + event->vector;
        gate->type &= (uint8_t)~GATE_PRESENT;
        return EXCEPTION_NP;
    case GATE_TYPE:
        gate = open_idt() + event->vector;
        gate->type = GATE_PRESENT | 2;
        return EXCEPTION_GP;
    case GATE_SELECTOR:
        gate = open_idt() + event->vector;
        gate->selector = SELECTOR_DATA;
        *error = SELECTOR_DATA | (event->external ? ERROR_EXT : 0);
        return EXCEPTION_GP;
    case IDT_LIMIT:
        open_idt();
        load_idt(page_scratch(IDT_PAGE), event->vector ? event->vector * sizeof(struct gate) - 1 : 0);
        return EXCEPTION_GP;
    case IDT_ABSENT:
        make_idt(0);
        *error = 0;
        return EXCEPTION_PF;
    case IDT_EPT:
        open_idt();
        lab_nested_write((uint64_t)page_scratch(IDT_PAGE), 1, 0);
        return 0;
    case TSS_LIMIT:
        open_idt();
        shorten_tss();
        *error = SELECTOR_TSS | (event->external ? ERROR_EXT : 0);
        return EXCEPTION_TS;
    }
    return 0;
}

static void expect_vectoring(const struct event *event, const struct exit_record *e, uint64_t where)
{
    EXPECT_EQ(e->vectoring_info, EVENT(event->type, event->vector) | (event->has_error ? EVENT_ERROR_CODE : 0));
    if (event->has_error)
        EXPECT_EQ(e->vectoring_error, 0);
    if (event->length)
        EXPECT_EQ(e->instruction_length, event->length);
    EXPECT_EQ(e->rip, where);
}

static const struct feature_axis vectoring_axes[] = {AXIS(EVENT_LABELS), AXIS(OBSTACLE_LABELS), {0}};

/* #GP within #GP is not there: with its bit set, the first exits. */
static bool vectoring_exists(const unsigned *at)
{
    return at[0] != EVENT_GP || (at[1] != GATE_TYPE && at[1] != GATE_SELECTOR && at[1] != IDT_LIMIT);
}

/* INT1 as the cause: manuals differ on its EXT. */
FEATURE_GRID(exception_vectoring, VMX, NEEDS(), "IDT-Vectoring Information",
             "the exception or EPT violation that delivering an event causes exits, and tells what was to be delivered", vectoring_axes,
             .exists = vectoring_exists)
{
    const struct event *event = &events[at[0]];
    uint64_t error, where, idt_linear = (uint64_t)page_map(IDT_PAGE, 0, 0), ext = at[0] == EVENT_ICEBP ? ERROR_EXT : 0;
    unsigned second = hinder(at[1], event, &error);
    struct exit_record e;

    lab_trap_exceptions(second ? 1u << second : 0);
    where = run_code(event, &e);
    if (at[1] == IDT_EPT) {
        EXPECT_EXIT(EXIT_EPT_VIOLATION);
        EXPECT_EQ(e.physical / PAGE_BYTES, (uint64_t)page_scratch(IDT_PAGE) / PAGE_BYTES);
        EXPECT_BITS(e.qualification, EPT_READ | EPT_WRITE | EPT_FETCH | EPT_LINEAR_VALID | EPT_TRANSLATED,
                    EPT_READ | EPT_LINEAR_VALID | EPT_TRANSLATED);
    } else {
        EXPECT_EXIT(EXIT_EXCEPTION_NMI);
        EXPECT_EQ(e.interruption_info, EVENT(EVENT_HARDWARE_EXCEPTION, second) | EVENT_ERROR_CODE);
        EXPECT_EQ(e.interruption_error | ext, error | ext);
    }
    if (second == EXCEPTION_PF)
        EXPECT_EQ(e.qualification / sizeof(struct gate), idt_linear / sizeof(struct gate) + event->vector);
    expect_vectoring(event, &e, where);
}

/* ---- Double faults ----------------------------------------------------------------------------------------------- */

enum { BIT_SECOND, BIT_DOUBLE, BIT_FIRST, BIT_NONE };
static const struct feature_axis double_axes[] = {AXIS("de", "gp"), AXIS("gate-absent", "gate-type"),
                                                  AXIS("second", "double", "first", "none"), {0}};

static bool double_exists(const unsigned *at) { return !at[0] || !at[1]; }

FEATURE_GRID(exception_double, VMX, NEEDS(), "Information for VM Exits That Occur During Event Delivery",
             "of a contributory exception within another: what exits is the one whose bit is set, or the double fault is delivered",
             double_axes, .exists = double_exists)
{
    const struct event *event = &events[at[0] ? EVENT_GP : EVENT_DE];
    uint64_t error, where;
    unsigned second = hinder(at[1] ? GATE_TYPE : GATE_ABSENT, event, &error);
    unsigned vector[] = {second, EXCEPTION_DF, event->vector};
    struct exit_record e;

    if (at[2] == BIT_NONE) {
        lab_trap_exceptions(~(1u << second | 1u << EXCEPTION_DF | 1u << event->vector));
        run_code(event, &e);
        EXPECT_FAULT(EXCEPTION_DF, 0);
        return;
    }
    lab_trap_exceptions(1u << vector[at[2]]);
    where = run_code(event, &e);
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EQ(e.rip, where);
    EXPECT_EQ(e.interruption_info, EVENT(EVENT_HARDWARE_EXCEPTION, vector[at[2]]) |
                                       (at[2] == BIT_FIRST && !event->has_error ? 0 : EVENT_ERROR_CODE));
    if (at[2] == BIT_SECOND)
        expect_vectoring(event, &e, where);
    else
        EXPECT_BITS(e.vectoring_info, EVENT_VALID, 0); /* not "during event delivery" */
    if (at[2] != BIT_SECOND)
        EXPECT_EQ(e.interruption_error, 0);
}

/* ---- Triple faults ----------------------------------------------------------------------------------------------- */

static const struct feature_axis triple_axes[] = {AXIS(EVENT_LABELS), AXIS("idt-limit-0", "idt-absent"), {0}};

FEATURE_GRID(exception_triple, VMX, NEEDS(), "Basic VM-Exit Information",
             "a triple fault exits whatever the bitmap says, at the instruction, and nothing was being delivered", triple_axes)
{
    const struct event *event = &events[at[0]];
    struct exit_record e;
    uint64_t where;

    if (at[1])
        make_idt(0);
    else
        load_idt(page_scratch(IDT_PAGE), 0);
    where = run_code(event, &e);
    EXPECT_EXIT(EXIT_TRIPLE_FAULT);
    EXPECT_EXITS(1);
    EXPECT_EQ(e.rip, where);
    EXPECT_EQ(e.qualification, 0);
    EXPECT_BITS(e.vectoring_info, EVENT_VALID, 0);
}

FEATURE_GRID(exception_quadruple, VMX, NEEDS(), "Exception Bitmap",
             "with the bit of the double fault, that exits before there is a third", triple_axes)
{
    const struct event *event = &events[at[0]];
    struct exit_record e;

    if (at[1])
        make_idt(0);
    else
        load_idt(page_scratch(IDT_PAGE), 0);
    lab_trap_exceptions(1u << EXCEPTION_DF);
    run_code(event, &e);
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EQ(e.interruption_info, EVENT(EVENT_HARDWARE_EXCEPTION, EXCEPTION_DF) | EVENT_ERROR_CODE);
    EXPECT_EQ(e.interruption_error, 0);
}

/* ---- Behind the delivery ----------------------------------------------------------------------------------------- */

static const struct feature_axis event_axes[] = {AXIS(EVENT_LABELS), {0}};

FEATURE_GRID(exception_handler_fetch, VMX, NEEDS(), "Information for VM Exits That Occur During Event Delivery",
             "an exit by the first instruction of the handler is not one during delivery", event_axes)
{
    const struct event *event = &events[at[0]];
    struct gate *gate = open_idt() + event->vector;
    uint64_t handler = (uint64_t)page_map(HANDLER_PAGE, 0, 0);
    struct exit_record e;

    gate->offset_low = (uint16_t)handler;
    gate->offset_middle = (uint16_t)(handler >> 16);
    gate->offset_high = (uint32_t)(handler >> 32);
    lab_trap_exceptions(1u << EXCEPTION_PF);
    run_code(event, &e);
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EQ(e.interruption_info, EVENT(EVENT_HARDWARE_EXCEPTION, EXCEPTION_PF) | EVENT_ERROR_CODE);
    EXPECT_EQ(e.rip, handler);
    EXPECT_BITS(e.vectoring_info, EVENT_VALID, 0);
}
