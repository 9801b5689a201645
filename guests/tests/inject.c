/*
 * Events injected at VM entry: every legal type and vector, what the guest's stack has, what the bitmap and the IDT make of
 * them. "Event Injection", "VM-Entry Controls for Event Injection". lab_write(ENTRY_INTERRUPTION_INFO) injects at its own end.
 */
#include "guests/lib/lab/lab.h"

/* External interrupts need IF: "Checks on Guest RIP, RFLAGS, and SSP". An NMI blocks NMIs up to the next IRET; with virtual
 * NMIs, where there are, none of the host's. */
static void prepare_flags(unsigned type)
{
    if (type == EVENT_EXTERNAL)
        cpu_interrupts_on();
    if (type == EVENT_NMI && feature_has(PIN_VIRTUAL_NMIS))
        lab_set(PIN_VIRTUAL_NMIS);
    lab_may_change(GUEST_RFLAGS);
    lab_may_change(GUEST_INTERRUPTIBILITY);
}

static struct interrupt_frame got;
static unsigned times, skipped;

/* Software events are delivered with RIP behind an instruction, which is none here. */
static void take(struct interrupt_frame *frame)
{
    got = *frame;
    times++;
    frame->ip -= skipped;
}

/* length: of the instruction that a software event pretends, else 0. */
static void prepare(uint8_t vector, unsigned length)
{
    trap_set_handler(vector, take);
    times = 0;
    skipped = length;
}

/* ---- Types and vectors ------------------------------------------------------------------------------------------- */

enum { EXTERNAL, SOFTWARE };
static const struct feature_axis vector_axes[] = {
    AXIS("external", "software"),
    AXIS("00", "10", "20", "30", "40", "50", "60", "70", "80", "90", "a0", "b0", "c0", "d0", "e0", "f0"),
    {0},
};

/* Exceptions with an error code: what is injected as an interrupt pushes none, so these go to the gate of vector 80H. */
static bool pushes_error(unsigned vector) { return 0x60227d00u >> (vector & 31) & 1 && vector < 32; }

/* The 16 vectors that begin with the row's. */
FEATURE_GRID(inject_vector, VMX, NEEDS(), "Vectored-Event Injection",
             "external and software interrupts with each of 256 vectors: the handler gets it once", vector_axes)
{
    enum { VECTORS = 16, LENGTH = 2 };
    bool software = at[0] == SOFTWARE;

    prepare_flags(software ? EVENT_SOFTWARE_INTERRUPT : EVENT_EXTERNAL);
    for (unsigned vector = at[1] * VECTORS; vector < (at[1] + 1) * VECTORS; vector++) {
        unsigned seen = pushes_error(vector) ? 0x80 : vector;

        tables_idt[vector] = tables_idt[seen];
        prepare((uint8_t)seen, software ? LENGTH : 0);
        LAB_WRITE({ENTRY_INSTRUCTION_LENGTH, LENGTH},
                  {ENTRY_INTERRUPTION_INFO, EVENT(software ? EVENT_SOFTWARE_INTERRUPT : EVENT_EXTERNAL, vector)});
        if (!EXPECT_EQ(times, 1) || !EXPECT_EQ(got.vector, seen) || !EXPECT_EQ(got.cs, SELECTOR_CODE))
            return;
    }
}

static const struct injected {
    const char *label;
    uint8_t vector, type;
    bool has_error;
    uint32_t error;
    unsigned length;
} exceptions[] = {
    {"de", EXCEPTION_DE, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"db", EXCEPTION_DB, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"nmi", EXCEPTION_NMI, EVENT_NMI, false, 0, 0},
    {"bp-hardware", EXCEPTION_BP, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"of-hardware", EXCEPTION_OF, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"br", EXCEPTION_BR, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"ud", EXCEPTION_UD, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"nm", EXCEPTION_NM, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"df", EXCEPTION_DF, EVENT_HARDWARE_EXCEPTION, true, 0, 0},
    {"9", 9, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"ts", EXCEPTION_TS, EVENT_HARDWARE_EXCEPTION, true, 0x28, 0},
    {"np", EXCEPTION_NP, EVENT_HARDWARE_EXCEPTION, true, 0x7ff8, 0},
    {"ss", EXCEPTION_SS, EVENT_HARDWARE_EXCEPTION, true, 0x10, 0},
    {"gp", EXCEPTION_GP, EVENT_HARDWARE_EXCEPTION, true, 0, 0},
    {"gp-error", EXCEPTION_GP, EVENT_HARDWARE_EXCEPTION, true, 0x7fff, 0},
    {"pf", EXCEPTION_PF, EVENT_HARDWARE_EXCEPTION, true, 0x15, 0},
    {"mf", EXCEPTION_MF, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"ac", EXCEPTION_AC, EVENT_HARDWARE_EXCEPTION, true, 0, 0},
    {"mc", EXCEPTION_MC, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"xm", EXCEPTION_XM, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"ve", EXCEPTION_VE, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"22", 22, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"31", 31, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"icebp", EXCEPTION_DB, EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, false, 0, 1},
    {"bp", EXCEPTION_BP, EVENT_SOFTWARE_EXCEPTION, false, 0, 1},
    {"of", EXCEPTION_OF, EVENT_SOFTWARE_EXCEPTION, false, 0, 1},
    {"bp-15-bytes", EXCEPTION_BP, EVENT_SOFTWARE_EXCEPTION, false, 0, 15},
};

