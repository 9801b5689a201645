/* The machine as a whole: what it was booted with, and its end. */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <stdbool.h>

#include "config/abi.h"
#include "kernel/boot/info.h"

/* What the boot loader told; constant once the kernel is up. */
extern struct boot_info machine_boot;

/* Takes the way to end the machine from the command line's `end=`; without it, machine_end looks for what fits the platform. */
void machine_choose_end(void);

/* Ends the machine with a verdict. With `hold=1` on the command line it stays as it is, for a look at the screen. */
_Noreturn void machine_end(bool pass);

/* Fills what the root task and the monitors may know. */
void machine_describe(struct machine_info *info);

#endif
