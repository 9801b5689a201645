/*
 * Instructions that a lab's VMCB has to intercept, for the host's sake, with and without their intercepts: in guests
 * of the probe. There is no row of SKINIT and INVD, which would take the host's memory; VMRUN without its intercept
 * is a rule of the entry, A13.
 */
#include <string.h>

#include "guests/lib/lab/lab.h"

#define MANUAL "Instruction Intercepts"

enum { CR4_OSXSAVE = 1 << 18, CPUID_LENGTH = 2, FILL = 0xee, STATE_AT = 0x400 /* in a VMCB: the state-save area */ };
enum { ADDRESS_AT = 2 /* in code with MOV RAX, imm64 first */ };

static const struct insn {
    const char *label;
    enum feature_need control;
    unsigned code;     /* of the exit */
    unsigned at;       /* in the bytes */
    const char *bytes; /* CPUID is behind them */
    unsigned n;
    unsigned fault;           /* what it is in CPL 3, and, if `always`, in CPL 0 */
    bool always, has_address; /* RAX is the address of a page */
    bool xsave;
} insns[] = {
#define CODE(text) (text), sizeof(text) - 1
#define MOV_RAX    "\x48\xb8\0\0\0\0\0\0\0\0"
#define VMSAVE     "\x0f\x01\xdb" /* before VMLOAD, too, which so changes nothing */
#define LIST(X)                                                                                                        \
    X("stgi", INTERCEPT_STGI, VMEXIT_STGI, 0, CODE("\x0f\x01\xdc"), EXCEPTION_GP, false, false, false)                 \
    X("clgi", INTERCEPT_CLGI, VMEXIT_CLGI, 0, CODE("\x0f\x01\xdd\x0f\x01\xdc"), EXCEPTION_GP, false, false, false)     \
    X("vmsave", INTERCEPT_VMSAVE, VMEXIT_VMSAVE, 10, CODE(MOV_RAX VMSAVE), EXCEPTION_GP, false, true, false)           \
    X("vmload", INTERCEPT_VMLOAD, VMEXIT_VMLOAD, 13, CODE(MOV_RAX VMSAVE "\x0f\x01\xda"), EXCEPTION_GP, false, true,   \
      false)                                                                                                           \
    X("invlpga", INTERCEPT_INVLPGA, VMEXIT_INVLPGA, 7, CODE("\x31\xc0\xb9\x01\0\0\0\x0f\x01\xdf"), EXCEPTION_GP,       \
      false, false, false)                                                                                             \
    X("vmmcall", INTERCEPT_VMMCALL, VMEXIT_VMMCALL, 0, CODE("\x0f\x01\xd9"), EXCEPTION_UD, true, false, false)         \
    X("xsetbv", INTERCEPT_XSETBV, VMEXIT_XSETBV, 5, CODE("\x31\xc9\x0f\x01\xd0\x0f\x01\xd1"), EXCEPTION_GP, false,     \
      false, true)
#define ROW(...) {__VA_ARGS__},
    LIST(ROW)};
#define LABEL(label, ...) label,

enum { ON, OFF, USER_OFF };
static const struct feature_axis axes[] = {AXIS(LIST(LABEL)), AXIS("on", "off", "user-off"), {0}};

/* The page of data at its own address, whether the CPU takes RAX for the guest's or the host's. */
static struct entry_block begin(const struct insn *insn)
{
    enum { ROOM = 32 };
    uint64_t address = probe_guest_data_address();
    struct entry_block block;
    uint8_t code[ROOM];

    memcpy(code, insn->bytes, insn->n);
    memcpy(code + insn->n, "\x0f\xa2", CPUID_LENGTH);
    if (insn->has_address)
        memcpy(code + ADDRESS_AT, &address, sizeof address);
    block = probe_guest_begin(code, insn->n + CPUID_LENGTH);
    probe_guest_map(address, address, 1);
    memset(probe_guest_data(), FILL, PAGE_BYTES);
    return block;
}

static bool is_filled(unsigned from, unsigned to)
{
    const uint8_t *page = probe_guest_data();

    while (from < to && page[from] == FILL)
        from++;
    return from == to;
}

FEATURE_GRID(probe_intercept, SVM, NEEDS(), MANUAL,
             "with its intercept it exits, without it is done, and in CPL 3 it faults", axes)
{
    const struct insn *insn = &insns[at[0]];
    struct entry_block block = begin(insn);
    bool faults = insn->always ? at[1] != ON : at[1] == USER_OFF;
    struct probe_result result;

    if (insn->xsave && !feature_has(HW_XSAVE))
        SKIP("needs HW_XSAVE");
    if (insn->xsave)
        probe_guest_set(&block, VMCB_CR4, CR4_OSXSAVE);
    if (at[1] == ON)
        probe_guest_control(&block, insn->control);
    if (at[1] == USER_OFF)
        probe_guest_in_user_mode(&block);
    result = probe_guest_enter();
    EXPECT_EQ(result.reason, at[1] == ON ? insn->code : faults ? VMEXIT_EXCEPTION(insn->fault) : VMEXIT_CPUID);
    if (at[1] == ON || insn->always)
        EXPECT_EQ(probe_guest_field(VMCB_RIP), PROBE_GUEST_CODE + insn->at);
    if (at[1] == OFF && !insn->always)
        EXPECT_EQ(probe_guest_field(VMCB_RIP), PROBE_GUEST_CODE + insn->n);
    EXPECT(is_filled(0, STATE_AT));
    if (insn->code == VMEXIT_VMSAVE)
        EXPECT_EQ(is_filled(STATE_AT, PAGE_BYTES), at[1] != OFF);
}
