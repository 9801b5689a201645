/*
 * Interrupt-window and NMI-window exiting, blocking by STI, MOV SS and NMI, virtual NMIs, the monitor trap flag. "Other Causes
 * of VM Exits", "Changes to Instruction Behavior in VMX Non-Root Operation", "Saving Non-Register State".
 */
#include "guests/lib/lab/lab.h"

#include <string.h>

/* ---- Where the interrupt window opens ---------------------------------------------------------------------------- */

#define SET_IF   "\x9c\x81\x0c\x24\x00\x02\x00\x00\x9d"                  /* PUSHF; OR [RSP], IF; POPF: 9 bytes */
#define CLEAR_IF "\x9c\x81\x24\x24\xff\xfd\xff\xff\x9d"
/* MOV ECX, SS; MOV RAX, RSP; PUSH RCX; PUSH RAX; PUSHF; OR [RSP], IF; MOV ECX, CS; PUSH RCX; LEA RAX, [end]; PUSH RAX; IRETQ */
#define IRET_IF                                                                                                       \
    "\x8c\xd1\x48\x89\xe0\x51\x50\x9c\x81\x0c\x24\x00\x02\x00\x00\x8c\xc9\x51\x48\x8d\x05\x03\x00\x00\x00\x50\x48\xcf"
enum { IRET_BYTES = 28, SHUT = -1 };

/* RAX is SELECTOR_DATA. Interrupts are off at the start. */
static const struct opening {
    const char *label;
    const char *code;
    unsigned length;
    int at; /* the exit's RIP - where the code is; or SHUT */
} openings[] = {
#define CODE(bytes) (bytes), sizeof(bytes) - 1
    {"nops", CODE("\x90\x90\x90"), SHUT},
    {"sti", CODE("\xfb\x90\x90\x90\xfa"), 2},
    {"sti-cli", CODE("\xfb\xfa\x90\x90"), SHUT},
    {"sti-sti", CODE("\xfb\xfb\x90\x90\xfa"), 2},
    {"sti-long", CODE("\xfb\x48\xb9\x00\x00\x00\x00\x00\x00\x00\x00\x90\xfa"), 11},
    {"sti-mov-ss", CODE("\xfb\x8e\xd0\x90\x90\xfa"), 4},
    {"sti-jump", CODE("\xfb\xeb\x02\x90\x90\x90\xfa"), 5},
    {"popf", CODE(SET_IF "\x90\xfa"), 9},
    {"popf-mov-ss", CODE("\x9c\x81\x0c\x24\x00\x02\x00\x00\x9d\x8e\xd0\xfa"), 9},
    {"popf-off", CODE(CLEAR_IF "\x90\x90"), SHUT},
    {"iret", CODE(IRET_IF "\x90\xfa"), IRET_BYTES},
    {"mov-ss", CODE("\x8e\xd0\x90\x90"), SHUT},
};

FEATURE_TESTS(window_opens, VMX, NEEDS(PROC_INTERRUPT_WINDOW), "Other Causes of VM Exits",
              "the exit is where the window opens: IF = 1 and no blocking by STI or MOV SS; nothing is blocked then", openings)
{
    uint64_t where = code_put((const uint8_t *)row->code, row->length);
    struct code_registers registers = {.rax = SELECTOR_DATA};
    struct exit_record e;

    lab_set(PROC_INTERRUPT_WINDOW);
    lab_may_change(GUEST_RFLAGS);
    e = OBSERVE(code_run(&registers));
    cpu_interrupts_off();
    if (row->at == SHUT) {
        EXPECT_NO_EXIT();
        return;
    }
    EXPECT_EXIT(EXIT_INTERRUPT_WINDOW);
    EXPECT_EXITS(1);
    EXPECT_EQ(e.rip, where + (unsigned)row->at);
    EXPECT_EQ(e.qualification, 0);
    EXPECT_BITS(e.vectoring_info, EVENT_VALID, 0);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), 0);
}

FEATURE_TESTS(window_off, VMX, NEEDS(), "Other Causes of VM Exits", "without the control there is no exit", openings)
{
    struct code_registers registers = {.rax = SELECTOR_DATA};

    code_put((const uint8_t *)row->code, row->length);
    OBSERVE(code_run(&registers));
    cpu_interrupts_off();
    EXPECT_NO_EXIT();
}

FEATURE_TEST(window_entry, VMX, NEEDS(PROC_INTERRUPT_WINDOW), "Interrupt-Window Exiting and Virtual-Interrupt Delivery",
             "with IF = 1 already, the exit is right after the entry, before an instruction that exits as well")
{
    struct exit_record cpuid, e;

    lab_may_change(GUEST_RFLAGS);
    cpuid = OBSERVE(cpu_interrupts_on(); lab_clear(PROC_INTERRUPT_WINDOW); cpu_id(0, 0));
    EXPECT_EQ(cpuid.reason, EXIT_CPUID);
    e = OBSERVE(cpu_interrupts_on(); lab_set(PROC_INTERRUPT_WINDOW); cpu_id(0, 0));
    cpu_interrupts_off();
    EXPECT_EXIT(EXIT_INTERRUPT_WINDOW);
    EXPECT_NE(e.rip, cpuid.rip);
}

