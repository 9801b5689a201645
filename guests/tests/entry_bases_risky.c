/* The rules about guest state on the bases that no other family has: they take minutes. entry.c. */
#include "guests/tests/entry.h"

ENTRY_FAMILY(VMX, "Checks on the Guest State Area, Loading MSRs", {"GSTRKIPLDM", 1, 2}, {"GSTKIPLM", 3, 3}, {"GTKIPLDM", 4, 4},
             {"GSTRKIPLDM", 5, 9}, {"GTIPLDM", 10, 10}, {"GSTRKIPLDM", 11, 11}, {"GSTRLDM", 12, 12}, {"GSTRKIPLDM", 13, 21});
