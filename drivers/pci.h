/* Configuration space of PCI devices, by ports (PCI Local Bus Specification, "Configuration Mechanism #1"). */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include <stdint.h>

#define PCI_NOBODY 0xffffffffu

struct pci_address {
    uint8_t bus, device, function; /* 0 to 255, 31, 7 */
};

/* The vendor's number | the device's << 16; PCI_NOBODY: no device answers at that address. */
uint32_t pci_id(struct pci_address address);

/*
 * The first port of the device's first I/O range, whose decoding it switches on: a serial card of one line has its UART
 * there. 0: no device answers at that address, or it has no I/O range.
 */
uint16_t pci_io_port(struct pci_address address);

#endif