FEATURE_TEST(window_hlt, VMX, NEEDS(PROC_INTERRUPT_WINDOW, NOT(PROC_HLT), PIN_PREEMPTION_TIMER), "Other Causes of VM Exits",
             "STI, HLT: the window opens in the HLT state, and the exit tells that state")
{
    uint64_t where = code_put((const uint8_t *)"\xfb\xf4\xfa", 3);
    struct code_registers registers = {0};
    struct exit_record e;

    lab_may_change(GUEST_RFLAGS);
    lab_may_change(GUEST_ACTIVITY);
    lab_clear(PROC_HLT);
    lab_set(PROC_INTERRUPT_WINDOW);
    lab_write(PREEMPTION_TIMER_VALUE, 100000);
    lab_set(PIN_PREEMPTION_TIMER);
    e = OBSERVE(code_run(&registers));
    cpu_interrupts_off();
    EXPECT_EXIT(EXIT_INTERRUPT_WINDOW);
    EXPECT_EQ(e.rip, where + 2);
    EXPECT_EQ(lab_read(GUEST_ACTIVITY), ACTIVITY_HALTED);
}

/* ---- Blocking, as an exit tells it ------------------------------------------------------------------------------- */

static const struct blocking {
    const char *label;
    const char *code;
    unsigned length, at;
    uint32_t blocking;
} blockings[] = {
    {"none", CODE("\x0f\xa2"), 0, 0},
    {"sti", CODE("\xfb\x0f\xa2"), 1, BLOCKING_STI},
    {"sti-on", CODE(SET_IF "\xfb\x0f\xa2"), 10, 0},
    {"sti-nop", CODE("\xfb\x90\x0f\xa2"), 2, 0},
    {"sti-cli", CODE("\xfb\xfa\x0f\xa2"), 2, 0},
    {"popf", CODE(SET_IF "\x0f\xa2"), 9, 0},
    {"mov-ss", CODE("\x8e\xd0\x0f\xa2"), 2, BLOCKING_MOV_SS},
    {"mov-ss-nop", CODE("\x8e\xd0\x90\x0f\xa2"), 3, 0},
    {"mov-ds", CODE("\x8e\xd8\x0f\xa2"), 2, 0},
    {"mov-ss-on", CODE(SET_IF "\x8e\xd0\x0f\xa2"), 11, BLOCKING_MOV_SS},
};

FEATURE_TESTS(window_blocking, VMX, NEEDS(), "Saving Non-Register State",
              "blocking by STI or by MOV SS is saved by an exit of the next instruction, and of no later one", blockings)
{
    uint64_t where = code_put((const uint8_t *)row->code, row->length);
    struct code_registers registers = {.rax = SELECTOR_DATA};
    struct exit_record e;

    lab_may_change(GUEST_RFLAGS);
    lab_may_change(GUEST_INTERRUPTIBILITY);
    e = OBSERVE(code_run(&registers));
    cpu_interrupts_off();
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(e.rip, where + row->at);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), row->blocking);
}

/* ---- Virtual NMIs -------------------------------------------------------------------------------------------------- */

static uint64_t in_handler;

static void take_nmi(struct interrupt_frame *frame)
{
    (void)frame;
    in_handler++;
}

static void take_nmi_and_exit(struct interrupt_frame *frame)
{
    (void)frame;
    in_handler++;
    cpu_id(0, 0);
}

static void prepare_nmi(trap_handler *handler)
{
    in_handler = 0;
    trap_set_handler(EXCEPTION_NMI, handler);
    lab_set(PIN_VIRTUAL_NMIS);
    lab_may_change(GUEST_INTERRUPTIBILITY);
    lab_may_change(GUEST_RFLAGS);
}

#define INJECT_NMI lab_write(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_NMI, EXCEPTION_NMI))

FEATURE_TEST(window_nmi_blocks, VMX, NEEDS(PIN_VIRTUAL_NMIS), "Saving Non-Register State",
             "in the handler of an injected NMI, virtual NMIs are blocked")
{
    prepare_nmi(take_nmi_and_exit);
    OBSERVE(INJECT_NMI);
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(in_handler, 1);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), BLOCKING_NMI);
}

FEATURE_TEST(window_nmi_iret, VMX, NEEDS(PIN_VIRTUAL_NMIS), "Changes to Instruction Behavior in VMX Non-Root Operation",
             "IRET ends the blocking of virtual NMIs")
{
    prepare_nmi(take_nmi);
    OBSERVE(INJECT_NMI; cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(in_handler, 1);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), 0);
}

FEATURE_TEST(window_nmi_open, VMX, NEEDS(PIN_VIRTUAL_NMIS, PROC_NMI_WINDOW), "Other Causes of VM Exits",
             "the NMI window is open at once where nothing blocks, with interrupts off, too")
{
    prepare_nmi(take_nmi);
    OBSERVE(lab_set(PROC_NMI_WINDOW); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_NMI_WINDOW);
    EXPECT_EXITS(1);
}

