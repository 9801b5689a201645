/* The probe on SVM: a VMCB in the guest's own memory. */
#include <string.h>

#include "guests/lib/lab/control.h"
#include "guests/lib/lab/probe_block.h"

/* Fetching its first instruction, a guest exits, as its nested page tables map nothing; the host's interrupts are the host's. */
void probe_svm_prepare(void)
{
    enum { INTR_NMI_SMI_INIT = 0xf, FLUSH_ALL = 1 };
    const uint64_t shutdown = 1ull << 31;

    probe_make_frame(BACKEND_SVM);
    probe_put(VMCB_INTERCEPT_MISC1, shutdown | INTR_NMI_SMI_INIT);
    probe_put(VMCB_TLB_CONTROL, FLUSH_ALL);
    probe_put(VMCB_NESTED_CR3, probe_host_address(PROBE_NO_EPT));
    probe_put(VMCB_CR3, probe_host_address(PROBE_NO_TABLES));
}

static uint8_t before[PROBE_PAGE];

unsigned probe_vmcb_changed(unsigned from)
{
    while (from < PROBE_PAGE && probe_pages[PROBE_VMCB][from] == before[from])
        from++;
    return from;
}

uint64_t probe_vmcb_field(uint32_t field)
{
    uint64_t value = 0;

    memcpy(&value, probe_pages[PROBE_VMCB] + (field & 0xffff), field >> 16);
    return value;
}

struct probe_result probe_svm_enter(void)
{
    uint8_t *vmcb = probe_pages[PROBE_VMCB];
    uint64_t exit[2]; /* EXITCODE, EXITINFO1 */

    memset(vmcb, 0, PROBE_PAGE);
    for (unsigned i = 0; i < probe_wanted.count; i++) {
        const struct entry_pair *pair = &probe_wanted.pair[i];

        if (pair->field < ENTRY_STATE)
            memcpy(vmcb + (pair->field & 0xffff), &pair->value, pair->field >> 16);
    }
    memcpy(before, vmcb, PROBE_PAGE);
    lab_write(PROBE((uintptr_t)vmcb), 0);
    memcpy(exit, vmcb + (VMCB_EXITCODE & 0xffff), sizeof exit);
    return (struct probe_result){true, 0, exit[0], exit[1]};
}
