/* guest: bare32 */
/* Never yields, never halts, interrupts off: what the others get beside it is the hypervisor's doing alone. */
#include "guests/lib/common/console.h"

volatile unsigned long spin_count; /* for a debugger: it moves while the VM runs */

int main(void)
{
    console_print("spinning with interrupts off, counting at 0x%lx\n", (unsigned long)&spin_count);
    for (;;)
        spin_count++;
}
