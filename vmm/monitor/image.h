/*
 * Loaders: from an image, which is not trusted, into the guest's memory. Pure C over byte ranges. A loader first checks
 * everything and only then copies, so an image that is refused has changed nothing.
 */
#ifndef VMM_MONITOR_IMAGE_H
#define VMM_MONITOR_IMAGE_H

#include <stdbool.h>

#include "vmm/monitor/guest_memory.h"

struct image {
    const char *name; /* for messages */
    const uint8_t *bytes;
    uint64_t size;
};

enum {
    IMAGE_WHY_BYTES = 192,
    FLAT16_START = 0x7c00, /* where a flat image is loaded and entered: as a BIOS does with a boot sector */
};

/*
 * Loads it into fresh memory (all 0: a segment's bss is left alone) and sets *entry to the guest-physical address where
 * it starts. On an image that can't be loaded returns false with the whole message, image name included, in `why`.
 */
typedef bool image_loader(const struct image *image, const struct guest_memory *memory, uint64_t *entry,
                          char why[IMAGE_WHY_BYTES]);

/* ELF32 for EM_386 or ELF64 for EM_X86_64, ET_EXEC, by p_paddr: "Program Header" of the ELF specification. */
image_loader image_load_elf;

/* The bytes as they are, at FLAT16_START. */
image_loader image_load_flat16;

/* Writes "image NAME: ..." and returns false. For loaders. */
__attribute__((format(printf, 3, 4))) bool image_refuse(const struct image *image, char why[IMAGE_WHY_BYTES],
                                                        const char *format, ...);

#endif
