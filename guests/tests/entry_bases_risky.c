/* The rules about guest state on all other bases: they take minutes. entry_risky.c has more. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(VMX, "GSTRKIPLDM", 1, 21, "Checks on the Guest State Area, Loading MSRs");
