/* The monitor's part of the lab: hypercalls, observation, the guard. config/lab.h has the interface to the guest. */
#ifndef VMM_LAB_LAB_H
#define VMM_LAB_LAB_H

#include "vmm/monitor/guest.h"

/* An exit, or the failure of an entry (`result` of sys_vcpu_run), of a guest: true if the lab saw to it, and *action is
 * how to go on; false if it is an exit as any. */
bool lab_exit(struct guest *guest, int64_t result, enum vcpu_action *action);

/* The guest is about to end, but not by its own wish: true if its guard catches that, and it can go on. */
bool lab_catches_death(struct guest *guest);

/* What vcpu_run has to be told besides the action: VCPU_RUN_OBSERVE or 0. */
uint64_t lab_run_flags(const struct guest *guest);

/* The hypercalls HC_LAB_*; arguments in RBX, RCX, RDX. */
int64_t lab_call_machine(struct guest *guest, uint64_t pairs, uint64_t n, uint64_t refusal);
int64_t lab_call_results(struct guest *guest, uint64_t pairs, uint64_t n, uint64_t unused);
int64_t lab_call_observe(struct guest *guest, uint64_t observation, uint64_t action, uint64_t argument);
int64_t lab_call_guard(struct guest *guest, uint64_t observation, uint64_t ticks, uint64_t exits);
int64_t lab_call_guard_again(struct guest *guest, uint64_t observation, uint64_t ticks, uint64_t exits);
int64_t lab_call_changed(struct guest *guest, uint64_t pairs, uint64_t n, uint64_t unused);
int64_t lab_call_reset(struct guest *guest, uint64_t a, uint64_t b, uint64_t c);
int64_t lab_call_run(struct guest *guest, uint64_t pairs, uint64_t n, uint64_t m);

#endif
