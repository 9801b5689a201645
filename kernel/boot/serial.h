/* Which serial line the kernel's command line wants: `serial=` */
#ifndef KERNEL_BOOT_SERIAL_H
#define KERNEL_BOOT_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/pci.h"

struct serial_choice {
    bool is_off, is_pci;    /* none is wanted; that of a PCI device */
    uint16_t port;          /* if neither: of the UART */
    struct pci_address pci; /* if is_pci */
    uint32_t baud;
};

/* What serial_choice_read expects, for an error message. */
#define SERIAL_EXPECTED "off, or com1 to com4, a port such as 0x2f8, or pci:BUS:DEVICE.FUNCTION, and perhaps ,SPEED"

/*
 * Reads "com1" to "com4", "0x2f8", "pci:0:1f.3" or "off", of which all but the last may be followed by ",SPEED" in baud:
 * 50 to 115200, which it is without. Numbers of ports and PCI are hexadecimal, the speed is decimal. false: it is none of
 * these.
 */
bool serial_choice_read(const char *text, struct serial_choice *out);

#endif
