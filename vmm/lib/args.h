/* What the root task tells a monitor: the content of the monitor's TASK_ARGS page, read-only there. */
#ifndef VMM_LIB_ARGS_H
#define VMM_LIB_ARGS_H

#include <stddef.h>

#include "config/abi.h"

enum guest_kind {
    GUEST_NESTOR, /* ELF32 or ELF64, started in flat 32-bit protected mode */
    GUEST_FLAT16, /* a flat image, started in real mode like a boot sector */
    GUEST_KINDS
};

enum {
    GUEST_ARGS_BYTES = 512,    /* room for the `args` of a guest, with the terminating 0 */
    ARGS_NOT_RUN_BYTES = 1024,
};

struct monitor_args {
    char name[VM_NAME_BYTES];     /* of the VM */
    uint64_t memory_bytes;        /* guest memory from gpa 0: the size of the TASK_GUEST window */
    uint32_t kind;                /* enum guest_kind */
    uint32_t bad_hypercall_kills; /* 1: an unknown hypercall ends the VM; 0: it returns -ABI_ENOSYS */
    uint32_t lab;                 /* enum vm_lab; not LAB_NONE: the guest may use HC_LAB_* */
    char guest_args[GUEST_ARGS_BYTES];
    char not_run[ARGS_NOT_RUN_BYTES]; /* tests that this platform does not survive: patterns for glob_matches_one */
    uint32_t vcpus;
    char state_name[64];          /* the file at TASK_STATE: its name for messages, and its bytes; 0: there is none */
    uint64_t state_bytes;
    uint64_t save_bytes;          /* at TASK_SAVE; 0: the VM is not to be saved */
    uint32_t expect;              /* enum end_kind: after another one, its registers are of interest */
};

_Static_assert(sizeof(struct monitor_args) <= 4096, "the args page is one page");
_Static_assert(offsetof(struct monitor_args, guest_args) == 52, "tests/data/monitor_faults.asm knows it");

#endif
