/* Errors of the kernel, made on purpose, so that its own last words can be tested. */
#ifndef KERNEL_PROVOKE_H
#define KERNEL_PROVOKE_H

/* Does what `provoke=` on the command line names, or nothing without it; an unknown name is reported with the known ones. */
void provoke(void);

/* How the CPU with this APIC id misbehaves when it is started. */
enum { PROVOKED_APIC_ID = 1 };
extern enum provoked_cpu {
    PROVOKED_NOTHING,
    PROVOKED_SILENT, /* it does not start */
    PROVOKED_LATE,   /* it comes up, but when the boot CPU has given it up */
} provoked_cpu;

#endif
