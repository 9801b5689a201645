/* The state in which a guest starts. */
#ifndef VMM_MONITOR_STATE_H
#define VMM_MONITOR_STATE_H

#include "vmm/monitor/guest.h"

/*
 * Sets the vCPU's registers for the guest's kind, with the entry point and RDI as in `where`.
 * nestor: 32-bit protected mode, paging and interrupts off, flat segments loaded without a GDT, EBX =
 * NESTOR_GUEST_MAGIC. flat16: real mode, segments 0, IP = entry, SP below the image. All else is 0.
 */
void state_start(struct guest *guest, const struct vcpu_start *where);

#endif
