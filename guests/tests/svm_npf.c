/* Nested page faults of SVM: what in the nested entry faults for which access, and what EXITINFO1 and EXITINFO2 tell. */
#include <string.h>

#include "guests/lib/lab/lab.h"

#define MANUAL "Nested versus Guest Page Faults, Fault Ordering"

enum access { READ, WRITE, EXECUTE, READ_USER, WRITE_USER };

/* Two pages of memory that are nobody's, in a 2 MiB region of its own; and where a table of the guest's lies. */
enum { TARGET = PAGE_FREE + PAGE_LARGE_BYTES, OFFSET = 0x128 };

static const struct fault_row {
    const char *label;
    uint64_t set, clear;
    uint64_t error; /* of EXITINFO1, for the accesses that fault */
    bool only_write, only_execute;
} kinds[] = {
    {"not-present", 0, PAGE_PRESENT, 0, false, false},
    {"read-only", 0, PAGE_WRITE, NPF_P, true, false},
    {"supervisor", 0, PAGE_USER, NPF_P, false, false},
    {"no-execute", PAGE_NX, 0, NPF_P, false, true},
    {"as-it-was", 0, 0, 0, false, false},
};

static const struct feature_axis axes[] = {
    AXIS("not-present", "read-only", "supervisor", "no-execute", "as-it-was"),
    AXIS("read", "write", "execute", "read-user", "write-user"), AXIS("4k", "2m"), {0},
};

static void *target(void)
{
    unsigned char *page = page_map(1, TARGET, PAGE_PRESENT | PAGE_WRITE | PAGE_USER);

    page[OFFSET] = 0xc3; /* RET */
    return page + OFFSET;
}

static void access(enum access access, void *at)
{
    switch (access) {
    case READ:
        (void)*(volatile char *)at;
        break;
    case WRITE:
        *(volatile char *)at = (char)0xc3;
        break;
    case EXECUTE:
        __asm__ volatile("call *%0" : : "r"(at) : "memory");
        break;
    case READ_USER:
        IN_USER((void)*(volatile char *)at);
        break;
    case WRITE_USER:
        IN_USER(*(volatile char *)at = (char)0xc3);
        break;
    }
}

static bool faults(const struct fault_row *kind, enum access how)
{
    bool writes = how == WRITE || how == WRITE_USER;

    if (!kind->set && !kind->clear)
        return false;
    return kind->only_write ? writes : kind->only_execute ? how == EXECUTE : true;
}

/* Nested walks are those of a user; an execution says so since NX is on in the host. */
static uint64_t error_of(const struct fault_row *kind, enum access how)
{
    return kind->error | NPF_U | (how == WRITE || how == WRITE_USER ? NPF_W : 0) | (how == EXECUTE ? NPF_ID : 0);
}

FEATURE_GRID(npf_final, SVM, NEEDS(), MANUAL, "an access that the nested entry does not allow exits with its error code and address", axes)
{
    const struct fault_row *kind = &kinds[at[0]];
    enum access how = (enum access)at[1];
    unsigned level = at[2] + 1;
    void *address = target();
    uint64_t entry = lab_nested_read(TARGET, level);

    lab_nested_write(TARGET, level, (entry | kind->set) & ~kind->clear);
    struct exit_record e = OBSERVE(access(how, address));
    if (!faults(kind, how)) {
        EXPECT_NO_EXIT();
        return;
    }
    if (!EXPECT_EXIT(VMEXIT_NPF))
        return;
    EXPECT_BITS(e.qualification, 0xffff, error_of(kind, how));
    EXPECT_EQ(e.qualification2, TARGET + OFFSET);
    EXPECT_BITS(e.qualification, NPF_FINAL | NPF_TABLE, NPF_FINAL);
}

FEATURE_TEST(npf_cr2, SVM, NEEDS(), MANUAL, "a nested fault leaves CR2 as it is")
{
    void *address = target();

    insn_write_cr2(0x1234);
    lab_nested_write(TARGET, 1, lab_nested_read(TARGET, 1) & ~(uint64_t)PAGE_PRESENT);
    OBSERVE(access(READ, address));
    EXPECT_EXIT(VMEXIT_NPF);
    EXPECT_EQ(insn_read_cr2(), 0x1234);
}

FEATURE_TEST(npf_bytes, SVM, NEEDS(SVM_DECODE_ASSISTS), "Nested and Intercepted #PF", "a nested fault on data tells the bytes of the instruction")
{
    volatile char *address = target();

    lab_nested_write(TARGET, 1, lab_nested_read(TARGET, 1) & ~(uint64_t)PAGE_PRESENT);
    struct exit_record e = OBSERVE(__asm__ volatile("movb $0x77, (%0)" : : "r"(address) : "memory"));
    EXPECT_EXIT(VMEXIT_NPF);
    EXPECT_GE(e.n_bytes, 3);
    EXPECT_LE(e.n_bytes, 15);
    EXPECT_EQ(memcmp(e.bytes, (const void *)e.rip, 3), 0);
}

