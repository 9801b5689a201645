/* Flat images for real mode, and what the loaders share. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/monitor/image.h"

bool image_refuse(const struct image *image, char why[IMAGE_WHY_BYTES], const char *format, ...)
{
    int used = snprintf(why, IMAGE_WHY_BYTES, "image %.63s: ", image->name);
    va_list list;

    va_start(list, format);
    vsnprintf(why + used, IMAGE_WHY_BYTES - (size_t)used, format, list);
    va_end(list);
    return false;
}

bool image_load_flat16(const struct image *image, const struct guest_memory *memory, uint64_t *entry,
                       char why[IMAGE_WHY_BYTES])
{
    void *to = guest_memory_at(memory, FLAT16_START, image->size);

    if (image->size == 0)
        return image_refuse(image, why, "it is empty");
    if (!to)
        return image_refuse(image, why, "0x%llx bytes at 0x%x do not fit into %llu KiB of memory",
                            (unsigned long long)image->size, FLAT16_START, (unsigned long long)memory->bytes >> 10);
    memcpy(to, image->bytes, image->size);
    *entry = FLAT16_START;
    return true;
}
