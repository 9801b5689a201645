/* The run of a whole machine description. */
#ifndef VMM_ROOT_MACHINE_H
#define VMM_ROOT_MACHINE_H

#include <stdbool.h>

#include "vmm/root/config.h"

struct machine_info;

/*
 * Creates and starts all VMs of the config, follows them to their ends or to the machine's deadline, prints their
 * subtests and a summary, all of it as one KTAP document from NESTOR BEGIN to NESTOR END. Returns whether all passed.
 */
bool machine_run(const struct config *config, const struct machine_info *info);

/* The same frame around one failed line, for a machine that can't even begin: what failed, in a word. */
void machine_refuse(const char *what);

#endif
