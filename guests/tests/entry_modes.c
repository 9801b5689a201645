/* The rules of a VM entry that are others, or mean something else, in other modes: PAE, virtual-8086, real mode, HLT. entry.c. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(VMX, "Checks on the Guest State Area", {"RD", 3, 3}, {"SR", 4, 4}, {"NSRK", 10, 10}, {"KIP", 12, 12});
