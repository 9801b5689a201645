/* The rules of a VM entry about guest state and MSR loading, in 64-bit mode without unrestricted guest: entry.c. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(VMX, "GSTRKIPLDM", 0, 0, false, "Checks on the Guest State Area, Loading MSRs");
