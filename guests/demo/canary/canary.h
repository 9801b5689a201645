/*
 * The canary: kinds of state that a VM has to itself. Each kind plants values of its own in a round and looks for them
 * later; in between the VM is preempted, moved, and other VMs do what they want.
 */
#ifndef GUESTS_DEMO_CANARY_CANARY_H
#define GUESTS_DEMO_CANARY_CANARY_H

#include <stdbool.h>
#include <stdint.h>

/* One kind of state. */
struct kind {
    const char *name;    /* for the result line */
    void (*setup)(void); /* once, before the first round; may be null */
    void (*plant)(void); /* puts new values there; may be null */
    void (*check)(void); /* looks whether they still are; tells by canary_expect() */
    unsigned long checks; /* rounds that it went through */
};

extern struct kind kind_memory, kind_gpr, kind_flags, kind_fpu, kind_debug, kind_msr, kind_syscall, kind_swapgs,
    kind_control, kind_segment, kind_table, kind_interrupt, kind_cpuid;

/* One value as it was found. The first that is not as expected ends the canary with a result line that says so. */
void canary_expect(const char *what, uint64_t expected, uint64_t got);

/* The same for element `index` of something; the index is printed in hexadecimal. */
void canary_expect_at(const char *what, uint64_t index, uint64_t expected, uint64_t got);

/* The next of a sequence of numbers that the seed begins: this canary's own. */
uint64_t canary_random(void);

/* How long, in turns of a short loop, the kinds that work in registers only hold them: preemption falls into it. */
uint64_t canary_hold_turns(void);

/* Whether CPUID must say the same all the time. */
bool canary_knows_cpu(void);

/* Reads and writes MSRs. */
uint64_t canary_rdmsr(uint32_t msr);
void canary_wrmsr(uint32_t msr, uint64_t value);

#endif
