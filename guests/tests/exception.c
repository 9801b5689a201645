/*
 * The exception bitmap: each exception that 64-bit and compatibility-mode code can raise exits if its bit is set and is
 * delivered if it is not, whatever the other bits are. "Exception Bitmap", "Information for VM Exits Due to Vectored Events".
 */
#include "guests/lib/lab/lab.h"

#include <string.h>

enum { CR0_TS = 1 << 3, CR0_AM = 1 << 18, CR4_OSFXSR = 1 << 9, CR4_OSXMMEXCPT = 1 << 10 };
enum { DR6_B0 = 1 << 0, DR6_BD = 1 << 13, DR6_BS = 1 << 14, DR7_FIXED = 0x400, DR7_L0 = 1, DR7_WRITE_0 = 1 << 16, DR7_GD = 1 << 13 };
enum { MXCSR_NO_DIVIDE_MASK = 0x1d80, MXCSR_RESET = 0x1f80, FCW_NO_DIVIDE_MASK = 0x37b };

#define NOT_CANONICAL    0x8000000000000000ull
#define ABSENT_SELECTOR  SELECTOR_FREE
#define BEYOND_SELECTOR  0x1000

struct raise;
typedef void raise_prepare(struct code_registers *registers, void *data, uint64_t where);

static void prepare_nm(struct code_registers *registers, void *data, uint64_t where)
{
    (void)registers, (void)data, (void)where;
    insn_write_cr0(insn_read_cr0() | CR0_TS);
}

static void prepare_absent(struct code_registers *registers, void *data, uint64_t where)
{
    enum { DATA_ABSENT = 0x12 };

    (void)data, (void)where;
    tables_gdt[ABSENT_SELECTOR / 8] = 0x00cf00000000ffffull | (uint64_t)DATA_ABSENT << 40;
    registers->rax = ABSENT_SELECTOR;
}

static void prepare_ac(struct code_registers *registers, void *data, uint64_t where)
{
    (void)registers, (void)data, (void)where;
    insn_write_cr0(insn_read_cr0() | CR0_AM);
}

static void prepare_mf(struct code_registers *registers, void *data, uint64_t where)
{
    const uint16_t fcw = FCW_NO_DIVIDE_MASK;

    (void)registers, (void)where;
    memcpy(data, &fcw, sizeof fcw);
}

