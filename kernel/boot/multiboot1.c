/* "Boot information format" of the Multiboot Specification, version 0.6.96. */
#include "kernel/boot/info.h"

#include "lib/string.h"

enum {
    FLAG_MEMORY = 1 << 0,
    FLAG_COMMAND_LINE = 1 << 2,
    FLAG_MODULES = 1 << 3,
    FLAG_MEMORY_MAP = 1 << 6,
    FLAG_LOADER_NAME = 1 << 9,
    FLAG_FRAMEBUFFER = 1 << 12,
};

/* Packed: nothing is said of where any of these is aligned. */
struct mb1_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr,
        drives_length, drives_addr, config_table, boot_loader_name, apm_table, vbe_control_info, vbe_mode_info;
    uint16_t vbe_mode, vbe_interface_seg, vbe_interface_off, vbe_interface_len;
    uint64_t framebuffer_addr;
    uint32_t framebuffer_pitch, framebuffer_width, framebuffer_height;
    uint8_t framebuffer_bpp, framebuffer_type;
    struct framebuffer_color red, green, blue; /* of type BOOT_FRAMEBUFFER_RGB; the other types have something else here */
} __attribute__((packed));

struct mb1_module {
    uint32_t start, end, string, pad;
} __attribute__((packed));

struct mb1_memory {
    uint32_t size; /* of what follows */
    uint64_t base, length;
    uint32_t type;
} __attribute__((packed));

static const char *read_command_line(struct boot_info *out, const struct mb1_info *mb, uint64_t *value)
{
    *value = mb->cmdline;
    if (!boot_physical(mb->cmdline, 1))
        return "the command line is out of reach";
    if (!boot_string_copy(out->command_line, sizeof out->command_line, mb->cmdline, COMMAND_LINE_BYTES))
        return "the command line is too long";
    return NULL;
}

static const char *read_memory_map(struct boot_info *out, const struct mb1_info *mb, uint64_t *value)
{
    uint64_t at = mb->mmap_addr, end = at + mb->mmap_length;
    const char *error = NULL;

    while (at < end && !error) {
        const struct mb1_memory *m = boot_physical(at, sizeof *m);

        *value = at;
        if (!m || end - at < sizeof *m)
            return "the memory map is cut off";
        if (m->size < sizeof *m - sizeof m->size)
            return "an entry of the memory map is too small";
        error = boot_memory_add(out, m->base, m->length, m->type, value);
        at += m->size + sizeof m->size;
    }
    return error;
}

static const char *read_modules(struct boot_info *out, const struct mb1_info *mb, uint64_t *value)
{
    const char *error = NULL;

    for (uint64_t i = 0; i < mb->mods_count && !error; i++) {
        const struct mb1_module *m = boot_physical(mb->mods_addr + i * sizeof *m, sizeof *m);

        *value = i;
        if (!m)
            return "the list of modules is out of reach";
        error = boot_module_add(out, m->start, m->end, m->string, COMMAND_LINE_BYTES, value);
    }
    return error;
}

const char *boot_multiboot1_read(struct boot_info *out, uint64_t info, uint64_t *value)
{
    const struct mb1_info *mb = boot_physical(info, sizeof *mb);
    const char *error = NULL;

    out->protocol = "Multiboot 1";
    *value = info;
    if (!mb)
        return "the boot information is out of reach";
    if (mb->flags & FLAG_COMMAND_LINE)
        error = read_command_line(out, mb, value);
    if (mb->flags & FLAG_LOADER_NAME)
        boot_string_copy(out->loader, sizeof out->loader, mb->boot_loader_name, sizeof out->loader);
    if (!error && (mb->flags & FLAG_MEMORY_MAP))
        error = read_memory_map(out, mb, value);
    else if (!error && (mb->flags & FLAG_MEMORY))
        error = boot_memory_add(out, MIB, mb->mem_upper * KIB, BOOT_MEMORY_RAM, value);
    if (!error && (mb->flags & FLAG_MODULES))
        error = read_modules(out, mb, value);
    if ((mb->flags & FLAG_FRAMEBUFFER) && mb->framebuffer_type == BOOT_FRAMEBUFFER_RGB)
        boot_framebuffer_set(out, &(struct framebuffer_mode){mb->framebuffer_addr, mb->framebuffer_pitch,
                                                             mb->framebuffer_width, mb->framebuffer_height,
                                                             mb->framebuffer_bpp, mb->red, mb->green, mb->blue});
    return error;
}
