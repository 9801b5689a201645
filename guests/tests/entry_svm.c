/* The rules of VMRUN, in each mode: entry.c. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(SVM, "A", 0, 6, false, "Canonicalization and Consistency Checks");
