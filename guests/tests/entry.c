/*
 * Each rule of a VM entry, broken alone, and its legal neighbours: vmm/entry has them, docs/entry.md tells of them. These are
 * the groups that look at little of the guest's state, on one base: the instruction, the controls, and the host state.
 */
#include "guests/tests/entry.h"

ENTRY_FAMILY(VMX, "BEXNH", 0, 0, false, "Checks on VMX Controls and Host-State Area");
