#include "kernel/boot/info.h"

#include "lib/string.h"
#include "mm/direct.h"

const void *boot_physical(uint64_t physical, uint64_t bytes)
{
    if (physical == 0 || physical >= 4 * GIB || bytes > 4 * GIB - physical)
        return NULL;
    return mm_direct(HPA(physical));
}

bool boot_string_copy(char *to, size_t room, uint64_t physical, uint64_t bytes)
{
    to[0] = 0;
    for (size_t i = 0; i < room; i++) {
        const char *c = i < bytes ? boot_physical(physical + i, 1) : "";

        if (!c)
            return false;
        to[i] = *c;
        if (!*c)
            return true;
    }
    to[room - 1] = 0;
    return false;
}

const char *boot_memory_add(struct boot_info *out, uint64_t start, uint64_t bytes, uint32_t kind, uint64_t *value)
{
    *value = start;
    if (bytes == 0)
        return NULL;
    if (start + bytes < start)
        return "a memory range wraps around";
    if (out->memories == MAX_MEMORY_RANGES)
        return "the memory map has too many entries";
    out->memory[out->memories++] = (struct boot_memory){start, start + bytes, kind};
    return NULL;
}

void boot_framebuffer_set(struct boot_info *out, const struct framebuffer_mode *mode)
{
    const uint64_t end = 1ull << 52; /* no CPU has wider physical addresses */
    uint64_t bytes = (uint64_t)mode->pitch * mode->height;

    if (bytes <= end && mode->address <= end - bytes)
        out->framebuffer = *mode;
}

/* Splits "folder/name words" into the module's name and its arguments. */
static bool split_line(struct boot_module *m, const char *line)
{
    const char *name = line, *end = line;

    for (; *end && *end != ' '; end++)
        if (*end == '/')
            name = end + 1;
    if ((size_t)(end - name) >= sizeof m->name)
        return false;
    memcpy(m->name, name, (size_t)(end - name));
    m->name[end - name] = 0;
    while (*end == ' ')
        end++;
    return lib_string_copy(m->args, end, sizeof m->args);
}

const char *boot_module_add(struct boot_info *out, uint64_t start, uint64_t end, uint64_t line, uint64_t bytes,
                            uint64_t *value)
{
    char text[COMMAND_LINE_BYTES];
    struct boot_module *m;

    *value = out->modules;
    if (out->modules == MAX_MODULES)
        return "too many modules";
    if (end < start || (end > start && !boot_physical(start, end - start)))
        return "a module's addresses are wrong";
    if (line && !boot_string_copy(text, sizeof text, line, bytes))
        return "a module's command line is too long";
    m = &out->module[out->modules];
    if (!split_line(m, line ? text : ""))
        return "a module's name is too long";
    m->start = start;
    m->end = end;
    out->modules++;
    return NULL;
}

const char *boot_info_read(struct boot_info *out, uint32_t magic, uint32_t info, uint64_t *value)
{
    const char *error = "not started by a Multiboot loader: wrong magic number";

    memset(out, 0, sizeof *out);
    *value = magic;
    if (magic == MULTIBOOT1_MAGIC)
        error = boot_multiboot1_read(out, info, value);
    else if (magic == MULTIBOOT2_MAGIC)
        error = boot_multiboot2_read(out, info, value);
    if (error)
        return error;
    *value = info;
    return out->memories ? NULL : "the boot loader gave no memory map";
}

bool boot_option(const struct boot_info *info, const char *key, char *out, size_t room)
{
    size_t n = strlen(key), i = 0;
    const char *word = info->command_line;

    while (*word) {
        if (strncmp(word, key, n) == 0 && word[n] == '=') {
            for (word += n + 1; word[i] && word[i] != ' ' && i < room - 1; i++)
                out[i] = word[i];
            out[i] = 0;
            return true;
        }
        while (*word && *word != ' ')
            word++;
        while (*word == ' ')
            word++;
    }
    return false;
}
