/* An ELF64 image for the tests of kernel/vm/image.c: made from scratch, by offsets of this test's own. */
#ifndef TESTS_KERNEL_IMAGE_SUPPORT_H
#define TESTS_KERNEL_IMAGE_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

enum { ELF_TYPE = 16, ELF_MACHINE = 18, ELF_ENTRY = 24, ELF_PHOFF = 32, ELF_PHENTSIZE = 54, ELF_PHNUM = 56 };
enum { PH_TYPE = 0, PH_FLAGS = 4, PH_OFFSET = 8, PH_VADDR = 16, PH_FILESZ = 32, PH_MEMSZ = 40 };
enum { ELF_HEADER_BYTES = 64, PH_BYTES = 56, IMAGE_BYTES = 0x4000 };

/* Makes a well-formed image in `file` (IMAGE_BYTES): a note, text, read-only data, data with .bss, an empty segment. */
void image_make(uint8_t *file);

void image_put(uint8_t *file, size_t at, size_t bytes, uint64_t v);

/* Where field `field` of program header i is. */
static inline size_t image_ph(unsigned i, size_t field) { return ELF_HEADER_BYTES + i * PH_BYTES + field; }

#endif