FEATURE_TEST(npf_reserved, SVM, NEEDS(), MANUAL, "a reserved bit of the nested entry is told")
{
    unsigned bits = (unsigned)feature_capability(CAP_CPUID | 0x80000008) & 0xff;
    void *address = target();

    if (bits >= 52)
        SKIP("this CPU has no reserved bits in entries: CPUID 80000008H says %u address bits", bits);
    lab_nested_write(TARGET, 1, lab_nested_read(TARGET, 1) | 1ull << 51);
    struct exit_record e = OBSERVE(access(READ, address));
    EXPECT_EXIT(VMEXIT_NPF);
    EXPECT_BITS(e.qualification, 0xffff, NPF_P | NPF_U | NPF_RSV);
}

/* ---- The guest's own tables ---- */

/* The walk goes through the page table that maps the window's page; it is nested as everything is. */
static const struct walk {
    const char *label;
    unsigned level; /* of the guest's table whose page is at fault */
    uint64_t clear;
    uint64_t error;
} walks[] = {
    {"table-not-present", 1, PAGE_PRESENT, 0},
    {"table-read-only", 1, PAGE_WRITE, NPF_P},
    {"table-supervisor", 1, PAGE_USER, NPF_P},
};

/* Guest tables are walked as by a user who writes, for the sake of A and D. */
FEATURE_TESTS(npf_walk, SVM, NEEDS(), MANUAL, "a nested fault in the walk of the guest's tables says so, as a user's write", walks)
{
    void *address = target();
    uint64_t *entry = page_entry(address, row->level);
    uint64_t page = (uintptr_t)entry & ~(uint64_t)(PAGE_BYTES - 1);

    *entry &= ~(uint64_t)(PAGE_ACCESSED | PAGE_DIRTY);
    page_flush();
    lab_nested_write(page, 1, lab_nested_read(page, 1) & ~row->clear);
    struct exit_record e = OBSERVE(access(READ, address));
    EXPECT_EXIT(VMEXIT_NPF);
    EXPECT_BITS(e.qualification, NPF_FINAL | NPF_TABLE, NPF_TABLE);
    EXPECT_EQ(e.qualification2, (uintptr_t)entry);
    EXPECT_BITS(e.qualification, 0xffff, row->error | NPF_U | NPF_W);
}

/* ---- Which fault comes first ---- */

FEATURE_TEST(npf_after_guest_fault, SVM, NEEDS(), MANUAL, "a page that the guest's tables don't have is the guest's fault, whatever the nested entry")
{
    void *page;

    target();
    lab_nested_write(TARGET, 1, lab_nested_read(TARGET, 1) & ~(uint64_t)PAGE_PRESENT);
    page = page_map(2, TARGET, 0);
    OBSERVE(access(READ, page));
    EXPECT_FAULT(EXCEPTION_PF, 0);
}

FEATURE_TEST(npf_after_guest_rights, SVM, NEEDS(), MANUAL, "a write that the guest's tables forbid is the guest's fault")
{
    void *page;

    target();
    lab_nested_write(TARGET, 1, lab_nested_read(TARGET, 1) & ~(uint64_t)PAGE_PRESENT);
    page = page_map(2, TARGET, PAGE_PRESENT | PAGE_USER);
    OBSERVE(access(WRITE, page));
    EXPECT_FAULT(EXCEPTION_PF, PAGE_PRESENT | PAGE_WRITE);
}

FEATURE_TEST(npf_hole, SVM, NEEDS(), MANUAL, "gpa without memory exits, too, as nothing there is the kernel's to back")
{
    uint64_t hole = (uint64_t)hypercall(HC_MEMORY, 0, 0, 0);
    void *page = page_map(3, hole, PAGE_PRESENT | PAGE_WRITE);

    struct exit_record e = OBSERVE(access(READ, page));
    EXPECT_EQ(lab_seen.exits, 1);
    EXPECT_EQ(e.reason, VMEXIT_NPF);
    EXPECT_EQ(e.qualification2, hole);
    EXPECT_BITS(e.qualification, 0xffff, NPF_U);
}

/* ---- Accessed and dirty ---- */

FEATURE_TEST(npf_accessed, SVM, NEEDS(), "Nested Paging: Guest Page Table Entry A and D Bits", "a read sets A of the nested entry, and not D")
{
    void *address = target();
    uint64_t entry = lab_nested_read(TARGET, 1);

    lab_nested_write(TARGET, 1, entry & ~(uint64_t)(PAGE_ACCESSED | PAGE_DIRTY));
    access(READ, address);
    EXPECT_BITS(lab_nested_read(TARGET, 1), PAGE_ACCESSED | PAGE_DIRTY, PAGE_ACCESSED);
}

