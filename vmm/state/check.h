/* The checker of saved VMs: before anything of a file is used, all of it is looked at. */
#ifndef VMM_STATE_CHECK_H
#define VMM_STATE_CHECK_H

#include "config/limits.h"
#include "vmm/lib/line.h"
#include "vmm/monitor/guest_memory.h"
#include "vmm/state/file.h"

enum { STATE_WHY_BYTES = 192 };

/* The VM that is to go on: the file's must be like it. */
struct state_vm {
    uint64_t memory_bytes;
    uint32_t vcpus, guest_kind;
};

/* What a file holds, but for its vCPUs' registers and memory: state_get_vcpu, state_get_memory. */
struct state_content {
    struct state_head head;
    uint64_t tsc;    /* of the guest, when it was saved */
    uint32_t vcpus;  /* that were started, a bit each */
    uint32_t halted; /* of these, the ones that nothing can wake */
    struct state_uart uart;
    uint64_t line_bytes; /* of a line that the guest has begun to print */
    char line[LINE_BYTES];
};

/*
 * Fills *content if the file is good: complete, unharmed, of a VM like that, and with no record, version or item that is
 * unknown. Else returns false with the whole message, file's name included, in `why`.
 */
bool state_check(const struct state_file *file, const struct state_vm *vm, struct state_content *content,
                 char why[STATE_WHY_BYTES]);

/* Copies the memory of a checked file into fresh memory, which is all 0. */
void state_get_memory(const struct state_file *file, const struct guest_memory *memory);

#endif
