/* The memory of a 64-bit guest. */
#ifndef GUESTS_LIB_X64_MEMORY_H
#define GUESTS_LIB_X64_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* crt0 maps guest-physical addresses 0 up to here to themselves, memory or not. */
#define MEMORY_MAPPED 0x40000000ull

/* Bytes of guest memory from gpa 0 that can be used: what there is, up to MEMORY_MAPPED. */
uint64_t memory_bytes(void);

/*
 * Moves the end of the heap, which begins behind the image, and returns where it was; (void *)-1 and errno ENOMEM when
 * that leaves memory. malloc() grows by it. (<unistd.h> has it for POSIX builds only.)
 */
void *sbrk(ptrdiff_t increment);

#endif
