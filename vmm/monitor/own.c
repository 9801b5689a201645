/* A hypercall of one guest's own, as an example of how to add some: a line here, its number in config/abi.h, its row in the
 * table of hypercall.c. The guest is guests/demo/hypercall.c. */
#include "vmm/monitor/own.h"

enum { LETTERS = 26 };

static char shift_letter(char letter, unsigned places)
{
    if (letter >= 'a' && letter <= 'z')
        return (char)('a' + ((unsigned)(letter - 'a') + places) % LETTERS);
    if (letter >= 'A' && letter <= 'Z')
        return (char)('A' + ((unsigned)(letter - 'A') + places) % LETTERS);
    return letter;
}

int64_t own_call_caesar(struct guest *guest, uint64_t gpa, uint64_t bytes, uint64_t places)
{
    char *text = guest_memory_at(&guest->vm->memory, gpa, bytes);
    int64_t letters = 0;

    if (!text)
        return -ABI_EFAULT;
    if (places >= LETTERS)
        return -ABI_EINVAL;
    for (uint64_t i = 0; i < bytes; i++) {
        char before = text[i], after = shift_letter(before, (unsigned)places);

        text[i] = after;
        letters += (before | 32) >= 'a' && (before | 32) <= 'z';
    }
    return letters;
}
