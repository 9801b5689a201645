/* The rules of VMRUN, in each mode: entry.c. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(SVM, "A", 0, 6, ENTRY_ALL, "Canonicalization and Consistency Checks");
