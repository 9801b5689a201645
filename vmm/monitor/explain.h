/* A VM entry has failed: what was wrong with the control block, in notes for people. docs/entry.md tells more. */
#ifndef VMM_MONITOR_EXPLAIN_H
#define VMM_MONITOR_EXPLAIN_H

#include "vmm/entry/entry.h"
#include "vmm/monitor/guest.h"

/* What came of the vCPU's last entry, which failed: by VMfail with this VM-instruction error, or by an exit. */
struct entry_verdict explain_vmfail(uint64_t error);
struct entry_verdict explain_exit(enum backend backend, const struct exit_record *exit);

/* Notes the broken rule that explains it, the field, its value and what it should have been. Before the vCPU's next exit. */
void explain_entry(const struct guest *guest, const struct entry_verdict *seen);

#endif