static void prepare_xm(struct code_registers *registers, void *data, uint64_t where)
{
    const uint32_t words[] = {MXCSR_NO_DIVIDE_MASK, 0x3f800000 /* 1.0 */};

    (void)registers, (void)where;
    memcpy(data, words, sizeof words);
    insn_write_cr4(insn_read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
}

static void prepare_pf(struct code_registers *registers, void *data, uint64_t where)
{
    (void)data, (void)where;
    registers->rax = (uint64_t)page_map(0, 0, 0);
}

static void set_breakpoint(uint64_t address, uint64_t dr7)
{
    lab_reset_debug_registers();
    insn_write_dr0(address);
    insn_write_dr7(DR7_FIXED | dr7);
}

static void prepare_write_breakpoint(struct code_registers *registers, void *data, uint64_t where)
{
    (void)registers, (void)where;
    set_breakpoint((uint64_t)data, DR7_L0 | DR7_WRITE_0);
}

static void prepare_fetch_breakpoint(struct code_registers *registers, void *data, uint64_t where)
{
    (void)registers, (void)data;
    set_breakpoint(where, DR7_L0);
}

/* The code sets GD itself: nobody else could write debug registers any more. */
static void prepare_general_detect(struct code_registers *registers, void *data, uint64_t where)
{
    (void)data, (void)where;
    lab_reset_debug_registers();
    lab_may_change(GUEST_DR7);
    registers->rax = DR7_FIXED | DR7_GD;
}

/* Into compatibility mode: PUSH the 32-bit code segment; LEA RAX, [what follows]; PUSH RAX; RETFQ. */
#define TO_32 "\x6a\x38\x48\x8d\x05\x03\x00\x00\x00\x50\x48\xcb"
#define SET_FLAG(flag) "\x9c\x81\x0c\x24" flag "\x9d" /* PUSHF; OR [RSP], flag; POPF */

/* Code with memory at [RBX]. The exit's RIP is at `where` + at; the fault's, when delivered, at + length for traps by INT. */
static const struct raise {
    const char *label;
    const char *code;
    unsigned code_length, vector, type;
    bool has_error, user;
    uint64_t error;
    unsigned at, length; /* length of the instruction, for software exceptions */
    uint64_t rax, qualification;
    bool qualification_is_rax;
    raise_prepare *prepare;
} raises[] = {
#define CODE(bytes) (bytes), sizeof(bytes) - 1
#define HARDWARE(vector) (vector), EVENT_HARDWARE_EXCEPTION, false, false, 0
#define WITH_ERROR(vector, error) (vector), EVENT_HARDWARE_EXCEPTION, true, false, (error)
    {"de", CODE("\xf7\xf0"), HARDWARE(EXCEPTION_DE), 0, 0, 0, 0, false, NULL},
    {"db-step", CODE(SET_FLAG("\x00\x01\x00\x00") "\x90"), HARDWARE(EXCEPTION_DB), 10, 0, 0, DR6_BS, false, NULL},
    {"db-write", CODE("\x88\x03"), HARDWARE(EXCEPTION_DB), 2, 0, 0, DR6_B0, false, prepare_write_breakpoint},
    {"db-fetch", CODE("\x90"), HARDWARE(EXCEPTION_DB), 0, 0, 0, DR6_B0, false, prepare_fetch_breakpoint},
    {"db-general-detect", CODE("\x0f\x23\xf8\x0f\x21\xf8"), HARDWARE(EXCEPTION_DB), 3, 0, 0, DR6_BD, false, prepare_general_detect},
    {"db-icebp", CODE("\xf1"), EXCEPTION_DB, EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, false, false, 0, 0, 1, 0, 0, false, NULL},
    {"bp", CODE("\xcc"), EXCEPTION_BP, EVENT_SOFTWARE_EXCEPTION, false, false, 0, 0, 1, 0, 0, false, NULL},
    {"of", CODE(TO_32 "\xb0\x7f\x04\x01\xce"), EXCEPTION_OF, EVENT_SOFTWARE_EXCEPTION, false, false, 0, 16, 1, 0, 0, false, NULL},
    {"br", CODE(TO_32 "\xb8\x05\x00\x00\x00\x62\x03"), HARDWARE(EXCEPTION_BR), 17, 0, 0, 0, false, NULL},
    {"ud", CODE("\x0f\x0b"), HARDWARE(EXCEPTION_UD), 0, 0, 0, 0, false, NULL},
    {"nm", CODE("\xd9\xd0"), HARDWARE(EXCEPTION_NM), 0, 0, 0, 0, false, prepare_nm},
    {"np", CODE("\x8e\xe0"), WITH_ERROR(EXCEPTION_NP, ABSENT_SELECTOR), 0, 0, 0, 0, false, prepare_absent},
    {"ss", CODE("\x8e\xd0"), WITH_ERROR(EXCEPTION_SS, ABSENT_SELECTOR), 0, 0, 0, 0, false, prepare_absent},
    {"ss-stack", CODE("\x48\x89\xc5\x8a\x45\x00"), WITH_ERROR(EXCEPTION_SS, 0), 3, 0, NOT_CANONICAL, 0, false, NULL},
    {"gp", CODE("\x8a\x00"), WITH_ERROR(EXCEPTION_GP, 0), 0, 0, NOT_CANONICAL, 0, false, NULL},
    {"gp-selector", CODE("\x8e\xe0"), WITH_ERROR(EXCEPTION_GP, BEYOND_SELECTOR), 0, 0, BEYOND_SELECTOR, 0, false, NULL},
    {"gp-privilege", CODE("\xf4"), EXCEPTION_GP, EVENT_HARDWARE_EXCEPTION, true, true, 0, 0, 0, 0, 0, false, NULL},
    {"pf", CODE("\x8a\x00"), WITH_ERROR(EXCEPTION_PF, 0), 0, 0, 0, 0, true, prepare_pf},
    {"mf", CODE("\xdb\xe3\xd9\x2b\xd9\xe8\xd9\xee\xde\xf9\x9b"), HARDWARE(EXCEPTION_MF), 10, 0, 0, 0, false, prepare_mf},
    {"ac", CODE(SET_FLAG("\x00\x00\x04\x00") "\x8b\x43\x01"), EXCEPTION_AC, EVENT_HARDWARE_EXCEPTION, true, true, 0, 9, 0, 0, 0,
     false, prepare_ac},
    {"xm", CODE("\x0f\xae\x13\x0f\x57\xc9\xf3\x0f\x10\x43\x04\xf3\x0f\x5e\xc1"), HARDWARE(EXCEPTION_XM), 11, 0, 0, 0, false,
     prepare_xm},
};

/* What the row leaves behind outside the control block. */
static void clean_up(void)
{
    static const uint32_t mxcsr = MXCSR_RESET;
    uint64_t cr0 = insn_read_cr0();

    insn_write_cr0(cr0 & ~(uint64_t)CR0_TS);
    insn_write_cr4(insn_read_cr4() | CR4_OSFXSR);
    __asm__ volatile("fninit\n\tldmxcsr %0" : : "m"(mxcsr));
}

static uint64_t set_up(const struct raise *raise, struct code_registers *registers)
{
    uint64_t where = code_put((const uint8_t *)raise->code, raise->code_length);
    void *data = page_scratch(0);

    *registers = (struct code_registers){.rax = raise->rax, .rbx = (uint64_t)data};
    if (raise->prepare)
        raise->prepare(registers, data, where);
    lab_may_change(GUEST_RFLAGS);
    if (raise->code_length > 12) {
        lab_may_change(GUEST_CS_SELECTOR);
        lab_may_change(GUEST_CS_ACCESS_RIGHTS);
        lab_may_change(GUEST_CS_LIMIT);
    }
    return where;
}

static struct exit_record run(const struct raise *raise, struct code_registers *registers)
{
    return raise->user ? OBSERVE(IN_USER(code_run(registers))) : OBSERVE(code_run(registers));
}

FEATURE_TESTS(exception_exits, VMX, NEEDS(), "Information for VM Exits Due to Vectored Events",
              "with its bit alone it exits: type, vector, error code, length, qualification; CR2, DR6 and DR7 as before", raises)
{
    struct code_registers registers;
    uint64_t where = set_up(row, &registers), rax = registers.rax, cr2 = insn_read_cr2();
    uint32_t info = EVENT(row->type, row->vector) | (row->has_error ? EVENT_ERROR_CODE : 0);
    struct exit_record e;

    lab_trap_exceptions(1u << row->vector);
    e = run(row, &registers);
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EXITS(1);
    EXPECT_EQ(e.interruption_info, info);
    if (row->has_error)
        EXPECT_EQ(e.interruption_error, row->error);
    EXPECT_EQ(e.rip, where + row->at);
    if (row->type != EVENT_HARDWARE_EXCEPTION)
        EXPECT_EQ(e.instruction_length, row->length);
    EXPECT_EQ(e.qualification, row->qualification_is_rax ? rax : row->qualification);
    EXPECT_BITS(e.vectoring_info, EVENT_VALID, 0);
    EXPECT_EQ(insn_read_cr2(), cr2);
    clean_up();
}

FEATURE_TESTS(exception_passes, VMX, NEEDS(), "Exception Bitmap",
              "with all other bits it is delivered: the guest gets vector and error code", raises)
{
    struct code_registers registers;
    uint64_t where = set_up(row, &registers);

    lab_trap_exceptions(~(1u << row->vector));
    run(row, &registers);
    EXPECT_FAULT(row->vector, row->error);
    EXPECT_EQ(lab_fault.rip, where + row->at + row->length);
    if (row->vector == EXCEPTION_PF)
        EXPECT_EQ(lab_fault.cr2, registers.rax);
    if (row->vector == EXCEPTION_DB && row->type == EVENT_HARDWARE_EXCEPTION)
        EXPECT_BITS(insn_read_dr6(), row->qualification, row->qualification);
    lab_reset_debug_registers();
    clean_up();
}

/* ---- What the bitmap has nothing to do with ----------------------------------------------------------------------- */

static const struct feature_axis vector_axes[] = {
    AXIS("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21",
         "22", "23", "24", "25", "26", "27", "28", "29", "30", "31"),
    {0},
};

static unsigned taken;

static void take(struct interrupt_frame *frame) { taken = (unsigned)frame->vector; }

/* INT n pushes no error code: the handler of a vector that has one would find the frame 8 bytes off, so a gate of another. */
FEATURE_GRID(exception_int, VMX, NEEDS(), "Exception Bitmap",
             "INT n is no exception: it does not exit, whatever its vector, with all bits set", vector_axes)
{
    const uint8_t code[] = {0xcd, (uint8_t)at[0]};
    struct code_registers registers = {0};

    code_put(code, sizeof code);
    tables_idt[at[0]] = tables_idt[0x80];
    trap_set_handler(0x80, take);
    taken = 0;
    lab_trap_exceptions(~0u);
    OBSERVE(code_run(&registers));
    EXPECT_NO_EXIT();
    EXPECT_EQ(taken, 0x80);
}
