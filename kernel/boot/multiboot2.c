/* "Boot information format" of the Multiboot2 Specification, version 2.0: a list of tags. */
#include "kernel/boot/info.h"

#include "lib/string.h"

struct mb2_header {
    uint32_t total_size, reserved;
};

struct mb2_tag {
    uint32_t type, size;
};

struct mb2_module {
    struct mb2_tag tag;
    uint32_t start, end;
};

struct mb2_memory_map {
    struct mb2_tag tag;
    uint32_t entry_size, entry_version;
};

struct mb2_memory {
    uint64_t base, length;
    uint32_t type, reserved;
};

struct mb2_framebuffer {
    struct mb2_tag tag;
    uint64_t address;
    uint32_t pitch, width, height;
    uint8_t bits, type;
    uint16_t reserved;
    struct framebuffer_color red, green, blue; /* of type BOOT_FRAMEBUFFER_RGB; the other types have something else here */
};

/* Reads one tag, which is all in reach and at `at`. */
typedef const char *tag_reader(struct boot_info *out, const struct mb2_tag *tag, uint64_t at, uint64_t *value);

static const char *read_command_line(struct boot_info *out, const struct mb2_tag *tag, uint64_t at, uint64_t *value)
{
    (void)value;
    if (!boot_string_copy(out->command_line, sizeof out->command_line, at + sizeof *tag, tag->size - sizeof *tag))
        return "the command line is too long";
    return NULL;
}

static const char *read_loader(struct boot_info *out, const struct mb2_tag *tag, uint64_t at, uint64_t *value)
{
    (void)value;
    boot_string_copy(out->loader, sizeof out->loader, at + sizeof *tag, tag->size - sizeof *tag);
    return NULL;
}

static const char *read_module(struct boot_info *out, const struct mb2_tag *tag, uint64_t at, uint64_t *value)
{
    const struct mb2_module *m = (const void *)tag;

    return boot_module_add(out, m->start, m->end, at + sizeof *m, tag->size - sizeof *m, value);
}

static const char *read_memory_map(struct boot_info *out, const struct mb2_tag *tag, uint64_t at, uint64_t *value)
{
    const struct mb2_memory_map *map = (const void *)tag;
    const char *error = NULL;

    *value = map->entry_size;
    if (map->entry_size < sizeof(struct mb2_memory) || !is_aligned(map->entry_size, 8))
        return "the entries of the memory map have a wrong size";
    *value = at;
    if ((tag->size - sizeof *map) % map->entry_size)
        return "the memory map is cut off";
    for (uint64_t i = sizeof *map; i < tag->size && !error; i += map->entry_size) {
        const struct mb2_memory *m = (const void *)((const char *)tag + i);

        error = boot_memory_add(out, m->base, m->length, m->type, value);
    }
    return error;
}

static const char *read_framebuffer(struct boot_info *out, const struct mb2_tag *tag, uint64_t at, uint64_t *value)
{
    const struct mb2_framebuffer *f = (const void *)tag;

    (void)at, (void)value;
    if (f->type == BOOT_FRAMEBUFFER_RGB && tag->size >= offsetof(struct mb2_framebuffer, blue) + sizeof f->blue)
        boot_framebuffer_set(out, &(struct framebuffer_mode){f->address, f->pitch, f->width, f->height, f->bits, f->red,
                                                             f->green, f->blue});
    return NULL;
}

static const char *read_rsdp(struct boot_info *out, const struct mb2_tag *tag, uint64_t at, uint64_t *value)
{
    (void)value;
    out->rsdp = at + sizeof *tag;
    return NULL;
}

static const struct {
    uint32_t type, min_size;
    tag_reader *read;
} readers[] = {
    {1, sizeof(struct mb2_tag) + 1, read_command_line},
    {2, sizeof(struct mb2_tag) + 1, read_loader},
    {3, sizeof(struct mb2_module) + 1, read_module},
    {6, sizeof(struct mb2_memory_map), read_memory_map},
    {8, offsetof(struct mb2_framebuffer, red), read_framebuffer},
    {14, sizeof(struct mb2_tag) + 20, read_rsdp}, /* ACPI 1.0 */
    {15, sizeof(struct mb2_tag) + 36, read_rsdp}, /* ACPI 2.0 and later: comes after 14 and wins */
};

static const char *read_tag(struct boot_info *out, const struct mb2_tag *tag, uint64_t at, uint64_t *value)
{
    for (unsigned i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (readers[i].type != tag->type)
            continue;
        *value = tag->type;
        if (tag->size < readers[i].min_size)
            return "a tag of the boot information is too small";
        return readers[i].read(out, tag, at, value);
    }
    return NULL;
}

const char *boot_multiboot2_read(struct boot_info *out, uint64_t info, uint64_t *value)
{
    const struct mb2_header *header = boot_physical(info, sizeof *header);
    const char *error = NULL;
    uint64_t at, end;

    out->protocol = "Multiboot 2";
    *value = info;
    if (!header || !is_aligned(info, 8) || !boot_physical(info, header->total_size))
        return "the boot information is out of reach";
    end = info + header->total_size;
    out->start = info;
    out->end = end;
    at = info + sizeof *header;
    while (!error) {
        const struct mb2_tag *tag = boot_physical(at, sizeof *tag);

        *value = at;
        if (!tag || at + sizeof *tag > end || tag->size < sizeof *tag || tag->size > end - at)
            return "the boot information is cut off";
        if (tag->type == 0)
            break;
        error = read_tag(out, tag, at, value);
        at += align_up(tag->size, 8);
    }
    return error;
}
