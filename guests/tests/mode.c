/* Intercepts in virtual-8086 and real-address mode: what the mode or its IOPL forbids comes first. */
#include "guests/lib/lab/lab.h"

#include <string.h>

enum { PORT = 0x5000, DATA = 0x3000, IOPL_3 = 3 << 12, RFLAGS_FIXED = 2 };
enum expected { EXITS, GP, UD, RUNS };
enum place { V86_IOPL_0, V86_IOPL_3, REAL, PLACES };

static const struct insn {
    const char *label, *code;
    unsigned length;
    uint64_t reason;
    uint16_t control, enable;
    enum expected in[PLACES];
    bool open_port, trap_port;
} insns[] = {
#define CODE(bytes) (bytes), sizeof(bytes) - 1
#define PLAIN NO_EXIT, 0, 0
#define BY(reason, control) reason, control, 0
#define IN(v86_iopl_0, v86_iopl_3, real) .in = {v86_iopl_0, v86_iopl_3, real}
#define INSNS(X)                                                                                                      \
    X("pushf", CODE("\x9c"), PLAIN, IN(GP, RUNS, RUNS))                                                               \
    X("popf", CODE("\x9d"), PLAIN, IN(GP, RUNS, RUNS))                                                                \
    X("iret", CODE("\xcf"), PLAIN, IN(GP, RUNS, RUNS))                                                                \
    X("cli", CODE("\xfa"), PLAIN, IN(GP, RUNS, RUNS))                                                                 \
    X("in-trapped", CODE("\xec"), BY(EXIT_IO, PROC_IO_BITMAPS), IN(GP, GP, EXITS), .trap_port = true)                 \
    X("in", CODE("\xec"), BY(EXIT_IO, PROC_IO_BITMAPS), IN(GP, GP, RUNS))                                             \
    X("in-open-trapped", CODE("\xec"), BY(EXIT_IO, PROC_IO_BITMAPS), IN(EXITS, EXITS, EXITS), .open_port = true,      \
      .trap_port = true)                                                                                              \
    X("in-open", CODE("\xec"), BY(EXIT_IO, PROC_IO_BITMAPS), IN(RUNS, RUNS, RUNS), .open_port = true)                 \
    X("hlt", CODE("\xf4"), BY(EXIT_HLT, PROC_HLT), IN(GP, GP, EXITS))                                                 \
    X("cpuid", CODE("\x0f\xa2"), BY(EXIT_CPUID, 0), IN(EXITS, EXITS, EXITS))                                          \
    X("pause", CODE("\xf3\x90"), BY(EXIT_PAUSE, PROC_PAUSE), IN(EXITS, EXITS, EXITS))                                 \
    X("rdtsc", CODE("\x0f\x31"), BY(EXIT_RDTSC, PROC_RDTSC), IN(EXITS, EXITS, EXITS))                                 \
    X("rdtscp", CODE("\x0f\x01\xf9"), EXIT_RDTSCP, PROC_RDTSC, PROC2_RDTSCP, IN(EXITS, EXITS, EXITS))                 \
    X("rdpmc", CODE("\x0f\x33"), BY(EXIT_RDPMC, PROC_RDPMC), IN(GP, GP, EXITS))                                       \
    X("monitor", CODE("\x0f\x01\xc8"), BY(EXIT_MONITOR, PROC_MONITOR), IN(UD, UD, EXITS))                             \
    X("invd", CODE("\x0f\x08"), BY(EXIT_INVD, 0), IN(GP, GP, EXITS))                                                  \
    X("wbinvd", CODE("\x0f\x09"), BY(EXIT_WBINVD, PROC2_WBINVD), IN(GP, GP, EXITS))                                   \
    X("invlpg", CODE("\x0f\x01\x3f"), BY(EXIT_INVLPG, PROC_INVLPG), IN(GP, GP, EXITS))                                \
    X("rdrand", CODE("\x0f\xc7\xf1"), BY(EXIT_RDRAND, PROC2_RDRAND), IN(EXITS, EXITS, EXITS))                         \
    X("clts", CODE("\x0f\x06"), PLAIN, IN(GP, GP, RUNS))                                                              \
    X("smsw", CODE("\x0f\x01\xe1"), PLAIN, IN(RUNS, RUNS, RUNS))                                                      \
    X("mov-from-cr3", CODE("\x0f\x20\xd9"), BY(EXIT_CR_ACCESS, PROC_CR3_STORE), IN(GP, GP, EXITS))                    \
    X("mov-from-dr7", CODE("\x0f\x21\xf9"), BY(EXIT_MOV_DR, PROC_MOV_DR), IN(EXITS, EXITS, EXITS))                    \
    X("rdmsr", CODE("\x0f\x32"), BY(EXIT_RDMSR, 0), IN(GP, GP, EXITS))                                                \
    X("vmcall", CODE("\x0f\x01\xc1"), BY(EXIT_VMCALL, 0), IN(EXITS, EXITS, EXITS))                                    \
    X("vmptrld", CODE("\x0f\xc7\x37"), BY(EXIT_VMPTRLD, 0), IN(UD, UD, UD))                                           \
    X("vmxoff", CODE("\x0f\x01\xc4"), BY(EXIT_VMXOFF, 0), IN(UD, UD, UD))                                             \
    X("lock-cpuid", CODE("\xf0\x0f\xa2"), BY(EXIT_CPUID, 0), IN(UD, UD, UD))
#define ROW(label, ...) {label, __VA_ARGS__},
#define LABEL(label, ...) label,
    INSNS(ROW)
};

