/* Ends of a VM: each must be that of this VM only, and the one that its mode is named after. */
#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/x64/memory.h"

/* Mapped by crt0, and no memory unless the VM has all of a gigabyte; not mapped at all; what map_at_1g() maps. */
#define HOLE     (MEMORY_MAPPED - 0x200000)
#define UNMAPPED (4 * MEMORY_MAPPED)
#define MAPPED   MEMORY_MAPPED

#define ADDRESS_BITS 0x000ffffffffff000ull

enum { PRESENT_WRITABLE = 3, LARGE = 1 << 7, TABLE_ENTRIES = 512 };

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

/* The entry of our page-directory-pointer table for 1 to 2 GiB. */
static volatile uint64_t *second_gigabyte(void)
{
    uint64_t cr3, *pml4;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    pml4 = (uint64_t *)(cr3 & ADDRESS_BITS);
    return (uint64_t *)(pml4[0] & ADDRESS_BITS) + 1;
}

static void read_at(uint64_t address) { (void)*(volatile uint64_t *)address; }

void read_hole_mode(uint64_t count)
{
    (void)count;
    read_at(HOLE);
}

void write_hole_mode(uint64_t count)
{
    (void)count;
    *(volatile uint64_t *)HOLE = 1;
}

void execute_hole_mode(uint64_t count)
{
    (void)count;
    __asm__ volatile("jmp *%0" : : "r"(HOLE));
}

/* The last address that this CPU can have. */
void far_hole_mode(uint64_t count)
{
    static volatile uint64_t directory[TABLE_ENTRIES] __attribute__((aligned(4096)));
    unsigned bits = cpu_id(0x80000008, 0).eax & 0xff;

    (void)count;
    directory[0] = ((1ull << bits) - 0x200000) | LARGE | PRESENT_WRITABLE;
    *second_gigabyte() = (uint64_t)directory | PRESENT_WRITABLE;
    read_at(MAPPED);
}

void tables_hole_mode(uint64_t count)
{
    (void)count;
    *second_gigabyte() = HOLE | PRESENT_WRITABLE;
    read_at(MAPPED);
}

void stack_hole_mode(uint64_t count)
{
    (void)count;
    __asm__ volatile("mov %0, %%rsp; push %%rax" : : "r"(HOLE + 0x1000));
}

static void use_idt(uint64_t base)
{
    struct table_pointer idt = {0xfff, base};

    __asm__ volatile("lidt %0; ud2" : : "m"(idt));
}

void idt_hole_mode(uint64_t count)
{
    (void)count;
    use_idt(HOLE);
}

/* #UD, then #PF at the IDT, #DF, and that can't be delivered either. */
void idt_nowhere_mode(uint64_t count)
{
    (void)count;
    use_idt(UNMAPPED);
}

void gdt_hole_mode(uint64_t count)
{
    struct table_pointer gdt = {0xffff, HOLE};

    (void)count;
    __asm__ volatile("lgdt %0; mov %1, %%ds" : : "m"(gdt), "r"(0x10));
}

/* The double fault has a stack of its own: its handler reports, and ends with status 255. */
void no_stack_mode(uint64_t count)
{
    (void)count;
    __asm__ volatile("mov %0, %%rsp; push %%rax" : : "r"(UNMAPPED));
}

void halt_mode(uint64_t count)
{
    (void)count;
    __asm__ volatile("cli; hlt");
}

void string_io_mode(uint64_t count)
{
    static const char text[] = "out";
    const char *from = text;

    (void)count;
    __asm__ volatile("outsb" : "+S"(from) : "d"((uint16_t)0x3f8) : "memory");
}
