#include "drivers/pit.h"

#include "lib/x86.h"

enum {
    PIT_CHANNEL2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,
    GATE_CHANNEL2 = 1 << 0,
    GATE_KEEP = 3 << 2, /* the enables of two kinds of NMI; the rest is channel 2, the speaker, and read-only */
    COMMAND_CHANNEL2_RATE = 0xb4, /* channel 2, low byte then high byte, mode 2: by one down, and round */
    COMMAND_CHANNEL2_LATCH = 0x80,
};

void pit_start(void)
{
    uint8_t gate = x86_inb(PIT_GATE) & GATE_KEEP;

    x86_outb(PIT_GATE, gate);
    x86_outb(PIT_COMMAND, COMMAND_CHANNEL2_RATE);
    x86_outb(PIT_CHANNEL2, 0);
    x86_outb(PIT_CHANNEL2, 0);
    x86_outb(PIT_GATE, gate | GATE_CHANNEL2);
}

void pit_stop(void) { x86_outb(PIT_GATE, x86_inb(PIT_GATE) & GATE_KEEP); }

uint16_t pit_read(void)
{
    uint8_t low;

    x86_outb(PIT_COMMAND, COMMAND_CHANNEL2_LATCH);
    low = x86_inb(PIT_CHANNEL2);
    return (uint16_t)(low | x86_inb(PIT_CHANNEL2) << 8);
}
