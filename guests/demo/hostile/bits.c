/* MOV to control and debug registers, LGDT and LIDT: each bit and each limit, taken back in the next instruction. */
#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"

#include "config/abi.h"

enum { BITS = 64, BIT_PE = 0, BIT_NW = 29, BIT_PG = 31, BIT_PAE = 5, FIRST_NEWER_BIT = 11, FIRST_ADDRESS_BIT = 12 };

/* Changes one bit of a register and changes it back, with no memory access in between. */
#define TOGGLE(name)                                                                                                   \
    static void toggle_##name(uint64_t bit)                                                                            \
    {                                                                                                                  \
        uint64_t old, new;                                                                                             \
                                                                                                                       \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(old));                                                           \
        new = old ^ 1ull << bit;                                                                                       \
        __asm__ volatile("mov %1, %%" #name "\n"                                                                       \
                         "mov %0, %%" #name                                                                            \
                         :                                                                                             \
                         : "r"(old), "r"(new)                                                                          \
                         : "memory");                                                                                  \
    }

TOGGLE(cr0)
TOGGLE(cr2)
TOGGLE(cr3)
TOGGLE(cr4)
TOGGLE(cr8)
TOGGLE(dr0)
TOGGLE(dr3)
TOGGLE(dr6)
TOGGLE(dr7)

static void toggle_flag(uint64_t bit)
{
    __asm__ volatile("pushfq\n"
                     "pushfq\n"
                     "xor %0, (%%rsp)\n"
                     "popfq\n"
                     "popfq\n"
                     :
                     : "r"(1ull << bit)
                     : "memory", "cc");
}

static bool is_svm(void) { return cpu_id(CPUID_NESTOR_INFO, 0).eax == BACKEND_SVM; }

/*
 * What must get #GP, but QEMU's TCG takes: no protected mode or no paging in 64-bit mode, which would be our end, and NW
 * without CD, after which it refuses to run the guest.
 */
static bool skip_cr0(unsigned bit) { return (bit == BIT_PE || bit == BIT_PG || bit == BIT_NW) && is_svm(); }

/* The same with paging that 64-bit mode does not have. A bit that it does not know is the end of the guest there. */
static bool skip_cr4(unsigned bit) { return (bit == BIT_PAE || bit >= FIRST_NEWER_BIT) && is_svm(); }

/* Other page tables would be ours to suffer. Of the bits above an address, TCG takes those that it can't enter with. */
static bool skip_cr3(unsigned bit)
{
    return bit >= FIRST_ADDRESS_BIT && (bit < (cpu_id(0x80000008, 0).eax & 0xff) || is_svm());
}

static const struct {
    const char *name;
    void (*toggle)(uint64_t bit);
    bool (*skip)(unsigned bit);
    uint64_t also; /* exceptions that are right beside #GP, a bit each */
} registers[] = {
    {"CR0", toggle_cr0, skip_cr0, 0},
    {"CR2", toggle_cr2, 0, 0},
    {"CR3", toggle_cr3, skip_cr3, 0},
    {"CR4", toggle_cr4, skip_cr4, 0},
    {"CR8", toggle_cr8, 0, 0},
    {"DR0", toggle_dr0, 0, 0},
    {"DR3", toggle_dr3, 0, 0},
    {"DR6", toggle_dr6, 0, 0},
    {"DR7", toggle_dr7, 0, 1 << 1 /* #DB: GD guards against taking itself back */},
    {"RFLAGS", toggle_flag, 0, 1 << 1 /* #DB by TF */},
};

/* With our pages open to ring 3, SMEP and SMAP would be our end. */
static void close_pages(void)
{
    enum { ENTRIES = 512 };
    const uint64_t address = 0x000ffffffffff000, user = 1 << 2;
    uint64_t cr3, *pml4, *pdpt, *directory;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    pml4 = (uint64_t *)(cr3 & address);
    pdpt = (uint64_t *)(pml4[0] & address);
    directory = (uint64_t *)(pdpt[0] & address);
    for (unsigned i = 0; i < ENTRIES; i++)
        directory[i] &= ~user;
    __asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
}

static void use_limit(uint64_t limit)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } gdt, idt, bad;

    __asm__ volatile("sgdt %0; sidt %1" : "=m"(gdt), "=m"(idt));
    bad.limit = (uint16_t)limit;
    bad.base = limit >> 16 ? 0x0000800000000000 : gdt.base;
    __asm__ volatile("lgdt %2; lgdt %0; lidt %2; lidt %1" : : "m"(gdt), "m"(idt), "m"(bad) : "memory");
}

static void try_limits(void)
{
    static const uint64_t limits[] = {0, 1, 7, 8, 0x7fff, 0xfffe, 0xffff};
    unsigned done = 0;

    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++)
        done += attempt(use_limit, limits[i]) == ATTEMPT_DONE;
    test_result(done == sizeof limits / sizeof limits[0], "GDTR and IDTR take any limit");
    done = attempt(use_limit, 0x10000);
    test_result(done == VECTOR_GP || is_svm(), "LGDT of a base that is not canonical gets exception %u", done);
}

void bits_mode(uint64_t count)
{
    (void)count;
    close_pages();
    for (unsigned i = 0; i < sizeof registers / sizeof registers[0]; i++) {
        unsigned done = 0, refused = 0, strange = 0;

        for (unsigned bit = 0; bit < BITS; bit++) {
            unsigned outcome;

            if (registers[i].skip && registers[i].skip(bit))
                continue;
            outcome = attempt(registers[i].toggle, bit);
            done += outcome == ATTEMPT_DONE;
            refused += outcome == VECTOR_GP;
            strange += outcome != ATTEMPT_DONE && outcome != VECTOR_GP && !(registers[i].also >> outcome & 1);
        }
        test_result(strange == 0, "each bit of %s: %u taken, %u refused", registers[i].name, done, refused);
    }
    try_limits();
}
