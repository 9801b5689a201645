/* The rules of VMRUN, in 64-bit mode: entry.c. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(entry, SVM, "A", 0, "Canonicalization and Consistency Checks");
