/* What the host tests of the boot information share: physical memory below 4 GiB, and writing to it. */
#ifndef TESTS_KERNEL_BOOT_SUPPORT_H
#define TESTS_KERNEL_BOOT_SUPPORT_H

#include "kernel/boot/info.h"
#include "tests/mm_support.h"

/* What the last read_info found. */
extern struct boot_info info;

/* Makes all of physical memory below 4 GiB RAM, full of zeros. Touching what is above is a SEGV. */
void memory_reset(void);

void put32(uint64_t at, uint32_t v);
void put64(uint64_t at, uint64_t v);
void put_text(uint64_t at, const char *text);

/* Puts `n` times the character, without a terminating 0. */
void put_characters(uint64_t at, char c, unsigned n);

/* Reads the information into `info`; an error text or NULL. */
const char *read_info(uint32_t magic, uint64_t at);

/* Checks that reading fails with this text and value. */
#define CHECK_ERROR(magic, at, text, value) check_error(magic, at, text, value, __FILE__, __LINE__)
void check_error(uint32_t magic, uint64_t at, const char *text, uint64_t value, const char *file, int line);

bool is_memory(unsigned i, uint64_t start, uint64_t end, uint32_t kind);
bool is_module(unsigned i, uint64_t start, uint64_t end, const char *name, const char *args);

#endif
