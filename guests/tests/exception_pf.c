/* Page faults: the bit of the exception bitmap means the opposite where error code and mask do not give the match. */
#include "guests/lib/lab/lab.h"

enum { CR0_WP = 1 << 16, EFER_NXE = 1 << 11, MSR_EFER = 0xc0000080u };
enum { PF_PRESENT = 1, PF_WRITE = 2, PF_USER = 4, PF_RESERVED = 8, PF_FETCH = 16 };
#define RESERVED_BIT (1ull << 51)

enum access { READ, WRITE, FETCH };

static const struct kind {
    uint64_t error, flags;
    enum access access;
    bool user;
} kinds[] = {
    {0, 0, READ, false},
    {PF_WRITE, 0, WRITE, false},
    {PF_FETCH, 0, FETCH, false},
    {PF_USER, 0, READ, true},
    {PF_USER | PF_WRITE, 0, WRITE, true},
    {PF_PRESENT | PF_WRITE, PAGE_PRESENT, WRITE, false},
    {PF_PRESENT | PF_USER, PAGE_PRESENT | PAGE_WRITE, READ, true},
    {PF_PRESENT | PF_USER | PF_WRITE, PAGE_PRESENT | PAGE_USER, WRITE, true},
    {PF_PRESENT | PF_FETCH, PAGE_PRESENT | PAGE_NX, FETCH, false},
    {PF_PRESENT | PF_USER | PF_FETCH, PAGE_PRESENT | PAGE_USER | PAGE_NX, FETCH, true},
    {PF_PRESENT | PF_RESERVED, PAGE_PRESENT | RESERVED_BIT, READ, false},
};

static const uint32_t masks[] = {0, PF_PRESENT, PF_WRITE, PF_USER, PF_RESERVED | PF_FETCH, ~0u};

enum { EQUAL, OTHER };

static const struct feature_axis axes[] = {
    AXIS("read", "write", "fetch", "user-read", "user-write", "read-only", "supervisor", "user-read-only", "no-execute",
         "user-no-execute", "reserved"),
    AXIS("mask-0", "mask-1", "mask-2", "mask-4", "mask-18", "mask-all"),
    AXIS("equal", "other"),
    AXIS("clear", "set"),
    {0},
};
_Static_assert(sizeof kinds / sizeof *kinds == 11, "a label for each");

static void prepare(const struct kind *kind)
{
    lab_keep_msr(MSR_EFER);
    insn_wrmsr(MSR_EFER, insn_rdmsr(MSR_EFER) | EFER_NXE);
    if (kind->error & PF_WRITE)
        insn_write_cr0(insn_read_cr0() | CR0_WP);
}

/* MOV AL, [RBX]; MOV [RBX], AL; JMP RBX */
static uint64_t put_code(enum access access)
{
    static const uint8_t code[][2] = {{0x8a, 0x03}, {0x88, 0x03}, {0xff, 0xe3}};

    return code_put(code[access], 2);
}

/* A mask of 0 equals a match of 0 alone. */
static uint32_t match_of(uint64_t error, uint32_t mask, unsigned which)
{
    uint32_t lowest = mask ? mask & -mask : 1;

    return which == EQUAL ? (uint32_t)error & mask : ((uint32_t)error & mask) ^ lowest;
}

FEATURE_GRID(exception_pf, VMX, NEEDS(CPU_NX), "Exception Bitmap",
             "a page fault exits if bit 14 says so and error code & mask = match, or if it does not and they differ", axes)
{
    const struct kind *kind = &kinds[at[0]];
    bool exits = (at[2] == EQUAL) == (at[3] != 0);
    uint64_t where = put_code(kind->access), cr2 = insn_read_cr2();
    void *target = page_map(0, (uint64_t)page_scratch(0), kind->flags);
    struct code_registers registers = {.rbx = (uint64_t)target};
    struct exit_record e;

    prepare(kind);
    LAB_WRITE({PF_ERROR_CODE_MASK, masks[at[1]]}, {PF_ERROR_CODE_MATCH, match_of(kind->error, masks[at[1]], at[2])},
              {EXCEPTION_BITMAP, at[3] ? 1u << EXCEPTION_PF : ~(1u << EXCEPTION_PF)});
    if (kind->user)
        e = OBSERVE(IN_USER(code_run(&registers)));
    else
        e = OBSERVE(code_run(&registers));
    if (!exits) {
        EXPECT_FAULT(EXCEPTION_PF, kind->error);
        EXPECT_EQ(lab_fault.cr2, target);
        return;
    }
    EXPECT_EXIT(EXIT_EXCEPTION_NMI);
    EXPECT_EQ(e.interruption_info, EVENT(EVENT_HARDWARE_EXCEPTION, EXCEPTION_PF) | EVENT_ERROR_CODE);
    EXPECT_EQ(e.interruption_error, kind->error);
    EXPECT_EQ(e.qualification, target);
    EXPECT_EQ(e.rip, kind->access == FETCH ? (uint64_t)target : where);
    EXPECT_EQ(insn_read_cr2(), cr2);
}
