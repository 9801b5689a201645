/*
 * The passport in full: a key and words for each line, and the id, which is made of them. Pure C; the host tests decode the
 * registers of real machines with it. What varies from boot to boot is not in it: memory, clock rates, the number of CPUs.
 */
#ifndef VMM_PASSPORT_LINES_H
#define VMM_PASSPORT_LINES_H

#include "config/abi.h"
#include "config/bits.h"
#include "config/passport.h"
#include "vmm/passport/cpu.h"

enum {
    PASSPORT_WORDS_BYTES = 1600, /* room for the words of any line */
    PASSPORT_ID_BYTES = 16,      /* room for "nestor-1a2b3c4d" */
};

/* One line: its key, the values, and what they mean by name; the texts live until the call returns. */
typedef void passport_line(void *context, const char *key, const char *values, const char *names);

/*
 * Calls `line` for the CPU, and for each capability register in *info, in a fixed order. Words are separated by blanks. Values
 * are those of CPUID (family=6), and registers in hex: 48BH=0055317f00000000, an MSR; 8000000AH.EDX=00000009, a CPUID leaf.
 * Names, of registers alone:
 *
 *   EPT             something that the CPU offers, by its name in config/bits.h without the group's
 *   EPT!            the same, but it can only be 1
 *   bit-29          something that it offers and that has no name here
 *   cr3-targets=4   a number in the register
 */
void passport_lines(const struct machine_info *info, const struct passport_cpu *cpu, passport_line *line,
                    void *context);

/* Each bit that has a name. */
enum passport_bit {
#define X(group, bit, name) OFFER_##name,
    ALL_BITS(X) PASSPORT_BITS(X)
#undef X
};

/* Whether a capability register in *info says that the bit can be 1. */
bool passport_offers(const struct machine_info *info, enum passport_bit bit);

/* How many ASIDs SVM has; 0 = none, or it is not SVM. */
uint32_t passport_asids(const struct machine_info *info);

/* "nestor-" and the 32-bit FNV-1a hash of the brand, the hypervisors, and all keys and values. */
void passport_make_id(const struct machine_info *info, const struct passport_cpu *cpu, char id[PASSPORT_ID_BYTES]);

#endif
