/* The passport: which machine this is, and what its virtualization can do. */
#ifndef VMM_ROOT_PASSPORT_H
#define VMM_ROOT_PASSPORT_H

#include "config/abi.h"

/* Prints it, a few lines of at most 100 columns. */
void passport_print(const struct machine_info *info);

#endif
