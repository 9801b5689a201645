/* Task switches, none of which a guest can do: first come some checks, then the exit. "Treatment of Task Switches". */
#include "guests/lib/lab/lab.h"

#include <string.h>

#define TREATMENT "Treatment of Task Switches"

/* Types of descriptors, and the least limits of TSSs. */
enum { PRESENT = 0x80, TSS_16 = PRESENT | 1, TSS_32 = PRESENT | 9, BUSY = 2, TASK_GATE = PRESENT | 5,
       LIMIT_16 = 0x2b, LIMIT_32 = 0x67 };
enum { NEW = SELECTOR_FREE, GATE = SELECTOR_FREE + 8, BEYOND = 0x1f0, TI = 4, TYPE_SHIFT = 40 };
enum { VECTOR = 0x30, IDT_ENTRIES = VECTOR + 1 };

static uint32_t new_tss[(LIMIT_32 + 1) / 4];
static uint64_t idt[IDT_ENTRIES];
static const struct table_register idt_pointer = {sizeof idt - 1, (uint64_t)idt};

static uint64_t tss_descriptor(uint8_t type, unsigned limit)
{
    const uint64_t base = (uint64_t)new_tss;

    return limit | (base & 0xffffff) << 16 | (uint64_t)type << TYPE_SHIFT | base >> 24 << 56;
}

static uint64_t task_gate(uint8_t type, uint64_t selector) { return (uint64_t)type << TYPE_SHIFT | selector << 16; }

/* What attempts the switch, at `offset` in the code. EBX is the address of a pointer to the IDT. */
struct way {
    const char *code;
    unsigned bytes, offset;
};
#define WAY(code, offset) {(code), sizeof(code) - 1, (offset)}
#define FAR(name, opcode, low, high) static const struct way name = WAY(opcode "\0\0\0\0" low high, 0)
FAR(jump, "\xea", "\x70", "\x00");
FAR(jump_user, "\xea", "\x73", "\x00");
FAR(jump_gate, "\xea", "\x78", "\x00");
FAR(jump_beyond, "\xea", "\xf0", "\x01");
FAR(call, "\x9a", "\x70", "\x00");
FAR(call_gate, "\x9a", "\x78", "\x00");
static const struct way iret_task = WAY("\x68\x02\x40\x00\x00\x9d\xcf", 6);        /* PUSH NT; POPF */
static const struct way int_n = WAY("\x0f\x01\x1b\xcd\x30", 3);                    /* LIDT [EBX] */
static const struct way undefined = WAY("\x0f\x01\x1b\x0f\x0b", 3);                /* UD2 */
static const struct way bad_segment = WAY("\x0f\x01\x1b\x66\xb8\xf0\x01\x8e\xd8", 7); /* MOV DS, BEYOND */
_Static_assert(NEW == 0x70 && GATE == 0x78 && BEYOND == 0x1f0 && VECTOR == 0x30, "as in the code");

static struct exit_record attempt(enum mode mode, const struct way *way, uint64_t new, uint64_t gate, unsigned link)
{
    const struct mode_code code = {way->code, way->code + way->bytes, 32};
    struct mode_registers registers = {.ebx = (uint32_t)(uint64_t)&idt_pointer};

    tables_gdt[NEW / 8] = new;
    tables_gdt[GATE / 8] = gate;
    for (unsigned i = 0; i < IDT_ENTRIES; i++)
        idt[i] = gate;
    memset(new_tss, 0, sizeof new_tss);
    tables_tss.tss.reserved0 = link;
    lab_may_change_all();
    return OBSERVE(mode_run(mode, &code, &registers));
}

static void expect_untouched(uint64_t new, unsigned link)
{
    static const uint32_t zero[sizeof new_tss / sizeof *new_tss];

    EXPECT_EQ(tables_gdt[NEW / 8], new);
    EXPECT_EQ(tables_tss.tss.reserved0, link);
    EXPECT(memcmp(new_tss, zero, sizeof zero) == 0);
}

/* ---- Exits ----------------------------------------------------------------------------------------------------- */

