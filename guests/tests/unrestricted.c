/* Unrestricted guest: real mode, and protected mode without paging, with EPT underneath; and what is so without it. */
#include <string.h>

#include "guests/lib/lab/lab.h"

#define UNRESTRICTED "Unrestricted Guests"

/* Linear = guest-physical, where real mode reaches it: between what mode.h takes and the end of the stack. */
enum { TARGET = 0x5000, OFFSET = 0x230, BYTE = 0x5a, EPT_R = 1, EPT_W = 2, EPT_X = 4, EPT_RWX = 7 };
enum { CR0_PE = 1 << 0 };
#define CR0_PG   (1ull << 31)
#define EFER_LMA (1ull << 10)

static const enum mode modes[] = {MODE_PROTECTED_32, MODE_PROTECTED_16, MODE_REAL};
#define MODE_LABELS AXIS("protected-32", "protected-16", "real")
enum { AT_PROTECTED_32, AT_PROTECTED_16, AT_REAL };

static uint8_t *target(void)
{
    uintptr_t address = TARGET;

    __asm__("" : "+r"(address));
    memset((void *)address, BYTE, PAGE_BYTES);
    return (uint8_t *)address;
}

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

/* Segments with more than 64 KiB are not loaded in protected 16-bit mode: the 32-bit data segment of the GDT is. */
MODE_CODE(read_32, 32, "movb 0x5230, %al")
MODE_CODE(write_32, 32, "movb $0x77, 0x5230")
MODE_CODE(modify_32, 32, "incb 0x5230")
MODE_CODE(fetch_32, 32, "movl $0x5230, %eax; call *%eax")
MODE_CODE(read_16, 16, "movw $0x10, %ax; movw %ax, %ds; movl $0x5230, %ebx; addr32 movb (%ebx), %al")
MODE_CODE(write_16, 16, "movw $0x10, %ax; movw %ax, %ds; movl $0x5230, %ebx; addr32 movb $0x77, (%ebx)")
MODE_CODE(modify_16, 16, "movw $0x10, %ax; movw %ax, %ds; movl $0x5230, %ebx; addr32 incb (%ebx)")
MODE_CODE(read_real, 16, "movw $0, %ax; movw %ax, %ds; movb 0x5230, %al")
MODE_CODE(write_real, 16, "movw $0, %ax; movw %ax, %ds; movb $0x77, 0x5230")
MODE_CODE(modify_real, 16, "movw $0, %ax; movw %ax, %ds; incb 0x5230")
MODE_CODE(fetch_real, 16, "lcall $0, $0x5230")

enum { READ, WRITE, MODIFY, FETCH };
static const struct mode_code *const accesses[][4] = {
    [AT_PROTECTED_32] = {&read_32, &write_32, &modify_32, &fetch_32},
    [AT_PROTECTED_16] = {&read_16, &write_16, &modify_16, NULL},
    [AT_REAL] = {&read_real, &write_real, &modify_real, &fetch_real},
};
static const uint8_t needed[] = {EPT_R, EPT_W, EPT_R | EPT_W, EPT_X};
static const uint8_t permissions[] = {0, EPT_R, EPT_R | EPT_W, EPT_R | EPT_X, EPT_RWX};

static const struct feature_axis access_axes[] = {
    MODE_LABELS, AXIS("none", "r", "rw", "rx", "rwx"), AXIS("read", "write", "modify", "fetch"), {0}};

static bool has_access(const unsigned *at) { return accesses[at[0]][at[2]]; }

