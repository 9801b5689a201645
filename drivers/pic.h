/* The two 8259A interrupt controllers, which are only there to be kept quiet. */
#ifndef DRIVERS_PIC_H
#define DRIVERS_PIC_H

enum { PIC_VECTOR = 0x20, PIC_VECTORS = 16 };

/* Moves their vectors to 20H-2FH, off the exceptions (a spurious interrupt comes through any mask), and masks all. */
void pic_disable(void);

#endif
