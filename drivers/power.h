/* The ways to end the machine, with a verdict where the platform can carry one. */
#ifndef DRIVERS_POWER_H
#define DRIVERS_POWER_H

#include <stdbool.h>

enum power_way {
    POWER_AUTO,   /* the one that power_detect finds */
    POWER_REBOOT, /* starts the machine anew: by ACPI, by the keyboard controller, by a triple fault */
    POWER_QEMU,   /* isa-debug-exit at port F4H: 0 for pass, 1 for fail (exit status 1 and 3) */
    POWER_BOCHS,  /* I/O-debug: back to the debugger, whose script goes on */
    POWER_ACPI,   /* soft off */
    POWER_HALT,   /* a last line for people, and halt */
    POWER_WAYS,   /* their number, and "no such way" */
};

/* The inverse of power_way_name: "auto" to "halt"; any other name, or NULL: POWER_WAYS. */
enum power_way power_way_by_name(const char *name);

/* The name of a way: as in enum power_way, in small letters. */
const char *power_way_name(enum power_way way);

/* The platform's way, by CPUID and the ACPI OEM id; after acpi_init. Never POWER_AUTO, POWER_REBOOT or POWER_HALT. */
enum power_way power_detect(void);

/* Ends the machine, after what was printed has left. A way that does not end it is followed by the next one down. */
_Noreturn void power_end(enum power_way way, bool pass);

#endif