static uint32_t info_of(const struct injected *event)
{
    return EVENT(event->type, event->vector) | (event->has_error ? EVENT_ERROR_CODE : 0);
}

static void inject(const struct injected *event)
{
    LAB_WRITE({ENTRY_INSTRUCTION_LENGTH, event->length}, {ENTRY_EXCEPTION_ERROR_CODE, event->error},
              {ENTRY_INTERRUPTION_INFO, info_of(event)});
}

FEATURE_TESTS(inject_exception, VMX, NEEDS(), "Vectored-Event Injection",
              "each exception and NMI: the handler gets vector and error code, once; CR2 and DR6 stay", exceptions)
{
    uint64_t cr2 = insn_read_cr2(), dr6 = insn_read_dr6();

    prepare(row->vector, row->length);
    prepare_flags(row->type);
    inject(row);
    EXPECT_EQ(times, 1);
    EXPECT_EQ(got.vector, row->vector);
    EXPECT_EQ(got.error, row->error);
    EXPECT_EQ(got.cs, SELECTOR_CODE);
    EXPECT_EQ(insn_read_cr2(), cr2);
    EXPECT_EQ(insn_read_dr6(), dr6);
}

FEATURE_TESTS(inject_not_trapped, VMX, NEEDS(), "Vectored-Event Injection",
              "the exception bitmap has nothing to do with what is injected", exceptions)
{
    prepare(row->vector, row->length);
    prepare_flags(row->type);
    LAB_WRITE({EXCEPTION_BITMAP, ~0u});
    OBSERVE(inject(row));
    EXPECT_NO_EXIT();
    EXPECT_EQ(times, 1);
    EXPECT_EQ(got.vector, row->vector);
}

/* ---- What is on the stack, and the gate's privilege ---------------------------------------------------------------- */

enum { FRAME_VECTOR = 0x90, CPUID_BYTES = 2 };

static const struct frame_event {
    uint8_t type, vector;
    bool has_error;
} frame_events[] = {
    {EVENT_EXTERNAL, FRAME_VECTOR, false},        {EVENT_NMI, EXCEPTION_NMI, false},
    {EVENT_HARDWARE_EXCEPTION, EXCEPTION_UD, false}, {EVENT_HARDWARE_EXCEPTION, EXCEPTION_GP, true},
    {EVENT_SOFTWARE_INTERRUPT, FRAME_VECTOR, false}, {EVENT_SOFTWARE_EXCEPTION, EXCEPTION_BP, false},
    {EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, EXCEPTION_DB, false},
};

static const struct feature_axis frame_axes[] = {
    AXIS("external", "nmi", "ud", "gp", "software", "bp", "icebp"),
    AXIS("kernel", "user"),
    AXIS("gate-0", "gate-3"),
    {0},
};

static bool is_software(unsigned type) { return type == EVENT_SOFTWARE_INTERRUPT || type >= EVENT_PRIVILEGED_SOFTWARE_EXCEPTION; }

/* INT n, INT3 and INTO look at the gate's DPL. */
static bool checks_gate(unsigned type) { return type == EVENT_SOFTWARE_INTERRUPT || type == EVENT_SOFTWARE_EXCEPTION; }

