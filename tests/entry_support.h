/* What the tests of vmm/entry share: CPUs, bases set on them, and the walk over all cases. */
#ifndef TESTS_ENTRY_SUPPORT_H
#define TESTS_ENTRY_SUPPORT_H

#include "vmm/entry/entry.h"

struct entry_cpu {
    const char *name;
    enum backend backend;
    struct entry_caps caps;
};

/* "everything": all that the manuals have; "plain": as little as can be, without the TRUE registers; "bochs": much like
 * the skylake model of Bochs 2.7; "svm", "svm-plain". The list ends with a null name. */
const struct entry_cpu *entry_cpus(void);
const struct entry_cpu *entry_cpu(const char *name);

/* A base with controls and host state around it. False if the CPU can't have it. */
bool entry_base_make(const struct entry_cpu *cpu, const struct entry_base *base, struct entry_values *values);

/* The base of that name; ends the program if there is none. */
const struct entry_base *entry_base_named(const struct entry_cpu *cpu, const char *name);

/* One block for tests that want no more: a base on a CPU, a field of it, the id of the first rule that is broken ("" if
 * there is none). */
const struct entry_cpu *block_start(const char *cpu, const char *base);
struct entry_block *block_now(void);
void block_put(uint32_t field, uint64_t value);
uint64_t block_get(uint32_t field);
const char *block_broken(const struct entry_cpu *cpu);

#endif
