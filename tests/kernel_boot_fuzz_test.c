/* sources: kernel/boot/info.c kernel/boot/multiboot1.c kernel/boot/multiboot2.c mm/direct.c tests/kernel_boot_support.c tests/mm_support.c */
/*
 * Well-formed boot information with a few numbers changed, from fixed seeds: whatever it says, nothing outside the first
 * 4 GiB is touched, and what is accepted keeps the promises of kernel/boot/info.h.
 */
#include <stdio.h>
#include <string.h>

#include "mm/direct.h"
#include "tests/kernel_boot_support.h"

enum { INFO = 0x10000, INFO_BYTES = 0x1000, ROUNDS = 200000 };

static const char *const errors[] = {
    "the boot information is out of reach",
    "the boot information is cut off",
    "a tag of the boot information is too small",
    "the command line is out of reach",
    "the command line is too long",
    "the boot loader gave no memory map",
    "the memory map is cut off",
    "the memory map has too many entries",
    "an entry of the memory map is too small",
    "the entries of the memory map have a wrong size",
    "a memory range wraps around",
    "the list of modules is out of reach",
    "too many modules",
    "a module's addresses are wrong",
    "a module's command line is too long",
    "a module's name is too long",
};

enum { ERRORS = sizeof errors / sizeof *errors };

static unsigned seen[ERRORS], accepted;

static void count(const char *error)
{
    unsigned i = 0;

    while (error && i < ERRORS && strcmp(errors[i], error))
        i++;
    if (i == ERRORS)
        printf("# unknown error: %s\n", error);
    CHECK(i < ERRORS);
    seen[i] += error != NULL;
    accepted += !error;
}

static bool is_text(const char *text, size_t room) { return memchr(text, 0, room) != NULL; }

static void check_info(void)
{
    CHECK(info.memories > 0 && info.memories <= MAX_MEMORY_RANGES && info.modules <= MAX_MODULES);
    for (unsigned i = 0; i < info.memories; i++)
        CHECK(info.memory[i].start < info.memory[i].end);
    for (unsigned i = 0; i < info.modules; i++) {
        const struct boot_module *m = &info.module[i];

        CHECK(m->start == m->end || (0 < m->start && m->start < m->end && m->end <= 4 * GIB));
        CHECK(is_text(m->name, sizeof m->name) && !strchr(m->name, ' ') && !strchr(m->name, '/'));
        CHECK(is_text(m->args, sizeof m->args) && m->args[0] != ' ');
    }
    CHECK(is_text(info.command_line, sizeof info.command_line) && is_text(info.loader, sizeof info.loader));
    CHECK(info.rsdp < 4 * GIB);
}

/* Numbers that are wrong in interesting ways. */
static uint32_t odd_number(void)
{
    static const uint32_t odd[] = {0, 1, 7, 8, 16, 19, 20, 24, 64, 0x7fffffff, 0x80000000, 0xfffff000, 0xfffffff0,
                                   0xfffffff8, 0xffffffff, INFO, INFO + INFO_BYTES - 4};

    switch (test_below(3)) {
    case 0:
        return odd[test_below(sizeof odd / sizeof *odd)];
    case 1:
        return (uint32_t)test_below(1024);
    default:
        return (uint32_t)test_random();
    }
}

/* Changes some of the words in [INFO, end), or one byte. */
static void mutate(uint64_t end)
{
    for (uint64_t i = test_below(4); i > 0; i--)
        put32(INFO + align_down(test_below(end - INFO), 4), odd_number());
    if (test_below(4) == 0)
        put_characters(INFO + test_below(end - INFO), (char)test_random(), 1);
}

/* Fills most of the rest of memory below 4 GiB with zeros (that is, leaves it so), some of it with text without an end. */
static void put_surroundings(void)
{
    put_characters(INFO, 0, INFO_BYTES);
    put_characters(INFO + INFO_BYTES, 'x', 2 * COMMAND_LINE_BYTES);
    put_characters(4 * GIB - INFO_BYTES, '/', INFO_BYTES);
}

/* ---- Multiboot 1 ---- */

enum { MB1_MAP = INFO + 0x80, MB1_MODULES = INFO + 0x100, MB1_TEXT = INFO + 0x140, MB1_END = INFO + 0x200 };