FEATURE_TEST(npf_dirty, SVM, NEEDS(), "Nested Paging: Guest Page Table Entry A and D Bits", "a write sets A and D of the nested entry")
{
    void *address = target();
    uint64_t entry = lab_nested_read(TARGET, 1);

    lab_nested_write(TARGET, 1, entry & ~(uint64_t)(PAGE_ACCESSED | PAGE_DIRTY));
    access(WRITE, address);
    EXPECT_BITS(lab_nested_read(TARGET, 1), PAGE_ACCESSED | PAGE_DIRTY, PAGE_ACCESSED | PAGE_DIRTY);
}

/* ---- Going on ---- */

FEATURE_TEST(npf_intinfo, SVM, NEEDS(), "EXITINTINFO Pseudo-Code", "a nested fault in the delivery of an interrupt is told with it")
{
    char *stack = target();

    tables_tss.tss.ist[6] = (uintptr_t)stack - OFFSET + 0x800;
    tables_idt[0x40].ist = 7;
    lab_nested_write(TARGET, 1, lab_nested_read(TARGET, 1) & ~(uint64_t)PAGE_PRESENT);
    CATCH(insn_ud2()); /* the last exception, which is not to be told instead */
    struct exit_record e = OBSERVE(__asm__ volatile("int $0x40" : : : "memory"));
    EXPECT_EXIT(VMEXIT_NPF);
    EXPECT_BITS(e.qualification, 0xffff, NPF_U | NPF_W);
    EXPECT_EQ(e.vectoring_info, 1u << 31 | 4u << 8 | 0x40);
}

/* ---- Events that a fault of the host's cuts short ---- */

static struct {
    unsigned count;
    uint64_t vector, error;
} got;

static void note(struct interrupt_frame *frame)
{
    got.count++;
    got.vector = frame->vector;
    got.error = frame->error;
    if (frame->vector == EXCEPTION_UD)
        frame->ip += 2;
    else if (frame->vector == EXCEPTION_GP || frame->vector == EXCEPTION_PF)
        frame->ip += 3;
}

static void by_int(void)
{
    CATCH(insn_ud2()); /* the last exception, which is not to come again instead */
    __asm__ volatile("int $0x40" : : : "memory");
}
static void by_ud(void) { __asm__ volatile("ud2" : : : "memory"); }
static void by_gp(void) { __asm__ volatile("movb %%al, 3(%0)" : : "r"(1ull << 63) : "memory"); }
static void by_pf(void) { __asm__ volatile("movb %%al, 3(%0)" : : "r"(0x7f0000000000) : "memory"); }
static void by_interrupt(void)
{
    hypercall(HC_INTERRUPT, 0, 0x40, 0);
    __asm__ volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
}
static void by_eventinj(void) { lab_write(VMCB_EVENTINJ, 0x5678ull << 32 | 1u << 31 | 1 << 11 | 3 << 8 | EXCEPTION_NP); }
static void by_nmi(void) { lab_write(VMCB_EVENTINJ, 1u << 31 | 2 << 8 | 2); }

static const struct cut {
    const char *label;
    void (*raise)(void);
    unsigned vector;
    uint64_t error;
} cuts[] = {
    {"int", by_int, 0x40, 0},
    {"ud", by_ud, EXCEPTION_UD, 0},
    {"gp", by_gp, EXCEPTION_GP, 0},
    {"pf", by_pf, EXCEPTION_PF, PAGE_WRITE},
    {"interrupt", by_interrupt, 0x40, 0},
    {"eventinj", by_eventinj, EXCEPTION_NP, 0x5678},
    {"nmi", by_nmi, 2, 0},
};

/* The stack of the handler is memory that nobody has touched, so the kernel has to back it in the middle of the delivery. */
FEATURE_TESTS(npf_again, SVM, NEEDS(), "EXITINTINFO Pseudo-Code", "an event whose delivery a nested fault has cut short comes once, as it was", cuts)
{
    enum { UNTOUCHED = 6 << 20 };
    char *stack = page_map(1, UNTOUCHED + (uint64_t)(row - cuts) * PAGE_BYTES, PAGE_PRESENT | PAGE_WRITE);

    got.count = 0;
    trap_set_handler((uint8_t)row->vector, note);
    tables_tss.tss.ist[6] = (uintptr_t)stack + PAGE_BYTES;
    tables_idt[row->vector].ist = 7;
    row->raise();
    EXPECT_EQ(got.count, 1);
    EXPECT_EQ(got.vector, row->vector);
    if (row->error)
        EXPECT_EQ(got.error, row->error);
}
