#include "tests/kernel_image_support.h"

#include <string.h>

#include "config/abi.h"

void image_put(uint8_t *file, size_t at, size_t bytes, uint64_t v) { memcpy(file + at, &v, bytes); }

void image_make(uint8_t *file)
{
    static const uint8_t ident[16] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    static const struct { uint32_t type, flags; uint64_t offset, vaddr, filesz, memsz; } rows[] = {
        {4, 4, 0x158, 0, 0x20, 0x20},
        {1, 5, 0x1000, TASK_IMAGE, 0x1234, 0x1234},
        {1, 4, 0x2234, TASK_IMAGE + 0x2234, 0x100, 0x100},
        {1, 6, 0x3000, TASK_IMAGE + 0x3000, 0x1000, 0x9000},
        {1, 6, 0, 0, 0, 0},
    };

    memset(file, 0, IMAGE_BYTES);
    memcpy(file, ident, sizeof ident);
    image_put(file, ELF_TYPE, 2, 2);
    image_put(file, ELF_MACHINE, 2, 62);
    image_put(file, ELF_ENTRY, 8, TASK_IMAGE + 0x10);
    image_put(file, ELF_PHOFF, 8, ELF_HEADER_BYTES);
    image_put(file, ELF_PHENTSIZE, 2, PH_BYTES);
    image_put(file, ELF_PHNUM, 2, sizeof rows / sizeof *rows);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        image_put(file, image_ph(i, PH_TYPE), 4, rows[i].type);
        image_put(file, image_ph(i, PH_FLAGS), 4, rows[i].flags);
        image_put(file, image_ph(i, PH_OFFSET), 8, rows[i].offset);
        image_put(file, image_ph(i, PH_VADDR), 8, rows[i].vaddr);
        image_put(file, image_ph(i, PH_FILESZ), 8, rows[i].filesz);
        image_put(file, image_ph(i, PH_MEMSZ), 8, rows[i].memsz);
    }
}