static void put_multiboot1(void)
{
    static const struct { unsigned offset; uint32_t value; } words[] = {
        {0, 0x24d}, {8, 0x10000}, {16, MB1_TEXT}, {20, 2}, {24, MB1_MODULES}, {44, 3 * 24}, {48, MB1_MAP}, {64, MB1_TEXT + 0x20},
    };

    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        put32(INFO + words[i].offset, words[i].value);
    for (unsigned i = 0; i < 3; i++) {
        put32(MB1_MAP + i * 24, 20);
        put64(MB1_MAP + i * 24 + 4, i * 16 * MIB);
        put64(MB1_MAP + i * 24 + 12, 15 * MIB);
        put32(MB1_MAP + i * 24 + 20, i + 1);
    }
    for (unsigned i = 0; i < 2; i++) {
        put32(MB1_MODULES + i * 16, 0x200000 + i * 0x10000);
        put32(MB1_MODULES + i * 16 + 4, 0x208000 + i * 0x10000);
        put32(MB1_MODULES + i * 16 + 8, MB1_TEXT + 0x40 + i * 0x20);
    }
    put_text(MB1_TEXT, "nestor.elf a=b");
    put_text(MB1_TEXT + 0x20, "loader");
    put_text(MB1_TEXT + 0x40, "boot/root.elf one two");
    put_text(MB1_TEXT + 0x60, "monitor.elf");
}

static void test_multiboot1(void)
{
    memory_reset();
    for (unsigned round = 0; round < test_rounds(ROUNDS); round++) {
        const char *error;

        test_round(round);
        put_surroundings();
        put_multiboot1();
        mutate(test_below(2) ? MB1_TEXT : MB1_END);
        error = read_info(MULTIBOOT1_MAGIC, test_below(64) ? INFO : odd_number());
        count(error);
        if (!error)
            check_info();
    }
    test_passed("multiboot 1: mutated information");
}

/* ---- Multiboot 2 ---- */

static uint64_t put_tag(uint64_t at, uint32_t type, uint32_t size)
{
    put32(at, type);
    put32(at + 4, size);
    return at + align_up(size, 8);
}

/* -> the end. */
static uint64_t put_multiboot2(void)
{
    uint32_t ranges = (uint32_t)(test_below(64) ? 3 : MAX_MEMORY_RANGES - 1 + test_below(3));
    uint64_t at = INFO + 8, map;

    put_text(at + 8, "a=b c=d");
    at = put_tag(at, 1, 8 + 8);
    put_text(at + 8, "loader");
    at = put_tag(at, 2, 8 + 7);
    for (unsigned i = 0; i < 2; i++) {
        put32(at + 8, 0x200000 + i * 0x10000);
        put32(at + 12, 0x208000 + i * 0x10000);
        put_text(at + 16, "boot/root.elf one");
        at = put_tag(at, 3, 16 + 18);
    }
    map = at;
    at = put_tag(at, 6, 16 + ranges * 24);
    put32(map + 8, 24);
    for (uint64_t entry = map + 16; entry < at; entry += 24) {
        put64(entry, (entry - map) * MIB);
        put64(entry + 8, MIB);
        put32(entry + 16, 1);
    }
    put32(at + 28, 32 | 1 << 8);
    at = put_tag(at, 8, 38);
    at = put_tag(at, 14, 28);
    at = put_tag(at, 15, 44);
    at = put_tag(at, 0, 8);
    put32(INFO, (uint32_t)(at - INFO));
    return at;
}

static void test_multiboot2(void)
{
    memory_reset();
    for (unsigned round = 0; round < test_rounds(ROUNDS); round++) {
        const char *error;

        test_round(round);
        put_surroundings();
        mutate(put_multiboot2());
        error = read_info(MULTIBOOT2_MAGIC, test_below(64) ? INFO : odd_number());
        count(error);
        if (!error)
            check_info();
    }
    test_passed("multiboot 2: mutated information");
}

/* ---- Noise ---- */

static void test_noise(void)
{
    memory_reset();
    for (unsigned round = 0; round < test_rounds(ROUNDS / 100); round++) {
        const char *error;

        test_round(round);
        for (uint64_t at = INFO; at < INFO + INFO_BYTES; at += 4)
            put32(at, odd_number());
        error = read_info(round % 2 ? MULTIBOOT1_MAGIC : MULTIBOOT2_MAGIC, INFO);
        count(error);
        if (!error)
            check_info();
    }
    test_passed("noise in place of information");
}

/* The mutations are worth something only if they come everywhere. */
static void test_coverage(void)
{
    printf("# accepted %u\n", accepted);
    for (unsigned i = 0; i < ERRORS; i++)
        printf("# %s: %u\n", errors[i], seen[i]);
    for (unsigned i = 0; i < ERRORS; i++)
        CHECK(seen[i] > 0 || test_rounds(ROUNDS) < ROUNDS);
    CHECK(accepted > 0);
    test_passed("each error came, and information was accepted");
}

int main(void)
{
    test_multiboot1();
    test_multiboot2();
    test_noise();
    test_coverage();
    return test_done();
}
