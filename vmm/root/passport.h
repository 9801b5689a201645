/* The passport: which machine this is, and what its virtualization can do. docs/passport.md is its manual. */
#ifndef VMM_ROOT_PASSPORT_H
#define VMM_ROOT_PASSPORT_H

#include <stddef.h>

#include "config/abi.h"
#include "vmm/passport/lines.h"
#include "vmm/passport/profile.h"

/* Prints its short form, a few lines of at most 100 columns; the last one is the id. */
void passport_print(const struct machine_info *info);

/* Prints the rest of its full form: each register and what is in it by name, lines of at most 120 columns. */
void passport_print_registers(const struct machine_info *info);

/* "nestor-1a2b3c4d": the same for each boot of the same machine, or of one like it. */
void passport_id(const struct machine_info *info, char id[PASSPORT_ID_BYTES]);

/* All that profiles speak of. For once: it takes memory that is not given back, and lines that find none are left out. */
void passport_take(const struct machine_info *info, struct profile *passport);

/* What known differences name the platform by, as one text: "bochs VMX Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz none". */
void passport_platform(const struct machine_info *info, char *text, size_t room);

#endif
