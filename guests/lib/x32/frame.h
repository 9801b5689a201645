/* What interrupts.asm leaves on the stack for a handler. */
#ifndef GUESTS_LIB_X32_FRAME_H
#define GUESTS_LIB_X32_FRAME_H

#include <stdint.h>

struct interrupt_frame {
    unsigned long gs, fs, es, ds; /* in virtual-8086 mode: null, see v86_* */
    unsigned long edi, esi, ebp, unused, ebx, edx, ecx, eax;
    unsigned long vector;
    unsigned long error; /* 0 for vectors that have none */
    unsigned long ip, cs, flags;
    unsigned long sp, ss;                         /* there only if the interrupted code was not in ring 0 */
    unsigned long v86_es, v86_ds, v86_fs, v86_gs; /* there only if it was in virtual-8086 mode */
};

#endif
