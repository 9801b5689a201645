/* Exceptions and interrupts of the pCPU itself. */
#ifndef KERNEL_CPU_TRAP_H
#define KERNEL_CPU_TRAP_H

/* Loads the interrupt table on this pCPU. Works before there is a struct pcpu: all stacks are the present one then. */
void trap_init(void);

/* From then on NMI, double fault and machine check use the stacks that the TSS names. Once, when the first TSS is loaded. */
void trap_use_ist(void);

#endif
