/* The table of exits.c, for the way of an exit in exit_path.c. */
#ifndef KERNEL_VMX_EXITS_H
#define KERNEL_VMX_EXITS_H

#include "kernel/vm/exit.h"

enum { VMX_EXIT_REASONS = 70 };

/* By basic exit reason; the last row is for those that are unknown. */
extern const struct exit_row vmx_exit_table[VMX_EXIT_REASONS + 1];

/* Of a row, and of the exits' counter. */
static inline unsigned vmx_exit_index(uint64_t reason)
{
    uint16_t basic = (uint16_t)reason;

    return basic < VMX_EXIT_REASONS ? basic : VMX_EXIT_REASONS;
}

#endif
