#include "tests/kernel_boot_support.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/string.h"
#include "mm/direct.h"

struct boot_info info;

static uint64_t wrong; /* the number that came with the last error */

/* lib/string.c would hide the copies of what is tested from the sanitizers. */
bool lib_string_copy(char *to, const char *from, size_t room)
{
    return (size_t)snprintf(to, room, "%s", from) < room;
}

void memory_reset(void) { arena_reset(&(struct mm_range){0, 4 * GIB}, 1); }

void put32(uint64_t at, uint32_t v) { memcpy(mm_direct(HPA(at)), &v, sizeof v); }

void put64(uint64_t at, uint64_t v) { memcpy(mm_direct(HPA(at)), &v, sizeof v); }

void put_text(uint64_t at, const char *text) { memcpy(mm_direct(HPA(at)), text, strlen(text) + 1); }

void put_characters(uint64_t at, char c, unsigned n) { memset(mm_direct(HPA(at)), c, n); }

const char *read_info(uint32_t magic, uint64_t at)
{
    memset(&info, 0xa5, sizeof info);
    wrong = ~0ull;
    return boot_info_read(&info, magic, (uint32_t)at, &wrong);
}

void check_error(uint32_t magic, uint64_t at, const char *text, uint64_t value, const char *file, int line)
{
    const char *error = read_info(magic, at);

    if (!error || strcmp(error, text) || wrong != value)
        printf("# %s (%" PRIx64 "), expected %s (%" PRIx64 ")\n", error ? error : "no error", wrong, text, value);
    test_check(error && strcmp(error, text) == 0 && wrong == value, text, file, line);
}

bool is_memory(unsigned i, uint64_t start, uint64_t end, uint32_t kind)
{
    const struct boot_memory *m = &info.memory[i];

    return i < info.memories && m->start == start && m->end == end && m->kind == kind;
}

bool is_module(unsigned i, uint64_t start, uint64_t end, const char *name, const char *args)
{
    const struct boot_module *m = &info.module[i];

    return i < info.modules && m->start == start && m->end == end && !strcmp(m->name, name) && !strcmp(m->args, args);
}
