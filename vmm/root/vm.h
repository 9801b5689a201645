/* A VM as the root task follows it: what was asked for, what it said, how it ended. */
#ifndef VMM_ROOT_VM_H
#define VMM_ROOT_VM_H

#include "config/abi.h"
#include "vmm/lib/report.h"
#include "vmm/root/config.h"
#include "vmm/root/counters.h"
#include "vmm/root/saved.h"

enum {
    VM_TESTS_MAX = 10000, /* result lines that are kept of one VM */
    VM_REASON_BYTES = REPORT_LINE + 1,
};

struct vm {
    const struct vm_config *config;
    uint32_t number; /* the kernel's */
    bool created;    /* the kernel has it now */
    bool was_started;
    bool waits;      /* created, and begins after another */
    uint64_t runs, restarts;      /* how often it ended as expected, and was started again when it did not */
    uint64_t free_early, free_now;/* bytes of the machine's memory that were free after its first runs, and after the last */
    bool running;
    bool done;            /* its subtest has been printed */
    bool passed, skipped; /* once done, as are the numbers of its results: */
    unsigned results, results_failed, results_skipped, known;
    struct saved saved;           /* the VM as it was saved, and where it begins from */
    struct report_reader reader;
    bool report_broken;           /* has been said to people */
    struct end end;               /* how it ended, as far as known */
    char reason[VM_REASON_BYTES]; /* the same for people; also why it could not be created */
    struct vm_status status;      /* as last seen */
    bool is_paused;               /* by root, for `pause` */
    uint64_t pauses, pauses_broken; /* how often it was, and how often it ran all the same */
    uint64_t paused_run;          /* its run_ticks then */
    uint64_t moved_at;            /* status.run_ticks when migrate.c last moved its vCPUs */
    uint64_t created_tsc;         /* when the kernel gave it its number; 0: never */
    uint64_t started_tsc;         /* when it began last */
    struct counters counters;     /* its exits, once done, if somebody wants to know */
    size_t lines;                 /* that the guest printed */
    size_t printed_bytes;         /* all that the guest printed */
    char *printed;                /* the first CONFIG_OUTPUT_BYTES of it, if the config has an `output` */
    size_t tests;                 /* result lines of the guest, the first VM_TESTS_MAX are kept */
    const char **test;            /* grows; each from malloc, printable */
};

/* Sets *vm up, but for what it remembers of lives before this one, and has the kernel create it, not yet started. On an error
 * leaves `created` false and says why in `reason`. */
void vm_create(struct vm *vm, const struct vm_config *config, const struct machine_info *info);

/* A created VM that can't be started after all: gives it back, and keeps why. */
__attribute__((format(printf, 2, 3))) void vm_refuse(struct vm *vm, const char *format, ...);

/* Starts a created VM; on an error it counts as not created. */
void vm_start(struct vm *vm);

/* Takes all that its monitor has reported: prints lines as they come if the config wants it, keeps the rest. */
void vm_drain(struct vm *vm);

/* Has the monitor do what is wanted, by bits WANTED_*, as soon as its vCPUs have left the guest. */
void vm_want(struct vm *vm, uint32_t wanted);

/* Has it saved, unless that has been done: its monitor is told, and ends it when that has happened. */
void vm_save(struct vm *vm);

/* Looks at its state; once it has ended, `running` is false and `end` and `reason` are set. */
void vm_poll(struct vm *vm);

/* Ends it where it is, if it still runs: `running` becomes false, `end` END_RUNNING. */
void vm_stop(struct vm *vm);

/* After its end: if it has to run once more (it has just been saved; `repeat`, `restart`), does away with it, makes it anew
 * and starts it. False if it is done. */
bool vm_again(struct vm *vm, const struct machine_info *info);

/* Gives back what it owns in the kernel. `status` stays. */
void vm_destroy(struct vm *vm);

#endif
