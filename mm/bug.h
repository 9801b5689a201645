/* What the memory code calls when its caller broke the contract. Defined by who links mm/: the kernel, a host test. */
#ifndef MM_BUG_H
#define MM_BUG_H

#include <stdint.h>

/* Reports `text` and `value` (mostly an address) and does not come back. */
_Noreturn void mm_bug(const char *text, uint64_t value);

#endif
