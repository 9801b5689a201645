/* The rules of VMRUN, in each mode: entry.c. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(SVM, "Canonicalization and Consistency Checks", {"A", 0, 6});
