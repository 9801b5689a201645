#include "lib/string.h"

#include <stdint.h>

/*
 * Copies go eight bytes an iteration of MOVSQ, because an emulator counts each iteration as an instruction. What is
 * left over is one more access of the same width that overlaps the others. It is loaded before anything is stored, so
 * that memmove can do the same.
 */
typedef uint64_t __attribute__((aligned(1), may_alias)) any64_t;
typedef uint32_t __attribute__((aligned(1), may_alias)) any32_t;
typedef uint16_t __attribute__((aligned(1), may_alias)) any16_t;

/* Copies fewer than 8 bytes, which may overlap. */
static void copy_few(unsigned char *to, const unsigned char *from, size_t bytes)
{
    if (bytes >= 4) {
        uint32_t first = *(const any32_t *)from, last = *(const any32_t *)(from + bytes - 4);

        *(any32_t *)to = first;
        *(any32_t *)(to + bytes - 4) = last;
    } else if (bytes >= 2) {
        uint16_t first = *(const any16_t *)from, last = *(const any16_t *)(from + bytes - 2);

        *(any16_t *)to = first;
        *(any16_t *)(to + bytes - 2) = last;
    } else if (bytes == 1) {
        *to = *from;
    }
}

void *memcpy(void *to, const void *from, size_t bytes)
{
    unsigned char *end = (unsigned char *)to + bytes;
    void *destination = to;
    size_t words = bytes / 8;
    uint64_t last;

    if (bytes < 8) {
        copy_few(to, from, bytes);
        return to;
    }
    last = *(const any64_t *)((const unsigned char *)from + bytes - 8);
    __asm__ volatile("rep movsq" : "+D"(destination), "+S"(from), "+c"(words) : : "memory");
    *(any64_t *)(end - 8) = last;
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uintptr_t distance = (uintptr_t)to - (uintptr_t)from;
    unsigned char *destination = (unsigned char *)to + bytes - 8;
    const unsigned char *source = (const unsigned char *)from + bytes - 8;
    size_t words = bytes / 8;
    uint64_t first;

    /* Only a destination that begins within the source must be filled from its end. */
    if (bytes < 8 || distance >= bytes)
        return memcpy(to, from, bytes);
    first = *(const any64_t *)from;
    __asm__ volatile("std; rep movsq; cld" : "+D"(destination), "+S"(source), "+c"(words) : : "memory");
    *(any64_t *)to = first;
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint64_t pattern = (unsigned char)value * 0x0101010101010101ull;
    unsigned char *end = (unsigned char *)to + bytes;
    void *destination = to;
    size_t words = bytes / 8;

    if (bytes < 8) {
        __asm__ volatile("rep stosb" : "+D"(destination), "+c"(bytes) : "a"(pattern) : "memory");
        return to;
    }
    __asm__ volatile("rep stosq" : "+D"(destination), "+c"(words) : "a"(pattern) : "memory");
    *(any64_t *)(end - 8) = pattern;
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a, *y = b;
    size_t i = 0;

    while (bytes - i >= 8 && *(const any64_t *)(x + i) == *(const any64_t *)(y + i))
        i += 8;
    for (; i < bytes; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;

    /* The barrier keeps the compiler from recognising this loop and calling strlen. */
    for (; s[n]; n++)
        __asm__ volatile("");
    return n;
}

int strncmp(const char *a, const char *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];

        if (x != y)
            return x < y ? -1 : 1;
        if (x == 0)
            break;
    }
    return 0;
}

int strcmp(const char *a, const char *b) { return strncmp(a, b, SIZE_MAX); }

bool lib_string_copy(char *to, const char *from, size_t room)
{
    size_t i = 0;

    for (; i + 1 < room && from[i]; i++)
        to[i] = from[i];
    to[i] = 0;
    return from[i] == 0;
}
