/* sources: kernel/boot/serial.c tests/lib_support.c */
/* The word `serial=` of the command line. */
#include "tests/lib_support.h"

#include "kernel/boot/serial.h"

static struct serial_choice choice;

static bool is_port(const char *text, uint16_t port, uint32_t baud)
{
    return serial_choice_read(text, &choice) && !choice.is_off && !choice.is_pci && choice.port == port && choice.baud == baud;
}

static bool is_pci(const char *text, uint8_t bus, uint8_t device, uint8_t function, uint32_t baud)
{
    return serial_choice_read(text, &choice) && !choice.is_off && choice.is_pci && choice.pci.bus == bus &&
           choice.pci.device == device && choice.pci.function == function && choice.baud == baud;
}

int main(void)
{
    static const char *const wrong[] = {
        "", "com", "com0", "com5", "com11", "com1,", "com1,49", "com1,115201", "com1,9600x", "com1 ", "com1;9600", "COM1", "com1,-1",
        "com-1", "0x", "0x0", "0xfff9", "0x10000", "0x100000003f8", "3f8", "0x3f8g", "0x3f8,", "x3f8", "of", "off,9600", "offf",
        "pci", "pci:", "pci:0", "pci:0:4", "pci:0:4.", "pci:0:20.0", "pci:0:4.8", "pci:100:4.0", "pci::4.0", "pci:0:4.0.", "pci:0:4.0,",
        "pci:0.4.0", "com1,99999999999999999999", "\x13", "com\x13",
    };

    CHECK(serial_choice_read("off", &choice) && choice.is_off);
    CHECK(is_port("com1", 0x3f8, 115200) && is_port("com2", 0x2f8, 115200));
    CHECK(is_port("com3,9600", 0x3e8, 9600) && is_port("com4,50", 0x2e8, 50));
    CHECK(is_port("0x3f8,115200", 0x3f8, 115200) && is_port("0xE0b8", 0xe0b8, 115200) && is_port("0xfff8", 0xfff8, 115200));
    CHECK(is_pci("pci:0:4.0", 0, 4, 0, 115200) && is_pci("pci:00:1f.7,19200", 0, 31, 7, 19200) && is_pci("pci:fF:0A.3", 255, 10, 3, 115200));
    test_passed("places and speeds");
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(!serial_choice_read(wrong[i], &choice));
    test_passed("whatever else is refused");
    return test_done();
}