static const struct exits {
    const char *label;
    const struct way *way;
    enum task_switch_source source;
    uint8_t type;
    unsigned limit, length; /* length: of the instruction; 0 where it is undefined */
    uint32_t vectoring, error;
} exits[] = {
    {"jmp", &jump, TASK_JMP, TSS_32, LIMIT_32, 7, 0, 0},
    {"jmp-tss16", &jump, TASK_JMP, TSS_16, LIMIT_16, 7, 0, 0},
    {"jmp-gate", &jump_gate, TASK_JMP, TSS_32, LIMIT_32, 7, 0, 0},
    {"call", &call, TASK_CALL, TSS_32, LIMIT_32, 7, 0, 0},
    {"call-tss16", &call, TASK_CALL, TSS_16, LIMIT_16, 7, 0, 0},
    {"call-gate", &call_gate, TASK_CALL, TSS_32, LIMIT_32, 7, 0, 0},
    {"iret", &iret_task, TASK_IRET, TSS_32 | BUSY, LIMIT_32, 1, 0, 0},
    {"iret-tss16", &iret_task, TASK_IRET, TSS_16 | BUSY, LIMIT_16, 1, 0, 0},
    {"int", &int_n, TASK_IDT, TSS_32, LIMIT_32, 2, EVENT(EVENT_SOFTWARE_INTERRUPT, VECTOR), 0},
    {"ud", &undefined, TASK_IDT, TSS_32, LIMIT_32, 0, EVENT(EVENT_HARDWARE_EXCEPTION, EXCEPTION_UD), 0},
    {"gp", &bad_segment, TASK_IDT, TSS_32, LIMIT_32, 0,
     EVENT(EVENT_HARDWARE_EXCEPTION, EXCEPTION_GP) | EVENT_ERROR_CODE, BEYOND},
};

FEATURE_TESTS(task_exits, VMX, NEEDS(PROC2_UNRESTRICTED_GUEST), TREATMENT,
              "the exit tells selector, source, and the event to be delivered; nothing of the switch is done", exits)
{
    const uint64_t new = tss_descriptor(row->type, row->limit);
    const unsigned link = row->source == TASK_IRET ? NEW : 0;
    struct exit_record e = attempt(MODE_PROTECTED_32, row->way, new, task_gate(TASK_GATE, NEW), link);

    EXPECT_EXIT(EXIT_TASK_SWITCH);
    EXPECT_EQ(e.qualification, TASK_QUALIFICATION(NEW, row->source));
    EXPECT_EQ(e.rip, MODE_ADDRESS + row->way->offset);
    if (row->length)
        EXPECT_EQ(e.instruction_length, row->length);
    EXPECT_BITS(e.interruption_info, EVENT_VALID, 0);
    EXPECT_BITS(e.vectoring_info, row->vectoring ? ~0u : EVENT_VALID, row->vectoring);
    if (row->vectoring & EVENT_ERROR_CODE)
        EXPECT_EQ(e.vectoring_error, row->error);
    EXPECT_EQ(lab_read(GUEST_TR_SELECTOR), SELECTOR_TSS);
    expect_untouched(new, link);
}

/* ---- Faults ---------------------------------------------------------------------------------------------------- */

