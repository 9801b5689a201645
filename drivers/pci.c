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
    BASE_ADDRESS_KIND = 7 << 0,
    BASE_ADDRESS_MEMORY_64 = 4 << 0, /* the next register is the upper half of this one's address */
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

/* The upper half of the register is the status, where a 1 clears a bit. */
static void decode_io(struct pci_address address)
{
    uint32_t command = read(address, COMMAND) & 0xffff;

    choose(address, COMMAND);
    x86_outl(CONFIG_DATA, command | COMMAND_IO);
}

uint16_t pci_io_port(struct pci_address address)
{
    if (pci_id(address) == PCI_NOBODY || (read(address, HEADER) >> HEADER_TYPE_SHIFT & HEADER_TYPE_MASK) != 0)
        return 0;
    for (uint32_t offset = BASE_ADDRESS; offset < BASE_ADDRESS_END; offset += 4) {
        uint32_t base = read(address, offset), port = base & ~3u;

        if ((base & BASE_ADDRESS_KIND) == BASE_ADDRESS_MEMORY_64)
            offset += 4;
        if (!(base & BASE_ADDRESS_IO) || port == 0 || port > UINT16_MAX)
            continue;
        decode_io(address);
        return (uint16_t)port;
    }
    return 0;
}