FEATURE_GRID(unrestricted_access, VMX, NEEDS(PROC2_UNRESTRICTED_GUEST), "EPT Violations",
             "without paging, linear addresses are guest-physical ones, and the EPT says what is allowed", access_axes,
             .exists = has_access)
{
    uint8_t *page = target();
    const uint64_t open = lab_nested_read(TARGET, 1) | EPT_RWX, may = permissions[at[1]], need = needed[at[2]];
    const uint64_t any = at[2] == MODIFY ? EPT_READ : 0;
    struct exit_record e;

    page[OFFSET] = at[2] == FETCH ? (at[0] == AT_REAL ? 0xcb : 0xc3) : BYTE; /* RETF, RET */
    lab_nested_write(TARGET, 1, (open & ~(uint64_t)EPT_RWX) | may);
    e = OBSERVE(mode_run(modes[at[0]], accesses[at[0]][at[2]], NULL));
    lab_nested_write(TARGET, 1, open);
    if ((need & may) == need) {
        EXPECT_NO_EXIT();
    } else {
        EXPECT_EXIT(EXIT_EPT_VIOLATION);
        EXPECT_BITS(e.qualification | any,
                    EPT_READ | EPT_WRITE | EPT_FETCH | EPT_RWX << 3 | EPT_LINEAR_VALID | EPT_TRANSLATED,
                    need | may << 3 | EPT_LINEAR_VALID | EPT_TRANSLATED);
        EXPECT_EQ(e.physical, TARGET + OFFSET);
        EXPECT_EQ(e.linear, TARGET + OFFSET);
        EXPECT_BITS(lab_read(GUEST_CR0), CR0_PG, 0);
    }
    if (at[2] == WRITE || at[2] == MODIFY)
        EXPECT_EQ(page[OFFSET], (need & may) != need ? BYTE : at[2] == WRITE ? 0x77 : BYTE + 1);
}

/* ---- Exits, and the state that they save ------------------------------------------------------------------------ */

MODE_CODE(cpuid_32, 32, "cpuid")
MODE_CODE(cpuid_16, 16, "cpuid")
MODE_CODE(hlt_32, 32, "hlt")
MODE_CODE(hlt_16, 16, "hlt")
MODE_CODE(in_32, 32, "inb $0x80, %al")
MODE_CODE(in_16, 16, "inb $0x80, %al")
MODE_CODE(vmcall_32, 32, "vmcall")
MODE_CODE(vmcall_16, 16, "vmcall")

static const struct {
    const struct mode_code *wide, *narrow;
    uint64_t reason, length, qualification;
} exits[] = {
    {&cpuid_32, &cpuid_16, EXIT_CPUID, 2, 0},
    {&hlt_32, &hlt_16, EXIT_HLT, 1, 0},
    {&in_32, &in_16, EXIT_IO, 2, IO_QUALIFICATION(0x80, 1, true, false, false, true)},
    {&vmcall_32, &vmcall_16, EXIT_VMCALL, 3, 0},
};
static const struct feature_axis exit_axes[] = {MODE_LABELS, AXIS("cpuid", "hlt", "in", "vmcall"), {0}};

FEATURE_GRID(unrestricted_exit, VMX, NEEDS(PROC2_UNRESTRICTED_GUEST, NOT(PROC_IO_BITMAPS)),
             "Saving Control Registers, Debug Registers, and MSRs", "an exit saves the mode that the guest is in",
             exit_axes)
{
    const bool wide = at[0] == AT_PROTECTED_32;
    struct mode_registers registers = {.eax = 0};
    struct exit_record e;

    lab_set(PROC_HLT);
    lab_set(PROC_UNCONDITIONAL_IO);
    lab_clear(PROC_IO_BITMAPS);
    e = OBSERVE(mode_run(modes[at[0]], wide ? exits[at[1]].wide : exits[at[1]].narrow, &registers));
    EXPECT_EXIT(exits[at[1]].reason);
    EXPECT_EXITS(1);
    EXPECT_EQ(e.rip, MODE_ADDRESS);
    EXPECT_EQ(e.instruction_length, exits[at[1]].length);
    EXPECT_EQ(e.qualification, exits[at[1]].qualification);
    EXPECT_BITS(lab_read(GUEST_CR0), CR0_PE | CR0_PG, at[0] == AT_REAL ? 0 : CR0_PE);
    EXPECT_BITS(lab_read(GUEST_IA32_EFER), EFER_LMA, 0);
    EXPECT_BITS(lab_read(ENTRY_CONTROLS), 1 << 9, 0);
    EXPECT_BITS(lab_read(GUEST_RFLAGS), 1 << 17, 0);
    if (at[0] == AT_REAL) {
        EXPECT_EQ(lab_read(GUEST_CS_SELECTOR), 0);
        EXPECT_EQ(lab_read(GUEST_CS_BASE), 0);
    }
    EXPECT_BITS(lab_read(GUEST_CS_ACCESS_RIGHTS), 1 << 14 | 1 << 13, wide ? 1 << 14 : 0); /* D, L */
}

static const struct feature_axis mode_axes[] = {MODE_LABELS, {0}};

MODE_CODE(nop_32, 32, "nop")
MODE_CODE(nop_16, 16, "nop")

