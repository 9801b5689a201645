/*
 * The ELF loader. Each field that is used is checked first: the image may be truncated, corrupt or made to hurt. Names
 * are those of the ELF specification, "ELF Header" and "Program Header".
 */
#include <string.h>

#include "vmm/monitor/image.h"

enum {
    ELFCLASS32 = 1,
    ELFCLASS64 = 2,
    ELFDATA2LSB = 1,
    EV_CURRENT = 1,
    ET_EXEC = 2,
    EM_386 = 3,
    EM_X86_64 = 62,
    PT_LOAD = 1,
    MAX_SEGMENTS = 32, /* program headers that are accepted: keeps the search for overlaps short */
};

/* Where each class keeps a field: its offset, and its width by class. */
struct layout {
    uint16_t machine;
    uint16_t word; /* bytes of an address */
    uint16_t header_bytes;
    uint16_t entry, phoff, phentsize, phnum;
    uint16_t segment_bytes; /* of a program header */
    uint16_t offset, vaddr, paddr, filesz, memsz;
};

static const struct layout layouts[] = {
    [ELFCLASS32] = {EM_386, 4, 52, 24, 28, 42, 44, 32, 4, 8, 12, 16, 20},
    [ELFCLASS64] = {EM_X86_64, 8, 64, 24, 32, 54, 56, 56, 8, 16, 24, 32, 40},
};

struct elf {
    const struct image *image;
    const struct guest_memory *memory;
    const struct layout *layout;
    uint64_t entry, phoff;
    unsigned phnum;
    char *why;
};

struct segment {
    uint32_t type;
    uint64_t offset, vaddr, paddr, filesz, memsz;
};

typedef unsigned long long ull; /* for printf */

/* A little-endian number at an offset that is known to lie in the image. */
static uint64_t elf_number(const struct image *image, uint64_t at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)image->bytes[at + i] << (8 * i);
    return value;
}

/* Whether [at, at + bytes) lies in the image. */
static bool elf_holds(const struct image *image, uint64_t at, uint64_t bytes)
{
    return bytes <= image->size && at <= image->size - bytes;
}

static bool elf_read_ident(struct elf *elf)
{
    const struct image *image = elf->image;
    const uint8_t *ident = image->bytes;

    if (image->size == 0)
        return image_refuse(image, elf->why, "it is empty");
    if (image->size < 16)
        return image_refuse(image, elf->why, "it is truncated: %llu bytes are no ELF header", (ull)image->size);
    if (memcmp(ident, "\177ELF", 4) != 0)
        return image_refuse(image, elf->why, "it is not an ELF file: it starts with %02X %02X %02X %02X", ident[0],
                            ident[1], ident[2], ident[3]);
    if (ident[4] != ELFCLASS32 && ident[4] != ELFCLASS64)
        return image_refuse(image, elf->why, "its ELF class is %u; expected 1 (32-bit) or 2 (64-bit)", ident[4]);
    if (ident[5] != ELFDATA2LSB)
        return image_refuse(image, elf->why, "its byte order is %u; expected 1 (little endian)", ident[5]);
    if (ident[6] != EV_CURRENT)
        return image_refuse(image, elf->why, "its ELF version is %u; expected 1", ident[6]);
    elf->layout = &layouts[ident[4]];
    return true;
}

static bool elf_read_header(struct elf *elf)
{
    const struct image *image = elf->image;
    const struct layout *layout = elf->layout;
    unsigned type, machine, phentsize;

    if (image->size < layout->header_bytes)
        return image_refuse(image, elf->why, "it is truncated: %llu bytes, the ELF header alone has %u",
                            (ull)image->size, layout->header_bytes);
    type = (unsigned)elf_number(image, 16, 2);
    machine = (unsigned)elf_number(image, 18, 2);
    elf->entry = elf_number(image, layout->entry, layout->word);
    elf->phoff = elf_number(image, layout->phoff, layout->word);
    phentsize = (unsigned)elf_number(image, layout->phentsize, 2);
    elf->phnum = (unsigned)elf_number(image, layout->phnum, 2);
    if (type != ET_EXEC)
        return image_refuse(image, elf->why, "its type is %u; expected 2 (an executable, linked to fixed addresses)",
                            type);
    if (machine != layout->machine)
        return image_refuse(image, elf->why, "its machine is %u; expected %u (%s)", machine, layout->machine,
                            layout->machine == EM_386 ? "80386, as it is a 32-bit file"
                                                      : "x86-64, as it is a 64-bit file");
    if (elf->phnum == 0)
        return image_refuse(image, elf->why, "it has no program headers");
    if (elf->phnum > MAX_SEGMENTS)
        return image_refuse(image, elf->why, "it has %u program headers; expected at most %u", elf->phnum,
                            MAX_SEGMENTS);
    if (phentsize != layout->segment_bytes)
        return image_refuse(image, elf->why, "its program headers have %u bytes each; expected %u", phentsize,
                            layout->segment_bytes);
    if (!elf_holds(image, elf->phoff, (uint64_t)elf->phnum * phentsize))
        return image_refuse(image, elf->why, "it is truncated: %u program headers at 0x%llx, the file has 0x%llx bytes",
                            elf->phnum, (ull)elf->phoff, (ull)image->size);
    return true;
}

