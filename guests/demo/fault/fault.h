/* The parts of the guest `fault` that have a file of their own; each reports by test_result(). */
#ifndef GUESTS_DEMO_FAULT_FAULT_H
#define GUESTS_DEMO_FAULT_FAULT_H

/* Hypercalls with every number below 400H, huge ones, and pointers to where no memory is. */
void fault_try_hypercalls(void);

/* Hypercalls in ring 3. */
void fault_try_ring3(void);

#endif
