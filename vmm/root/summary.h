/* What is said of all VMs together: how they stand, and what the machine came to. */
#ifndef VMM_ROOT_SUMMARY_H
#define VMM_ROOT_SUMMARY_H

#include "vmm/root/tally.h"
#include "vmm/root/vm.h"

/* Prints a row for each VM (config->vms of them), as it is now. */
void summary_table(const struct config *config, const struct machine_info *info, const struct vm *vm);

/* At the end of the run: the table, what else the config asks for, and the verdict down to the line NESTOR END and the final
 * screen. What the machine itself did wrong is added to tally->failed before. */
void summary_print(const struct config *config, const struct machine_info *info, const struct vm *vm, struct tally *tally);

#endif
