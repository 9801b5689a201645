/* guest: bare32 */
/*
 * Never yields, never halts, interrupts off: what the others get beside it is the hypervisor's doing alone. With the
 * argument `interrupts` they are on, for platforms that can't take the CPU from such a guest (docs/emulators.md).
 */
#include <stdbool.h>

#include "guests/lib/common/console.h"
#include "guests/lib/common/cpu.h"

volatile unsigned long spin_count; /* for a debugger: it moves while the VM runs */

int main(int argc, char **argv)
{
    bool on = argc > 1; /* there is no other argument */

    (void)argv;
    console_print("spinning with interrupts %s, counting at 0x%lx\n", on ? "on" : "off", (unsigned long)&spin_count);
    if (on)
        cpu_interrupts_on();
    for (;;)
        spin_count++;
}
