/* The entry point of a ring-3 task. */
#include <stdlib.h>

#include "vmm/lib/task.h"

_Noreturn void _start(uint64_t vcpu)
{
    exit(main((unsigned)vcpu));
}
