/* What a test can need: a bit of a capability register or of CPUID, as enum feature_need: PROC_IO_BITMAPS, SVM_NRIP_SAVE. */
#ifndef GUESTS_LIB_FEATURE_NEEDS_H
#define GUESTS_LIB_FEATURE_NEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/bits.h"

enum feature_group {
    GROUP_NONE,
#define X(number, name) GROUP_##name = number,
    BIT_GROUPS(X)
#undef X
    GROUPS
};

enum { NEED_GROUP_SHIFT = 6, NEED_BIT = 63, NEED_NOT = 0x8000 };

enum feature_need {
#define X(group, bit, name) name = GROUP_##group << NEED_GROUP_SHIFT | (bit),
    ALL_BITS(X)
#undef X
};

/* That it can be 0: a control that need not be set, a feature that is not there. */
#define NOT(need) ((need) | NEED_NOT)

/* "PROC_IO_BITMAPS"; "" for what is none. NEED_NOT does not count. */
const char *feature_need_name(uint16_t need);

/* Writes the names of a list that ends with 0, which may be null, with ", " between them and "not " before those with NOT. */
void feature_needs_text(const uint16_t *needs, char *to, size_t room);

/* Whether the machine has it. Asks the monitor once for each register. */
bool feature_has(uint16_t need);

/* The first of a list that the machine does not have, 0 if it has all. */
uint16_t feature_missing(const uint16_t *needs);

/* A capability register of the CPU under Nestor: an MSR, or with CAP_CPUID | register << 32 a CPUID leaf. 0 if it has none. */
uint64_t feature_capability(uint64_t number);

#endif
