/* The passport: which machine this is, and what its virtualization can do. */
#ifndef VMM_ROOT_PASSPORT_H
#define VMM_ROOT_PASSPORT_H

#include <stddef.h>

#include "config/abi.h"

/* Prints it, a few lines of at most 100 columns. */
void passport_print(const struct machine_info *info);

/* What known differences name the platform by, as one text: "bochs VMX Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz none". */
void passport_platform(const struct machine_info *info, char *text, size_t room);

#endif
