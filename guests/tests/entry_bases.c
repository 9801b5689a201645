/*
 * The rules about guest state, and those about events, on all other bases: of each rule one case on each base, and not the same
 * one on all. entry_bases_risky.c has the others.
 */
#include "guests/tests/entry.h"

ENTRY_FAMILY(VMX, "NGSTRKIPLDM", 1, 21, ENTRY_SAMPLE, "Checks on the Guest State Area, Loading MSRs");