static const struct feature_axis axes[] = {AXIS(INSNS(LABEL)), AXIS("v86-iopl-0", "v86-iopl-3", "real"), {0}};

static const uint16_t *row_needs(const void *at)
{
    static uint16_t needs[4];
    const struct insn *insn = &insns[*(const unsigned *)at];
    unsigned n = 0;

    memset(needs, 0, sizeof needs);
    if (insn->control)
        needs[n++] = insn->control;
    if (insn->enable)
        needs[n++] = insn->enable;
    if (insn->reason == EXIT_MONITOR)
        needs[n++] = HW_MONITOR;
    return needs;
}

static void set_controls(const struct insn *insn)
{
    if (insn->enable)
        lab_set(insn->enable);
    if (insn->control)
        lab_set(insn->control);
    if (insn->control != PROC_IO_BITMAPS)
        return;
    lab_clear(PROC_UNCONDITIONAL_IO);
    lab_trap_port(PORT, insn->trap_port);
    tables_allow_port(PORT, insn->open_port);
}

FEATURE_GRID(mode_insn, VMX, NEEDS(PROC2_UNRESTRICTED_GUEST), "Relative Priority of Faults and VM Exits",
             "what these modes or IOPL forbid is a fault and no exit; what they allow exits if its control says so",
             axes, .row_needs = row_needs)
{
    const struct insn *insn = &insns[at[0]];
    const struct mode_code code = {insn->code, insn->code + insn->length, 16};
    const enum expected expected = insn->in[at[1]];
    struct mode_registers registers = {.edx = PORT, .ebx = DATA, .flags = at[1] == V86_IOPL_3 ? IOPL_3 : 0};
    struct exit_record e;

    memcpy(mode_memory(MODE_STACK), (const uint16_t[]){(uint16_t)(MODE_ADDRESS + insn->length), 0, RFLAGS_FIXED}, 6);
    set_controls(insn);
    lab_may_change_all();
    e = OBSERVE(mode_run(at[1] == REAL ? MODE_REAL : MODE_V86, &code, &registers));
    if (expected == EXITS) {
        EXPECT_EXIT(insn->reason);
        EXPECT_EQ(e.rip, MODE_ADDRESS);
        EXPECT_EQ(e.instruction_length, insn->length);
    } else if (expected == RUNS) {
        EXPECT_NO_EXIT();
    } else {
        EXPECT_FAULT(expected == GP ? EXCEPTION_GP : EXCEPTION_UD, 0);
        EXPECT_EQ(lab_fault.rip, MODE_ADDRESS);
    }
}