FEATURE_GRID(unrestricted_switch, VMX, NEEDS(PROC2_UNRESTRICTED_GUEST), UNRESTRICTED,
             "paging and protection are switched off and on without exits", mode_axes)
{
    OBSERVE(mode_run(modes[at[0]], at[0] == AT_PROTECTED_32 ? &nop_32 : &nop_16, NULL));
    EXPECT_NO_EXIT();
}

/* ---- Exceptions ------------------------------------------------------------------------------------------------- */

MODE_CODE(div_32, 32, "xorl %ecx, %ecx; divl %ecx")
MODE_CODE(div_16, 16, "xorw %cx, %cx; divw %cx")
MODE_CODE(ud_32, 32, "ud2")
MODE_CODE(ud_16, 16, "ud2")
MODE_CODE(gp_32, 32, "movw $0x7ffc, %ax; movw %ax, %ds")                        /* behind the GDT */
MODE_CODE(gp_16, 16, "movw $0x7ffc, %ax; movw %ax, %ds")
MODE_CODE(gp_real, 16, "movw $0xffff, %bx; movw (%bx), %ax")                      /* across the limit */

static const struct {
    const struct mode_code *code[3];
    uint8_t vector, at[3]; /* how far behind the beginning */
    uint32_t error;        /* protected mode alone has one */
    bool has_error;
} exceptions[] = {
    {{&div_32, &div_16, &div_16}, EXCEPTION_DE, {2, 2, 2}, 0, false},
    {{&ud_32, &ud_16, &ud_16}, EXCEPTION_UD, {0, 0, 0}, 0, false},
    {{&gp_32, &gp_16, &gp_real}, EXCEPTION_GP, {4, 3, 3}, 0x7ffc, true},
};
static const struct feature_axis exception_axes[] = {MODE_LABELS, AXIS("de", "ud", "gp"), AXIS("exit", "pass"), {0}};

FEATURE_GRID(unrestricted_exception, VMX, NEEDS(PROC2_UNRESTRICTED_GUEST),
             "Information for VM Exits Due to Vectored Events",
             "exceptions exit, or not, in each mode; in real mode none has an error code", exception_axes)
{
    const bool has_error = exceptions[at[1]].has_error && at[0] != AT_REAL;
    const unsigned vector = exceptions[at[1]].vector;
    struct exit_record e;

    lab_trap_exceptions(at[2] ? ~(1u << vector) & 0xfffff : 1u << vector);
    e = OBSERVE(mode_run(modes[at[0]], exceptions[at[1]].code[at[0]], NULL));
    if (at[2]) {
        EXPECT_FAULT(vector, has_error ? exceptions[at[1]].error : 0);
        return;
    }
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EQ(e.interruption_info, EVENT(EVENT_HARDWARE_EXCEPTION, vector) | (has_error ? EVENT_ERROR_CODE : 0));
    if (has_error)
        EXPECT_EQ(e.interruption_error, exceptions[at[1]].error);
    EXPECT_EQ(e.rip, MODE_ADDRESS + exceptions[at[1]].at[at[0]]);
}

/* ---- Without ---------------------------------------------------------------------------------------------------- */

MODE_CODE(clear_pg, 32, "movl %cr0, %eax; andl $0x7fffffff, %eax; movl %eax, %cr0")
MODE_CODE(clear_pe, 32, "movl %cr0, %eax; andl $0x7ffffffe, %eax; movl %eax, %cr0")
MODE_CODE(clear_wp, 32, "movl %cr0, %eax; xorl $0x10000, %eax; movl %eax, %cr0; xorl $0x10000, %eax; movl %eax, %cr0")

static const struct off_row {
    const char *label;
    const struct mode_code *code;
    bool faults;
} off_rows[] = {{"pg", &clear_pg, true}, {"pe-and-pg", &clear_pe, true}, {"wp", &clear_wp, false}};

FEATURE_TESTS(unrestricted_off, VMX, NEEDS(NOT(PROC2_UNRESTRICTED_GUEST)),
              "Changes to Instruction Behavior in VMX Non-Root Operation",
              "without it CR0.PE and CR0.PG can't be cleared: #GP; other bits can be changed", off_rows)
{
    lab_clear(PROC2_UNRESTRICTED_GUEST);
    OBSERVE(mode_run(MODE_COMPATIBILITY_32, row->code, NULL));
    if (row->faults)
        EXPECT_FAULT(EXCEPTION_GP, 0);
    else
        EXPECT_NO_EXIT();
}
