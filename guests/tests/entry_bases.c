/*
 * The rules about guest state, and those about events, on all other bases. There are some 50,000 cases, so those of a rule on a
 * base are one row; a case that fails has a result of its own.
 */
#include "guests/tests/entry.h"

ENTRY_FAMILY(VMX, "NGSTRKIPLDM", 1, 21, true, "Checks on the Guest State Area, Loading MSRs");
