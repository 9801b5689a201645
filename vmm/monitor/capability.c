#include "vmm/monitor/capability.h"

#include "vmm/lib/syscall.h"

uint64_t capability_read(uint64_t index)
{
    static struct machine_info machine;
    unsigned reg[4];

    if (index & CAP_CPUID) {
        __asm__ volatile("cpuid"
                         : "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
                         : "a"((uint32_t)index), "c"(index >> 40 & 0xff));
        return reg[index >> 32 & 3];
    }
    if (machine.backend == BACKEND_NONE)
        sys_machine_info(&machine);
    for (uint32_t i = 0; i < machine.caps && i < MAX_CAPS; i++)
        if (machine.cap[i].index == index)
            return machine.cap[i].value;
    return 0;
}
