/* Errors of the kernel, made on purpose, so that its own last words can be tested. */
#ifndef KERNEL_PROVOKE_H
#define KERNEL_PROVOKE_H

/* Does what `provoke=` on the command line names, or nothing without it; an unknown name is reported with the known ones. */
void provoke(void);

#endif