FEATURE_TEST(window_nmi_shut, VMX, NEEDS(PIN_VIRTUAL_NMIS, PROC_NMI_WINDOW), "Other Causes of VM Exits",
             "blocking of virtual NMIs keeps the NMI window shut")
{
    prepare_nmi(take_nmi);
    OBSERVE(LAB_WRITE({GUEST_INTERRUPTIBILITY, BLOCKING_NMI}, {PROC_CONTROLS, lab_read(PROC_CONTROLS) | 1u << 22}); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), BLOCKING_NMI);
}

FEATURE_TEST(window_nmi_after_iret, VMX, NEEDS(PIN_VIRTUAL_NMIS, PROC_NMI_WINDOW), "Other Causes of VM Exits",
             "the NMI window opens behind the IRET of the handler, which the guest gets no further than")
{
    static const uint8_t code[] = IRET_IF "\x0f\xa2";
    uint64_t where = code_put(code, sizeof code - 1);
    struct code_registers registers = {0};
    struct exit_record e;

    prepare_nmi(take_nmi);
    e = OBSERVE(LAB_WRITE({GUEST_INTERRUPTIBILITY, BLOCKING_NMI}, {PROC_CONTROLS, lab_read(PROC_CONTROLS) | 1u << 22});
                code_run(&registers));
    cpu_interrupts_off();
    EXPECT_EXIT(EXIT_NMI_WINDOW);
    EXPECT_EQ(e.rip, where + IRET_BYTES);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), 0);
}

static const struct unblocking {
    const char *label;
    uint32_t before;
} unblockings[] = {{"blocked", BLOCKING_NMI}, {"not-blocked", 0}};

FEATURE_TEST(window_nmi_entry, VMX, NEEDS(PIN_VIRTUAL_NMIS, PROC_NMI_WINDOW), "Interruptibility State",
             "a VM entry without blocking in its field ends the blocking that was there at the exit")
{
    prepare_nmi(take_nmi_and_exit);
    OBSERVE(INJECT_NMI);
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), BLOCKING_NMI);
    OBSERVE(cpu_id(0, 0)); /* the library has entered with an 0 in the field */
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), 0);
    OBSERVE(lab_set(PROC_NMI_WINDOW); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_NMI_WINDOW);
}

/* IRETQ from a frame with a selector beyond the GDT: #GP in IRET itself. */
FEATURE_TESTS(window_nmi_unblocking, VMX, NEEDS(PIN_VIRTUAL_NMIS), "Information About NMI Unblocking Due to IRET",
              "a fault in IRET tells whether that IRET has ended the blocking; the blocking is over all the same", unblockings)
{
    static const uint8_t code[] = "\x8c\xd1\x48\x89\xe0\x51\x50\x9c\x68\x00\x10\x00\x00\x6a\x00\x48\xcf";
    uint64_t where = code_put(code, sizeof code - 1);
    struct code_registers registers = {0};
    struct exit_record e;

    prepare_nmi(take_nmi);
    lab_trap_exceptions(1u << EXCEPTION_GP);
    e = OBSERVE(lab_write(GUEST_INTERRUPTIBILITY, row->before); code_run(&registers));
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EQ(e.rip, where + 15);
    EXPECT_EQ(e.interruption_info, EVENT(EVENT_HARDWARE_EXCEPTION, EXCEPTION_GP) | EVENT_ERROR_CODE |
                                       (row->before ? EVENT_NMI_UNBLOCKING : 0));
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), 0);
}

/* ---- Monitor trap flag --------------------------------------------------------------------------------------------- */

FEATURE_TEST(window_mtf, VMX, NEEDS(PROC_MONITOR_TRAP_FLAG), "Monitor Trap Flag", "it exits after one instruction")
{
    struct exit_record first, e;

    first = OBSERVE(lab_write(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_OTHER, 0)));
    EXPECT_EXIT(EXIT_MONITOR_TRAP_FLAG);
    e = OBSERVE(lab_set(PROC_MONITOR_TRAP_FLAG));
    EXPECT_EXIT(EXIT_MONITOR_TRAP_FLAG);
    EXPECT_NE(e.rip, first.rip);
}

FEATURE_TEST(window_mtf_injected, VMX, NEEDS(PROC_MONITOR_TRAP_FLAG), "Injection of Pending MTF VM Exits",
             "an injected MTF exit comes before any instruction, once")
{
    OBSERVE(lab_write(ENTRY_INTERRUPTION_INFO, EVENT(EVENT_OTHER, 0)); cpu_id(0, 0));
    EXPECT_EXIT(EXIT_MONITOR_TRAP_FLAG);
    EXPECT_EXITS(1);
}

FEATURE_TEST(window_mtf_other_exit, VMX, NEEDS(PROC_MONITOR_TRAP_FLAG), "Monitor Trap Flag",
             "an instruction that exits does so instead")
{
    static const uint8_t code[] = {0x0f, 0xa2};
    struct code_registers registers = {0};

    code_put(code, sizeof code);
    OBSERVE_SKIP(lab_set(PROC_MONITOR_TRAP_FLAG); code_run(&registers));
    EXPECT_EQ(lab_seen.exit[0].reason, EXIT_MONITOR_TRAP_FLAG);
}