static const struct faults {
    const char *label;
    const struct way *way;
    uint8_t type;
    unsigned limit, selector; /* selector: in the gate, or in the link of the old TSS */
    uint8_t gate;
    unsigned vector, error;
} faults[] = {
    {"jmp-busy", &jump, TSS_32 | BUSY, LIMIT_32, NEW, TASK_GATE, EXCEPTION_GP, NEW},
    {"jmp-absent", &jump, TSS_32 & ~PRESENT, LIMIT_32, NEW, TASK_GATE, EXCEPTION_NP, NEW},
    {"jmp-limit", &jump, TSS_32, LIMIT_32 - 1, NEW, TASK_GATE, EXCEPTION_TS, NEW},
    {"jmp-limit16", &jump, TSS_16, LIMIT_16 - 1, NEW, TASK_GATE, EXCEPTION_TS, NEW},
    {"jmp-rpl", &jump_user, TSS_32, LIMIT_32, NEW, TASK_GATE, EXCEPTION_GP, NEW},
    {"jmp-beyond", &jump_beyond, TSS_32, LIMIT_32, NEW, TASK_GATE, EXCEPTION_GP, BEYOND},
    {"call-busy", &call, TSS_32 | BUSY, LIMIT_32, NEW, TASK_GATE, EXCEPTION_GP, NEW},
    {"call-absent", &call, TSS_32 & ~PRESENT, LIMIT_32, NEW, TASK_GATE, EXCEPTION_NP, NEW},
    {"call-limit", &call, TSS_32, LIMIT_32 - 1, NEW, TASK_GATE, EXCEPTION_TS, NEW},
    {"gate-absent", &jump_gate, TSS_32, LIMIT_32, NEW, TASK_GATE & ~PRESENT, EXCEPTION_NP, GATE},
    {"gate-ldt", &jump_gate, TSS_32, LIMIT_32, NEW | TI, TASK_GATE, EXCEPTION_GP, NEW | TI},
    {"gate-beyond", &call_gate, TSS_32, LIMIT_32, BEYOND, TASK_GATE, EXCEPTION_GP, BEYOND},
    {"gate-busy", &call_gate, TSS_32 | BUSY, LIMIT_32, NEW, TASK_GATE, EXCEPTION_GP, NEW},
    {"gate-tss-absent", &jump_gate, TSS_32 & ~PRESENT, LIMIT_32, NEW, TASK_GATE, EXCEPTION_NP, NEW},
    {"gate-limit", &jump_gate, TSS_32, LIMIT_32 - 1, NEW, TASK_GATE, EXCEPTION_TS, NEW},
    {"iret-free", &iret_task, TSS_32, LIMIT_32, NEW, TASK_GATE, EXCEPTION_TS, NEW},
    {"iret-absent", &iret_task, (TSS_32 | BUSY) & ~PRESENT, LIMIT_32, NEW, TASK_GATE, EXCEPTION_NP, NEW},
    {"iret-limit", &iret_task, TSS_32 | BUSY, LIMIT_32 - 1, NEW, TASK_GATE, EXCEPTION_TS, NEW},
    {"iret-ldt", &iret_task, TSS_32 | BUSY, LIMIT_32, NEW | TI, TASK_GATE, EXCEPTION_TS, NEW | TI},
    {"iret-beyond", &iret_task, TSS_32 | BUSY, LIMIT_32, BEYOND, TASK_GATE, EXCEPTION_TS, BEYOND},
};

FEATURE_TESTS(task_faults, VMX, NEEDS(PROC2_UNRESTRICTED_GUEST), TREATMENT,
              "gate, TSS descriptor and TSS limit are checked first: a fault, and no exit", faults)
{
    const uint64_t new = tss_descriptor(row->type, row->limit);
    const unsigned link = row->way == &iret_task ? row->selector : 0;

    attempt(MODE_PROTECTED_32, row->way, new, task_gate(row->gate, row->selector), link);
    EXPECT_FAULT(row->vector, row->error);
    EXPECT_EQ(lab_fault.rip, MODE_ADDRESS + row->way->offset);
    expect_untouched(new, link);
}

/* In IA-32e mode there are none. */
static const struct long_mode {
    const char *label;
    const struct way *way;
    unsigned error;
} long_modes[] = {{"jmp", &jump, NEW}, {"call", &call, NEW}, {"jmp-gate", &jump_gate, GATE}, {"iret", &iret_task, 0}};

FEATURE_TESTS(task_long, VMX, NEEDS(), "Task Management in 64-bit Mode", "in IA-32e mode, it is #GP and no exit",
              long_modes)
{
    const uint64_t new = tss_descriptor(TSS_32 | (row->way == &iret_task ? BUSY : 0), LIMIT_32);
    const unsigned link = row->way == &iret_task ? NEW : 0;

    attempt(MODE_COMPATIBILITY_32, row->way, new, task_gate(TASK_GATE, NEW), link);
    EXPECT_FAULT(EXCEPTION_GP, row->error);
    expect_untouched(new, link);
}
