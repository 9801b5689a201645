/* What entry_bases.c leaves out: it takes minutes. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(VMX, "NGSTRKIPLDM", 1, 21, ENTRY_REST, "Checks on the Guest State Area, Loading MSRs");
