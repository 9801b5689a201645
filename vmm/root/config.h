/*
 * The machine description: which VMs there are and how each should end. docs/config.md is its manual. The parser is
 * pure C without input or output: the root task, tools/check-config and the host tests run the same code.
 */
#ifndef VMM_ROOT_CONFIG_H
#define VMM_ROOT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/limits.h"
#include "vmm/lib/args.h"
#include "vmm/lib/end.h"

enum {
    CONFIG_IMAGE_BYTES = 64,   /* room for a module's name, as in struct module_info */
    CONFIG_OUTPUT_BYTES = 512, /* room for the text of `output` */
    CONFIG_ERRORS = 20,        /* errors that are kept */
    CONFIG_ERROR_BYTES = 320,  /* room for one of them */
};

struct vm_config {
    char name[VM_NAME_BYTES];
    char image[CONFIG_IMAGE_BYTES];
    char state[CONFIG_IMAGE_BYTES]; /* the module with a saved VM to go on from; "" = none, begin with the image */
    uint64_t save_ms;               /* when it is saved, in milliseconds after its start; 0 = never */
    enum guest_kind kind;
    uint64_t memory_bytes; /* a multiple of 4 KiB */
    uint64_t quota_pages;
    enum vm_lab lab;  /* whether the guest may set control fields of its own vCPU and watch its exits: config/lab.h */
    bool large_pages; /* memory is backed by 2 MiB at a time where possible */
    uint64_t vcpus;
    bool pinned;
    uint64_t pin;          /* pCPU number, if pinned */
    uint64_t timeslice_us; /* 0 = the kernel's default */
    char args[GUEST_ARGS_BYTES];
    bool console; /* print its lines as they come */
    char after[VM_NAME_BYTES]; /* starts when the VM of that name is done; "" = at once */
    uint64_t repeat;           /* how often it is created, run and destroyed, 1 or more */
    uint64_t restarts;         /* how often it is started again when it did not end as expected */
    struct end expect; /* END_RUNNING for a VM in the background */
    bool background;
    bool bad_hypercall_kills;
    bool has_output;
    char output[CONFIG_OUTPUT_BYTES]; /* what the guest must print in all, if has_output; 0-terminated */
    unsigned line;                    /* of its section header */
    unsigned channels;                /* how many channels it is at an end of */
    uint64_t seen;                    /* the keys that were given, a bit each: the parser's own */
};

/* The log alone; a table of the VMs above it; the table while they run, and at the end the verdict in large letters. */
enum config_screen { CONFIG_SCREEN_LOG, CONFIG_SCREEN_TABLE, CONFIG_SCREEN_LIVE };

enum channel_type { CHANNEL_QUEUE, CHANNEL_RING };

/* A queue or a ring between two VMs. */
struct channel_config {
    enum channel_type type;
    char from_name[VM_NAME_BYTES], to_name[VM_NAME_BYTES];
    size_t from, to; /* their numbers in config.vm */
    uint64_t size;   /* messages of a queue, data pages of a ring; a power of two */
    unsigned line;
};

struct config {
    char name[VM_NAME_BYTES];
    uint64_t timeout_s; /* of the whole run */
    uint64_t migrate;   /* how often each floating vCPU is moved to another pCPU while it runs; 0 = as it comes */
    uint64_t pause;     /* how often each VM is paused and resumed while it runs */
    bool trace;         /* print the trace at the end */
    bool counters;      /* and how often each VM had each kind of exit */
    enum config_screen screen; /* what it shows beside the log */
    bool passport_full; /* print each capability register by name */
    char profile[CONFIG_IMAGE_BYTES]; /* what the machine is compared with; "" = the nearest */
    uint64_t seen;      /* the parser's own */
    size_t vms;
    struct vm_config *vm; /* vms of them, in the order of the file; from malloc */
    size_t channels;
    struct channel_config *channel; /* channels of them, in the order of the file; from malloc */
    size_t errors;        /* how many there were; the first CONFIG_ERRORS have a text */
    char error[CONFIG_ERRORS][CONFIG_ERROR_BYTES];
};

/*
 * Parses `bytes` bytes at `text`, which need not be terminated; `file` is the name for messages. Fills all of *config
 * and returns whether there was no error. Each error is one line: "FILE:LINE: what was found; what was expected".
 * config_free gives back what it allocated, also after errors.
 */
bool config_parse(const char *file, const char *text, size_t bytes, struct config *config);

/* The VM of that name, or NULL. */
struct vm_config *config_vm(const struct config *config, const char *name);

void config_free(struct config *config);

/* The key of such a channel, "queue" or "ring". Static storage. */
const char *config_channel_word(enum channel_type type);

#endif
