/* Test results: each is one line of the machine's KTAP output, in the subtest of this VM. */
#ifndef GUESTS_LIB_COMMON_TEST_H
#define GUESTS_LIB_COMMON_TEST_H

#include <stdbool.h>

/* Reports "ok TEXT" or "not ok TEXT", up to 191 characters; format as in format_text(). Returns `ok`. */
__attribute__((format(printf, 2, 3))) bool test_result(bool ok, const char *format, ...);

/* What main should return: 0 when there were results and all of them were ok, else 1. */
int test_status(void);

#endif
