/* Saved VMs: where they are kept in the root task's memory, and where they come from and go to. */
#ifndef VMM_ROOT_SAVED_H
#define VMM_ROOT_SAVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/root/config.h"

/* Part of a VM. */
struct saved {
    bool asked;            /* its monitor was told to save it */
    bool gone_on;          /* it goes on from what was saved */
    uint8_t *buffer;       /* where it is saved to, whole pages; NULL: none yet */
    uint64_t room, bytes;  /* of the buffer; of what was saved, 0 = nothing yet */
    const uint8_t *module; /* the file to begin with, by the config; NULL: none yet */
    uint64_t module_bytes;
};

/* For another life of the VM: what is there already is used again. */
struct saved saved_anew(const struct saved *saved);

/* Gets a buffer in which such a VM fits; false if there is no memory for it. */
bool saved_prepare(struct saved *saved, const struct vm_config *config);

/* Maps the boot module; false, and `why` says what is wrong, if that can't be. */
bool saved_find(struct saved *saved, const char *name, char *why, size_t room);

/* The pages that hold these bytes, from a page's start on. */
struct vm_window saved_window(const void *bytes, uint64_t n);

/* Sends what was last saved out of the machine, by the debug port: a line `NESTOR STATE NAME BYTES`, the bytes, '\n'. Says so. */
void saved_write_out(const struct saved *saved, const char *name);

#endif