/* Program header i, which lies in the image. */
static struct segment elf_segment(const struct elf *elf, unsigned i)
{
    const struct layout *l = elf->layout;
    uint64_t at = elf->phoff + (uint64_t)i * l->segment_bytes;

    return (struct segment){
        .type = (uint32_t)elf_number(elf->image, at, 4),
        .offset = elf_number(elf->image, at + l->offset, l->word),
        .vaddr = elf_number(elf->image, at + l->vaddr, l->word),
        .paddr = elf_number(elf->image, at + l->paddr, l->word),
        .filesz = elf_number(elf->image, at + l->filesz, l->word),
        .memsz = elf_number(elf->image, at + l->memsz, l->word),
    };
}

static bool segment_is_loaded(const struct segment *s) { return s->type == PT_LOAD && s->memsz > 0; }

/* Two segments that both lie in memory. */
static bool segments_overlap(const struct segment *a, const struct segment *b)
{
    return a->paddr < b->paddr + b->memsz && b->paddr < a->paddr + a->memsz;
}

static bool elf_check_segment(const struct elf *elf, unsigned i, const struct segment *s)
{
    const struct image *image = elf->image;

    if (s->filesz > s->memsz)
        return image_refuse(image, elf->why, "segment %u: 0x%llx bytes in the file, but only 0x%llx in memory", i,
                            (ull)s->filesz, (ull)s->memsz);
    if (!elf_holds(image, s->offset, s->filesz))
        return image_refuse(image, elf->why, "segment %u: it is truncated: 0x%llx bytes at 0x%llx, the file has 0x%llx",
                            i, (ull)s->filesz, (ull)s->offset, (ull)image->size);
    if (!guest_memory_at(elf->memory, s->paddr, s->memsz))
        return image_refuse(image, elf->why, "segment %u: 0x%llx bytes at 0x%llx do not fit into %llu KiB of memory", i,
                            (ull)s->memsz, (ull)s->paddr, (ull)elf->memory->bytes >> 10);
    for (unsigned j = 0; j < i; j++) {
        struct segment other = elf_segment(elf, j);

        if (segment_is_loaded(&other) && segments_overlap(&other, s))
            return image_refuse(image, elf->why, "segment %u: 0x%llx bytes at 0x%llx overlap segment %u", i,
                                (ull)s->memsz, (ull)s->paddr, j);
    }
    return true;
}

/* Checks all segments, and finds the entry point in one of them, as a physical address. */
static bool elf_check_segments(const struct elf *elf, uint64_t *entry)
{
    bool any = false, found = false;

    for (unsigned i = 0; i < elf->phnum; i++) {
        struct segment s = elf_segment(elf, i);

        if (!segment_is_loaded(&s))
            continue;
        any = true;
        if (!elf_check_segment(elf, i, &s))
            return false;
        if (elf->entry >= s.vaddr && elf->entry - s.vaddr < s.memsz) {
            found = true;
            *entry = s.paddr + (elf->entry - s.vaddr);
        }
    }
    if (!any)
        return image_refuse(elf->image, elf->why, "it has no segment to load");
    if (!found)
        return image_refuse(elf->image, elf->why, "its entry point 0x%llx is in no segment", (ull)elf->entry);
    if (*entry > UINT32_MAX)
        return image_refuse(elf->image, elf->why, "its entry point 0x%llx is above 4 GiB, out of reach of 32-bit mode",
                            (ull)*entry);
    return true;
}

bool image_load_elf(const struct image *image, const struct guest_memory *memory, uint64_t *entry,
                    char why[IMAGE_WHY_BYTES])
{
    struct elf elf = {.image = image, .memory = memory, .why = why};

    if (!elf_read_ident(&elf) || !elf_read_header(&elf) || !elf_check_segments(&elf, entry))
        return false;
    for (unsigned i = 0; i < elf.phnum; i++) {
        struct segment s = elf_segment(&elf, i);

        if (segment_is_loaded(&s))
            memcpy(guest_memory_at(memory, s.paddr, s.filesz), image->bytes + s.offset, s.filesz);
    }
    return true;
}
