/* sources: tests/lib_support.c */
#include "tests/drivers_x86.h"
#include "tests/lib_support.h"

#include "drivers/pic.c"

/* A model of an 8259A: after ICW1 come ICW2, ICW3 and ICW4, after them the mask. */
struct controller {
    unsigned step;
    uint8_t icw[5], mask;
};

static struct controller first, second;

void x86_outb(uint16_t port, uint8_t v)
{
    struct controller *c = port < PIC2_COMMAND ? &first : &second;

    CHECK(port == 0x20 || port == 0x21 || port == 0xa0 || port == 0xa1);
    if (!(port & 1) && (v & 0x10))
        c->step = 1;
    if (c->step >= 1 && c->step <= 4)
        c->icw[c->step++] = v;
    else if (port & 1)
        c->mask = v;
}

int main(void)
{
    pic_disable();
    CHECK(first.icw[1] == 0x11 && first.icw[2] == 0x20 && first.icw[3] == 0x04 && first.icw[4] == 0x01);
    CHECK(second.icw[1] == 0x11 && second.icw[2] == 0x28 && second.icw[3] == 0x02 && second.icw[4] == 0x01);
    CHECK(first.mask == 0xff && second.mask == 0xff);
    test_passed("both controllers are moved to 20H-2FH and masked");
    return test_done();
}
