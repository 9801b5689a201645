/* The boot modules, once memory management works: each in whole pages of its own, zero behind its end. */
#ifndef KERNEL_BOOT_MODULES_H
#define KERNEL_BOOT_MODULES_H

#include "kernel/boot/info.h"

struct module {
    hpa_t start;     /* page-aligned */
    uint64_t bytes;
    uint64_t pages;
    const struct boot_module *boot; /* name and arguments */
};

/* Takes the modules over from the boot information; moves one that shares a page with something. Panics when memory is
 * out. */
void modules_init(const struct boot_info *info);

/* The module of that number, or NULL. */
const struct module *module_find(uint64_t index);

/* The first module with that name, or NULL. */
const struct module *module_by_name(const char *name);

#endif
