/* The rules of VMRUN, in each mode: entry_risky.c. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(SVM, "A", 0, 6, "Canonicalization and Consistency Checks");
