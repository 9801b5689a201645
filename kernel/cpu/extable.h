/* Instructions of the kernel that may fault, and where to go on then. */
#ifndef KERNEL_CPU_EXTABLE_H
#define KERNEL_CPU_EXTABLE_H

#include <stdbool.h>

#include "kernel/cpu/regs.h"

/* For inline assembly: if the instruction at label `from` faults, execution goes on at label `to`. */
#define EXTABLE(from, to) ".pushsection .extable, \"a\"\n.quad " from ", " to "\n.popsection\n"

/* If the interrupted instruction has an entry, moves RIP to its fixup and returns true. */
bool extable_fix(struct regs *regs);

#endif
