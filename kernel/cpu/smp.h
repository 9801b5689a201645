/* Starts the other pCPUs: "Multiple-Processor (MP) Initialization" (Intel SDM). */
#ifndef KERNEL_CPU_SMP_H
#define KERNEL_CPU_SMP_H

struct boot_info;

/*
 * Wakes every enabled processor of the MADT, up to MAX_PCPUS or the command line's `cpus=`, and lets it join: it idles
 * until there is a thread for it. One that does not answer, or can do less than the boot CPU, is reported and left out.
 * On the boot CPU, when the back end is on.
 */
void smp_start(const struct boot_info *info);

#endif
