#include "kernel/vm/image.h"

#include "config/abi.h"
#include "lib/addr.h"
#include "lib/string.h"
#include "mm/table.h"

enum { PT_LOAD = 1, PF_X = 1, PF_W = 2, ET_EXEC = 2, EM_X86_64 = 62 };

struct elf64_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf64_segment {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

static const char *check_segment(const struct elf64_segment *s, const struct image *image, size_t bytes)
{
    if (s->offset > bytes || s->filesz > bytes - s->offset)
        return "a segment reaches behind the end of the file";
    if (s->memsz < s->filesz)
        return "a segment is smaller in memory than in the file";
    if (s->vaddr < TASK_IMAGE || s->vaddr >= TASK_HEAP_END || s->memsz > TASK_HEAP_END - s->vaddr)
        return "a segment is outside the image's range";
    if (s->vaddr < image->end)
        return "a segment is not above the one before it, on pages of its own";
    if (s->vaddr % PAGE_BYTES != s->offset % PAGE_BYTES)
        return "a segment's place in the file does not fit its pages";
    if ((s->flags & PF_W) && (s->flags & PF_X))
        return "a segment is writable and executable";
    return NULL;
}

static const char *add_segment(struct image *image, const struct elf64_segment *s, size_t bytes)
{
    const char *error;

    if (s->type != PT_LOAD || s->memsz == 0)
        return NULL;
    error = check_segment(s, image, bytes);
    if (!error && image->segments == IMAGE_SEGMENTS)
        error = "too many segments";
    if (error)
        return error;
    image->segment[image->segments++] =
        (struct image_segment){s->vaddr, s->offset, s->filesz, s->memsz,
                               MM_READ | (s->flags & PF_W ? MM_WRITE : 0) | (s->flags & PF_X ? MM_EXECUTE : 0)};
    image->end = align_up(s->vaddr + s->memsz, PAGE_BYTES);
    return NULL;
}

static bool entry_is_code(const struct image *image)
{
    for (unsigned i = 0; i < image->segments; i++)
        if ((image->segment[i].rights & MM_EXECUTE) && image->entry - image->segment[i].address < image->segment[i].bytes)
            return true;
    return false;
}

const char *image_parse(struct image *out, const void *file, size_t bytes, uint64_t *value)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    struct elf64_header header;
    struct elf64_segment s;

    memset(out, 0, sizeof *out);
    *value = bytes;
    if (bytes < sizeof header)
        return "too short for an ELF header";
    memcpy(&header, file, sizeof header);
    *value = 0;
    if (memcmp(header.ident, magic, sizeof magic) || header.type != ET_EXEC || header.machine != EM_X86_64)
        return "not an executable ELF64 file for x86-64";
    *value = header.phoff;
    if (header.phentsize != sizeof s || header.phoff > bytes || header.phnum > (bytes - header.phoff) / sizeof s)
        return "the program headers are outside the file";
    for (unsigned i = 0; i < header.phnum; i++) {
        const char *error;

        memcpy(&s, (const char *)file + header.phoff + i * sizeof s, sizeof s);
        *value = i;
        error = add_segment(out, &s, bytes);
        if (error)
            return error;
    }
    out->entry = *value = header.entry;
    return entry_is_code(out) ? NULL : "the entry point is in no executable segment";
}
