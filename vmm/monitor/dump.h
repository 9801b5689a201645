/* The registers of a guest whose end wants explaining. */
#ifndef VMM_MONITOR_DUMP_H
#define VMM_MONITOR_DUMP_H

struct guest;

/* Notes that show them, four a line: the general ones, and those before REG_NOTED but for what the kernel refuses to read. */
void dump_registers(const struct guest *guest);

#endif
