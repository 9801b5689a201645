/* guest: newlib64 */
/* A different mistake in each run, by the name that is its argument. */
#include <stdint.h>
#include <string.h>

#include "guests/demo/fault/fault.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"
#include "guests/lib/x64/memory.h"

enum { STATUS_CAME_BACK = 1, STATUS_USAGE = 2, UNKNOWN_CALL = 0x3ff };

/* Mapped by crt0, and no memory unless the VM has all of a gigabyte. */
#define HOLE (MEMORY_MAPPED - 0x200000)

static int triple_fault(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } no_idt = {0, 0};

    __asm__ volatile("lidt %0; ud2" : : "m"(no_idt));
    return STATUS_CAME_BACK;
}

static int nowhere(void)
{
    void (*code)(void) = (void (*)(void))HOLE;

    code();
    return STATUS_CAME_BACK;
}

static int bad_hypercall(void)
{
    console_print("hypercall 0x%x returned %ld\n", UNKNOWN_CALL, hypercall(UNKNOWN_CALL, 0, 0, 0));
    return STATUS_CAME_BACK;
}

static int hole(void)
{
    uint64_t value = *(volatile uint64_t *)HOLE;

    console_print("gpa 0x%llx reads as 0x%llx\n", HOLE, (unsigned long long)value);
    return STATUS_CAME_BACK;
}

static int page_fault(void)
{
    *(volatile uint64_t *)(2 * MEMORY_MAPPED) = 1;
    return STATUS_CAME_BACK;
}

static int hypercalls(void)
{
    fault_try_hypercalls();
    return test_status();
}

static int cpl3(void)
{
    fault_try_ring3();
    return test_status();
}

static const struct {
    const char *name;
    int (*make)(void);
} faults[] = {
    {"triple-fault", triple_fault},   {"nowhere", nowhere},       {"hole", hole}, {"page-fault", page_fault},
    {"bad-hypercall", bad_hypercall}, {"hypercalls", hypercalls}, {"cpl3", cpl3},
};

enum { FAULTS = sizeof faults / sizeof faults[0] };

int main(int argc, char **argv)
{
    for (unsigned i = 0; argc > 1 && i < FAULTS; i++)
        if (strcmp(argv[1], faults[i].name) == 0)
            return faults[i].make();
    console_print("usage: args = one of");
    for (unsigned i = 0; i < FAULTS; i++)
        console_print(" %s", faults[i].name);
    console_print("\n");
    return STATUS_USAGE;
}
