/* What the boot loader told, Multiboot 1 and 2 alike, checked and copied: nothing of it is read from its place again. */
#ifndef KERNEL_BOOT_INFO_H
#define KERNEL_BOOT_INFO_H

#include "config/limits.h"
#include "drivers/framebuffer.h"
#include "lib/addr.h"

#define MULTIBOOT1_MAGIC 0x2badb002u
#define MULTIBOOT2_MAGIC 0x36d76289u

enum boot_memory_kind { BOOT_MEMORY_RAM = 1, BOOT_MEMORY_RESERVED = 2, BOOT_MEMORY_ACPI = 3, BOOT_MEMORY_NVS = 4 };

struct boot_memory {
    uint64_t start, end; /* bytes, end exclusive, start < end */
    uint32_t kind;       /* enum boot_memory_kind; other numbers are reserved */
};

struct boot_module {
    uint64_t start, end; /* bytes, start <= end */
    char name[64];       /* first word of its command line, without the folder */
    char args[COMMAND_LINE_BYTES];
};

struct boot_info {
    const char *protocol; /* "Multiboot 1" or "Multiboot 2" */
    uint64_t start, end;  /* where the information itself is, if the RSDP may be in it; else both 0 */
    char loader[64];
    char command_line[COMMAND_LINE_BYTES];
    unsigned memories, modules;
    struct boot_memory memory[MAX_MEMORY_RANGES];
    struct boot_module module[MAX_MODULES];
    uint64_t rsdp; /* 0 = not told; else where a copy or the original of the RSDP is */
    struct framebuffer_mode framebuffer; /* its address is 0 where there is none of direct RGB colour */
};

/*
 * Reads the information at physical address `info` (below 4 GiB, seen by the direct map), of a loader that left `magic`
 * in EAX. Returns NULL and fills `out`, or an error text, with `*value` the number that is wrong. Entries beyond the
 * limits of config/limits.h are an error, too. ("Boot information format" in the Multiboot and Multiboot2 specifications.)
 */
const char *boot_info_read(struct boot_info *out, uint32_t magic, uint32_t info, uint64_t *value);

/* The value of word `key=value` on the command line, copied to `out`; false if there is none. */
bool boot_option(const struct boot_info *info, const char *key, char *out, size_t room);

/* For the two readers. Each returns an error text, or NULL. */
const char *boot_multiboot1_read(struct boot_info *out, uint64_t info, uint64_t *value);
const char *boot_multiboot2_read(struct boot_info *out, uint64_t info, uint64_t *value);

/* Adds one memory range or module; `value` as above. `line` is a 0-terminated physical string of at most `bytes`. */
const char *boot_memory_add(struct boot_info *out, uint64_t start, uint64_t bytes, uint32_t kind, uint64_t *value);
const char *boot_module_add(struct boot_info *out, uint64_t start, uint64_t end, uint64_t line, uint64_t bytes,
                            uint64_t *value);

/* Keeps a framebuffer of this type, unless it is where no memory can be. Any other type is no framebuffer here. */
enum { BOOT_FRAMEBUFFER_RGB = 1 };
void boot_framebuffer_set(struct boot_info *out, const struct framebuffer_mode *mode);

/* Where the kernel sees [physical, physical + bytes); NULL unless all of it is below 4 GiB and above 0. */
const void *boot_physical(uint64_t physical, uint64_t bytes);

/* Copies a physical string of at most `bytes` bytes, terminated or not; false if it does not fit or is out of reach. */
bool boot_string_copy(char *to, size_t room, uint64_t physical, uint64_t bytes);

#endif
