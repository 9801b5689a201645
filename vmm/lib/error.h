/* The words for enum abi_error, in messages for people. */
#ifndef VMM_LIB_ERROR_H
#define VMM_LIB_ERROR_H

#include <stdint.h>

/* What a negative result of a system call means, as words that finish "X failed: ...". Static storage. */
const char *error_text(int64_t result);

#endif
