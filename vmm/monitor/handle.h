/* What the monitor does about an exit. Each handler returns how to go on, or ends the VM. */
#ifndef VMM_MONITOR_HANDLE_H
#define VMM_MONITOR_HANDLE_H

#include "vmm/monitor/exit.h"
#include "vmm/monitor/guest.h"

typedef enum vcpu_action guest_handler(struct guest *guest, const struct guest_exit *e);

/* By the exit's kind, the handler from its table. */
guest_handler handle_exit;

guest_handler handle_io;        /* io.c: port I/O, to the devices */
guest_handler handle_hypercall; /* hypercall.c */
guest_handler handle_msr_read;  /* msr.c */
guest_handler handle_msr_write;
guest_handler handle_cr; /* cr.c: MOV to CR0, CR4, CR8 where the host owns bits */

/* With PAE paging the CPU holds four entries of its own, loaded whenever paging changes. VMX keeps them in the VMCS: reads
 * them from the guest's memory. False if CR3 leads elsewhere. */
bool cr_load_pdptes(struct guest *guest, uint64_t cr3);

#endif
