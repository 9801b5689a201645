/* The registers of a guest whose end wants explaining. */
#ifndef VMM_MONITOR_REGISTERS_H
#define VMM_MONITOR_REGISTERS_H

struct guest;

/* Notes that show them, four a line: the general ones, and those before REG_NOTED but for what the kernel refuses to read. */
void registers_note(const struct guest *guest);

#endif
