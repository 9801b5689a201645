/* What a vCPU looks like at the moment, when somebody asks. */
#ifndef VMM_MONITOR_DUMP_H
#define VMM_MONITOR_DUMP_H

#include "vmm/monitor/exit.h"
#include "vmm/monitor/guest.h"

/* Notes that show its registers by name, the last exit that came to its monitor, and what waits for it. The vCPU is not in the guest. */
void dump_vcpu(struct guest *guest, const struct guest_exit *last);

#endif
