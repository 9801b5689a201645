#include "kernel/cpu/extable.h"

struct extable_entry {
    uint64_t from, to;
};

extern const struct extable_entry extable_start[], extable_end[];

bool extable_fix(struct regs *regs)
{
    for (const struct extable_entry *e = extable_start; e < extable_end; e++) {
        if (e->from != regs->rip)
            continue;
        regs->rip = e->to;
        return true;
    }
    return false;
}
