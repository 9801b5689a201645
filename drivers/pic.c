#include "drivers/pic.h"

#include "lib/x86.h"

enum {
    PIC1_COMMAND = 0x20,
    PIC1_DATA = 0x21,
    PIC2_COMMAND = 0xa0,
    PIC2_DATA = 0xa1,
    ICW1_INIT_ICW4 = 0x11, /* begin, edge triggered, cascaded, ICW4 follows */
    ICW3_SLAVE_AT_IRQ2 = 0x04,
    ICW3_SLAVE_ID = 0x02,
    ICW4_8086 = 0x01,
};

void pic_disable(void)
{
    static const struct { uint16_t port; uint8_t value; } sequence[] = {
        {PIC1_COMMAND, ICW1_INIT_ICW4},  {PIC2_COMMAND, ICW1_INIT_ICW4},
        {PIC1_DATA, PIC_VECTOR},         {PIC2_DATA, PIC_VECTOR + PIC_VECTORS / 2},
        {PIC1_DATA, ICW3_SLAVE_AT_IRQ2}, {PIC2_DATA, ICW3_SLAVE_ID},
        {PIC1_DATA, ICW4_8086},          {PIC2_DATA, ICW4_8086},
        {PIC1_DATA, 0xff},               {PIC2_DATA, 0xff},
    };

    for (unsigned i = 0; i < sizeof(sequence) / sizeof(sequence[0]); i++)
        x86_outb(sequence[i].port, sequence[i].value);
}