/* CPUID exits, and is entered again with the event and its own length. */
FEATURE_GRID(inject_frame, VMX, NEEDS(), "Vectored-Event Injection",
             "RIP on the stack is the guest's, behind the instruction for software events; only INT n and INT3 look at the gate's DPL",
             frame_axes)
{
    const struct frame_event *event = &frame_events[at[0]];
    bool user = at[1], open = at[2], refused = user && !open && checks_gate(event->type);
    uint64_t where = code_put((const uint8_t *)"\x0f\xa2", CPUID_BYTES);
    uint64_t info = EVENT(event->type, event->vector) | (event->has_error ? EVENT_ERROR_CODE : 0) | 0x123ull << 32;
    struct code_registers registers = {0};

    prepare_flags(event->type);
    tables_idt[event->vector].type = open ? GATE_INTERRUPT | GATE_DPL_3 : GATE_INTERRUPT;
    if (user)
        OBSERVE_WITH(LAB_INJECT, info, IN_USER(code_run(&registers)));
    else
        OBSERVE_WITH(LAB_INJECT, info, code_run(&registers));
    EXPECT_EQ(lab_seen.exits, 1);
    EXPECT_EQ(lab_seen.exit[0].reason, EXIT_CPUID);
    EXPECT_EQ(lab_fault.vector, refused ? EXCEPTION_GP : event->vector);
    EXPECT_EQ(lab_fault.error, refused ? event->vector << 3 | 2 : event->has_error ? 0x123 : 0);
    EXPECT_EQ(lab_fault.rip, where + (is_software(event->type) && !refused ? CPUID_BYTES : 0));
    EXPECT_EQ(lab_fault.cs, user ? SELECTOR_USER_CODE : SELECTOR_CODE);
}

/* ---- Exits while the injected event is delivered ------------------------------------------------------------------- */

enum { GATE_ABSENT, IDT_ABSENT };
static const struct feature_axis delivery_axes[] = {
    AXIS("external", "nmi", "ud", "gp", "software", "bp", "icebp"),
    AXIS("gate-absent", "idt-absent"),
    {0},
};

FEATURE_GRID(inject_vectoring, VMX, NEEDS(), "IDT-Vectoring Information",
             "an exit while an injected event is delivered tells the event with error code and length, to be injected again",
             delivery_axes)
{
    enum { GATE_PRESENT = 0x80, ERROR = 0x123 };
    const struct frame_event *event = &frame_events[at[0]];
    uint32_t info = EVENT(event->type, event->vector) | (event->has_error ? EVENT_ERROR_CODE : 0);
    const struct table_register idt = {sizeof tables_idt - 1, (uint64_t)page_map(0, 0, 0)};
    struct exit_record e;

    prepare_flags(event->type);
    if (at[1] == IDT_ABSENT)
        __asm__ volatile("lidt %0" : : "m"(idt) : "memory");
    else
        tables_idt[event->vector].type &= (uint8_t)~GATE_PRESENT;
    lab_trap_exceptions(1u << (at[1] == IDT_ABSENT ? EXCEPTION_PF : EXCEPTION_NP));
    e = OBSERVE(LAB_WRITE({ENTRY_INSTRUCTION_LENGTH, CPUID_BYTES}, {ENTRY_EXCEPTION_ERROR_CODE, ERROR},
                          {ENTRY_INTERRUPTION_INFO, info}));
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EQ(e.interruption_info & 0xff, at[1] == IDT_ABSENT ? EXCEPTION_PF : EXCEPTION_NP);
    EXPECT_EQ(e.vectoring_info, info);
    if (event->has_error)
        EXPECT_EQ(e.vectoring_error, ERROR);
    if (is_software(event->type))
        EXPECT_EQ(e.instruction_length, CPUID_BYTES);
    EXPECT_BITS(lab_read(ENTRY_INTERRUPTION_INFO), EVENT_VALID, 0);
}

/* ---- What an entry with an event changes ----------------------------------------------------------------------------- */

FEATURE_TEST(inject_valid_bit, VMX, NEEDS(), "Information for VM Exits That Occur During Event Delivery",
             "the exit after an injection has cleared the valid bit of the entry's interruption information")
{
    prepare(FRAME_VECTOR, 0);
    prepare_flags(EVENT_EXTERNAL);
    OBSERVE(lab_write(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_EXTERNAL, FRAME_VECTOR)); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(times, 1);
    EXPECT_BITS(lab_read(ENTRY_INTERRUPTION_INFO), EVENT_VALID, 0);
}

/* Legal with the HLT state: "Checks on Guest Non-Register State". */
static const struct injected wakers[] = {
    {"external", FRAME_VECTOR, EVENT_EXTERNAL, false, 0, 0},
    {"nmi", EXCEPTION_NMI, EVENT_NMI, false, 0, 0},
    {"db", EXCEPTION_DB, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
    {"mc", EXCEPTION_MC, EVENT_HARDWARE_EXCEPTION, false, 0, 0},
};

FEATURE_TESTS(inject_wakes, VMX, NEEDS(MISC_ACTIVITY_HLT), "Vectored-Event Injection",
              "an event injected with the HLT state ends it", wakers)
{
    prepare(row->vector, 0);
    prepare_flags(row->type);
    OBSERVE(LAB_WRITE({GUEST_ACTIVITY, ACTIVITY_HALTED}, {ENTRY_INTERRUPTION_INFO, info_of(row)}); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(times, 1);
    EXPECT_EQ(lab_read(GUEST_ACTIVITY), ACTIVITY_ACTIVE);
}
