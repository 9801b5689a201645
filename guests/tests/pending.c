/*
 * Pending debug exceptions: held back by MOV SS, saved by an exit, delivered after an entry. "Guest Non-Register State",
 * "Saving Non-Register State", "Delivery of Pending Debug Exceptions after VM Entry".
 */
#include "guests/lib/lab/lab.h"

#include <string.h>

enum { PENDING_B0 = 1 << 0, PENDING_B3 = 1 << 3, PENDING_ENABLED = 1 << 12, PENDING_BS = 1 << 14 };
enum { DR7_FIXED = 0x400, DR7_L0 = 1, DR7_ACCESS_0 = 3 << 16, DR7_2_BYTES_0 = 1 << 18, RFLAGS_TF = 1 << 8 };

#define SET_TF "\x9c\x81\x0c\x24\x00\x01\x00\x00\x9d" /* PUSHF; OR [RSP], TF; POPF: 9 bytes */
#define CODE(bytes) (bytes), sizeof(bytes) - 1

/* [RBX] is SELECTOR_DATA, as is RAX. */
static const struct held {
    const char *label;
    const char *code;
    unsigned length, at;
    bool breakpoint; /* on [RBX] */
    uint64_t pending;
} holds[] = {
    {"none", CODE("\x8e\xd0\x0f\xa2"), 2, false, 0},
    {"step", CODE(SET_TF "\x8e\xd0\x0f\xa2"), 11, false, PENDING_BS},
    {"breakpoint", CODE("\x8e\x13\x0f\xa2"), 2, true, PENDING_B0 | PENDING_ENABLED},
    {"both", CODE(SET_TF "\x8e\x13\x0f\xa2"), 11, true, PENDING_BS | PENDING_B0 | PENDING_ENABLED},
};

FEATURE_TESTS(pending_saved, VMX, NEEDS(), "Saving Non-Register State",
              "a debug exception that MOV SS holds back is in the field when the next instruction exits", holds)
{
    uint64_t where = code_put((const uint8_t *)row->code, row->length);
    uint16_t *data = page_scratch(0);
    struct code_registers registers = {.rax = SELECTOR_DATA, .rbx = (uint64_t)data};
    struct exit_record e;

    *data = SELECTOR_DATA;
    lab_may_change(GUEST_RFLAGS);
    lab_may_change(GUEST_INTERRUPTIBILITY);
    lab_may_change(GUEST_PENDING_DEBUG);
    if (row->breakpoint) {
        lab_reset_debug_registers();
        insn_write_dr0((uint64_t)data);
        insn_write_dr7(DR7_FIXED | DR7_L0 | DR7_ACCESS_0 | DR7_2_BYTES_0);
    }
    e = OBSERVE(code_run(&registers));
    EXPECT_EXIT(EXIT_CPUID);
    EXPECT_EQ(e.rip, where + row->at);
    EXPECT_EQ(lab_read(GUEST_INTERRUPTIBILITY), BLOCKING_MOV_SS);
    EXPECT_EQ(lab_read(GUEST_PENDING_DEBUG), row->pending);
}

static const struct entered {
    const char *label;
    uint64_t pending;
    uint64_t dr6; /* 0: nothing is delivered */
} entries[] = {
    {"none", 0, 0},
    {"b0", PENDING_B0 | PENDING_ENABLED, PENDING_B0},
    {"b3", PENDING_B3 | PENDING_ENABLED, PENDING_B3},
    {"b0-b3", PENDING_B0 | PENDING_B3 | PENDING_ENABLED, PENDING_B0 | PENDING_B3},
    {"step", PENDING_BS, PENDING_BS},
};

FEATURE_TESTS(pending_delivered, VMX, NEEDS(), "Delivery of Pending Debug Exceptions after VM Entry",
              "#DB after the entry, before any instruction, with what was pending in DR6", entries)
{
    lab_reset_debug_registers();
    insn_write_dr6(0xffff0ff0);
    OBSERVE(lab_write(GUEST_PENDING_DEBUG, row->pending));
    if (!row->pending) {
        EXPECT_NO_EXIT();
        return;
    }
    EXPECT_FAULT(EXCEPTION_DB, 0);
    EXPECT_BITS(insn_read_dr6(), 0x600f, row->dr6);
}

FEATURE_TESTS(pending_exits, VMX, NEEDS(), "Delivery of Pending Debug Exceptions after VM Entry",
              "with bit 1 of the exception bitmap it exits: qualification as DR6 would be, DR6 as before", entries)
{
    struct exit_record e;
    uint64_t dr6;

    lab_reset_debug_registers();
    insn_write_dr6(0xffff0ff0);
    dr6 = insn_read_dr6();
    lab_trap_exceptions(1u << EXCEPTION_DB);
    e = OBSERVE(lab_write(GUEST_PENDING_DEBUG, row->pending));
    if (!row->pending) {
        EXPECT_NO_EXIT();
        return;
    }
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EQ(e.interruption_info, EVENT(EVENT_HARDWARE_EXCEPTION, EXCEPTION_DB));
    EXPECT_BITS(e.qualification, 0x600f, row->dr6);
    EXPECT_EQ(insn_read_dr6(), dr6);
}

static const struct feature_axis inject_axes[] = {AXIS("ud", "nmi", "db"), {0}};
static unsigned taken;

static void take(struct interrupt_frame *frame) { taken |= 1u << frame->vector; }

FEATURE_GRID(pending_lost, VMX, NEEDS(), "Delivery of Pending Debug Exceptions after VM Entry",
             "an entry that injects a hardware exception or an NMI delivers that first; a pending #DB is not within its delivery",
             inject_axes)
{
    static const struct {
        uint8_t type, vector;
    } events[] = {{EVENT_HARDWARE_EXCEPTION, EXCEPTION_UD}, {EVENT_NMI, EXCEPTION_NMI}, {EVENT_HARDWARE_EXCEPTION, EXCEPTION_DB}};

    taken = 0;
    if (feature_has(PIN_VIRTUAL_NMIS))
        lab_set(PIN_VIRTUAL_NMIS);
    lab_reset_debug_registers();
    trap_set_handler(events[at[0]].vector, take);
    trap_set_handler(EXCEPTION_DB, take);
    OBSERVE(LAB_WRITE({GUEST_PENDING_DEBUG, PENDING_B0 | PENDING_ENABLED},
                      {ENTRY_INTERRUPTION_INFO, EVENT(events[at[0]].type, events[at[0]].vector)}));
    EXPECT_NO_EXIT();
    EXPECT_BITS(taken, 1u << events[at[0]].vector, 1u << events[at[0]].vector);
}
