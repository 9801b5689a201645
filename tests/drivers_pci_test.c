/* sources: tests/lib_support.c */
#include <string.h>

#include "tests/drivers_x86.h"
#include "tests/lib_support.h"

#include "drivers/pci.c"

/* One device, of which there are the first 64 bytes of configuration space. */
static const struct pci_address place = {0x12, 0x1f, 5};
static uint32_t registers[16], chosen;
static unsigned writes;

void x86_outl(uint16_t port, uint32_t v)
{
    CHECK(port == 0xcf8 || port == 0xcfc);
    if (port == 0xcf8) {
        chosen = v;
        return;
    }
    CHECK(chosen == (0x80000000 | 0x12fd << 8 | 4));
    registers[1] = v;
    writes++;
}

uint32_t x86_inl(uint16_t port)
{
    CHECK(port == 0xcfc && chosen >> 31 && chosen % 4 == 0);
    return (chosen & 0xffff00) == 0x12fd << 8 ? registers[chosen % 256 / 4] : 0xffffffff;
}

static void start(uint8_t header)
{
    memset(registers, 0, sizeof(registers));
    registers[0] = 0x00021b36;
    registers[1] = 0xffff0002;
    registers[3] = (uint32_t)header << 16;
    writes = 0;
}

int main(void)
{
    start(0x80);
    registers[4] = 0xfebf0000; /* memory */
    registers[5] = 0x00000001; /* I/O, at no place */
    registers[6] = 0x0000c059;
    registers[7] = 0x0000d001;
    CHECK(pci_io_port(place) == 0xc058 && pci_id(place) == 0x00021b36);
    CHECK(writes == 1 && registers[1] == 0x00000003);
    test_passed("the first range of ports is found and switched on, and no status bit is cleared");
    CHECK(pci_io_port((struct pci_address){0x12, 0x1f, 4}) == 0 && writes == 1);
    CHECK(pci_id((struct pci_address){0x12, 0x1f, 4}) == PCI_NOBODY);
    start(1); /* a bridge */
    registers[6] = 0x0000c059;
    CHECK(pci_io_port(place) == 0 && writes == 0);
    start(0);
    registers[4] = 0xfebf0000;
    registers[9] = 0x00010001; /* above all ports */
    registers[10] = 0x0000c001; /* no base address any more */
    CHECK(pci_io_port(place) == 0 && writes == 0);
    start(0);
    registers[4] = 0xfe000004; /* memory of 64 bits, at 381FE000000H */
    registers[5] = 0x00000381;
    CHECK(pci_io_port(place) == 0 && writes == 0);
    registers[6] = 0x0000c059;
    CHECK(pci_io_port(place) == 0xc058 && writes == 1);
    test_passed("nobody there, a bridge, a device without ports, half an address of memory: left alone");
    return test_done();
}
