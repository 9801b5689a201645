/* Sizes that the kernel, the root task and the monitors agree on. */
#ifndef CONFIG_LIMITS_H
#define CONFIG_LIMITS_H

enum {
    MAX_PCPUS = 64,
    MAX_VMS = 512,
    MAX_VCPUS_PER_VM = 16,
    MAX_MODULES = 64,        /* Multiboot modules */
    MAX_VM_MODULES = 4,      /* of these, the ones that one VM's monitor may map */
    MAX_MEMORY_RANGES = 128, /* entries of the boot memory map that are kept */
    MAX_STATE_PAIRS = 64,    /* (what, where) pairs in one vcpu_read or vcpu_write */
    MAX_CAPS = 48,           /* capability registers in struct machine_info */
    MAX_VM_CHANNELS = 32,    /* ends of queues and rings that a VM has */
    MAX_QUEUE_SLOTS = 4096,  /* messages */
    MAX_RING_PAGES = 256,    /* data pages of 4 KiB */
    VM_NAME_BYTES = 32,      /* with the terminating 0 */
    COMMAND_LINE_BYTES = 512,
    TRACE_RECORDS = 32768,   /* that a pCPU's trace ring keeps when tracing in full; a power of two, 32 bytes each */
    EXIT_COUNTERS = 176,     /* kinds of VM exits that are counted apart, for each vCPU */
    EXIT_NAME_BYTES = 40,    /* with the terminating 0 */
    SCREEN_COLUMNS = 80,
    SCREEN_ROWS = 25,
};

#endif
