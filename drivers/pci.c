#include "drivers/pci.h"

#include "lib/x86.h"

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc };
#define CONFIG_ENABLE (1u << 31)

/* Offsets of registers, and bits in them. */
enum {
    COMMAND = 0x04,
    COMMAND_IO = 1 << 0,
    HEADER = 0x0c,
    HEADER_TYPE_SHIFT = 16,
    HEADER_TYPE_MASK = 0x7f, /* 0: a device, with six base addresses */
    BASE_ADDRESS = 0x10,
    BASE_ADDRESS_END = 0x28,
    BASE_ADDRESS_IO = 1 << 0,
};

static void choose(struct pci_address a, uint32_t offset)
{
    x86_outl(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)a.bus << 16 | (uint32_t)a.device << 11 |
                                 (uint32_t)a.function << 8 | offset);
}

static uint32_t read(struct pci_address address, uint32_t offset)
{
    choose(address, offset);
    return x86_inl(CONFIG_DATA);
}

uint32_t pci_id(struct pci_address address) { return read(address, 0); }

uint16_t pci_io_port(struct pci_address address)
{
    if (pci_id(address) == PCI_NOBODY || (read(address, HEADER) >> HEADER_TYPE_SHIFT & HEADER_TYPE_MASK) != 0)
        return 0;
    for (uint32_t offset = BASE_ADDRESS; offset < BASE_ADDRESS_END; offset += 4) {
        uint32_t base = read(address, offset), command;

        if (!(base & BASE_ADDRESS_IO) || (base & ~3u) == 0 || base > UINT16_MAX)
            continue;
        command = read(address, COMMAND) & 0xffff; /* the rest is the status register, where a 1 clears a bit */
        x86_outl(CONFIG_DATA, command | COMMAND_IO);
        return (uint16_t)(base & ~3u);
    }
    return 0;
}
