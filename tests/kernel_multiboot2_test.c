/* sources: kernel/boot/info.c kernel/boot/multiboot1.c kernel/boot/multiboot2.c mm/direct.c tests/kernel_boot_support.c tests/mm_support.c */
#include <string.h>

#include "tests/kernel_boot_support.h"

enum { INFO = 0x10000, HEADER_BYTES = 8, TAG_BYTES = 8 };

/* Tag types, by the specification's names. */
enum { END = 0, COMMAND_LINE = 1, LOADER_NAME = 2, MODULE = 3, MEMORY_MAP = 6, FRAMEBUFFER = 8, ACPI_OLD = 14, ACPI_NEW = 15 };

static uint64_t next; /* where the next tag goes */

static void start(void)
{
    memory_reset();
    next = INFO + HEADER_BYTES;
}

/* Puts a tag's head, of so many bytes in all; -> its address. The next one comes behind it. */
static uint64_t put_tag(uint32_t type, uint32_t size)
{
    uint64_t at = next;

    put32(at, type);
    put32(at + 4, size);
    next += align_up(size, 8);
    return at;
}

static uint64_t put_string(uint32_t type, const char *text)
{
    uint64_t at = put_tag(type, TAG_BYTES + (uint32_t)strlen(text) + 1);

    put_text(at + TAG_BYTES, text);
    return at;
}

static uint64_t put_module(uint32_t module, uint32_t end, const char *text)
{
    uint64_t at = put_tag(MODULE, 16 + (uint32_t)strlen(text) + 1);

    put32(at + 8, module);
    put32(at + 12, end);
    put_text(at + 16, text);
    return at;
}

/* A map of n entries of so many bytes each: range i is 1 MiB at 2 * i MiB, of kind 1. */
static uint64_t put_map(unsigned n, uint32_t entry_size)
{
    uint64_t at = put_tag(MEMORY_MAP, 16 + n * entry_size);

    put32(at + 8, entry_size);
    for (unsigned i = 0; i < n; i++) {
        uint64_t entry = at + 16 + i * entry_size;

        put64(entry, 2 * i * MIB);
        put64(entry + 8, MIB);
        put32(entry + 16, 1);
    }
    return at;
}

static uint64_t put_framebuffer(uint8_t type)
{
    uint64_t at = put_tag(FRAMEBUFFER, 38);

    put64(at + 8, 0xfd000000);
    put32(at + 16, 4096);
    put32(at + 20, 1024);
    put32(at + 24, 768);
    put32(at + 28, 32 | (uint32_t)type << 8);
    put32(at + 32, 16 | 8 << 8 | 9 << 16 | 7 << 24); /* (position, bits) of red and green, then of blue */
    put32(at + 36, 1 | 6 << 8);
    return at;
}

/* Puts the last tag, and the total size. */
static void finish(void)
{
    put_tag(END, TAG_BYTES);
    put32(INFO, (uint32_t)(next - INFO));
}

static void test_good(void)
{
    uint64_t rsdp;

    start();
    put_string(COMMAND_LINE, "end=bochs");
    put_string(LOADER_NAME, "GRUB 2.06");
    put_module(0x200000, 0x200001, "root.elf");
    put_module(0x300000, 0x400000, "a/b/c.elf x y ");
    put_tag(4, 16);    /* "Basic memory information", which nobody reads */
    put_tag(1000, 12); /* of no known type, with padding behind it */
    put_map(3, 32);
    put_framebuffer(1);
    put_tag(ACPI_OLD, TAG_BYTES + 20);
    rsdp = put_tag(ACPI_NEW, TAG_BYTES + 36) + TAG_BYTES;
    finish();
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    CHECK(!strcmp(info.protocol, "Multiboot 2"));
    CHECK(!strcmp(info.command_line, "end=bochs"));
    CHECK(!strcmp(info.loader, "GRUB 2.06"));
    CHECK(info.modules == 2);
    CHECK(is_module(0, 0x200000, 0x200001, "root.elf", ""));
    CHECK(is_module(1, 0x300000, 0x400000, "c.elf", "x y "));
    CHECK(info.memories == 3);
    CHECK(is_memory(2, 4 * MIB, 5 * MIB, BOOT_MEMORY_RAM));
    CHECK(info.framebuffer.address == 0xfd000000 && info.framebuffer.pitch == 4096);
    CHECK(info.framebuffer.width == 1024 && info.framebuffer.height == 768 && info.framebuffer.bits == 32);
    CHECK(info.framebuffer.red.position == 16 && info.framebuffer.red.bits == 8 && info.framebuffer.green.position == 9);
    CHECK(info.framebuffer.green.bits == 7 && info.framebuffer.blue.position == 1 && info.framebuffer.blue.bits == 6);
    CHECK(info.rsdp == rsdp && info.start == INFO && info.end == next);
    test_passed("multiboot 2: well-formed information");
}

static void test_other_framebuffers(void)
{
    start();
    put_map(1, 24);
    put_framebuffer(2);
    finish();
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    CHECK(info.framebuffer.address == 0 && info.rsdp == 0 && info.modules == 0 && info.command_line[0] == 0);
    start();
    put_map(1, 24);
    put32(put_framebuffer(1) + 4, 37);
    finish();
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO) && info.framebuffer.address == 0);
    start();
    put_map(1, 24);
    put64(put_framebuffer(1) + 8, 0xffffffffffffe000);
    finish();
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO) && info.framebuffer.address == 0);
    test_passed("multiboot 2: a screen in text mode is no framebuffer, nor is one without its colours, or around the last address");
}

static void test_reach(void)
{
    start();
    put_map(1, 24);
    finish();
    CHECK_ERROR(MULTIBOOT2_MAGIC, 0, "the boot information is out of reach", 0);
    CHECK_ERROR(MULTIBOOT2_MAGIC, 0xfffffffc, "the boot information is out of reach", 0xfffffffc);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO + 4, "the boot information is out of reach", INFO + 4);
    put32(INFO, 0xffffffff);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the boot information is out of reach", INFO);
    put32(0xfffffff8, 8);
    CHECK_ERROR(MULTIBOOT2_MAGIC, 0xfffffff8, "the boot information is cut off", 0x100000000);
    test_passed("multiboot 2: information out of reach or not aligned");
}

static void test_cut_off(void)
{
    uint64_t at, end;

    start();
    at = put_map(1, 24);
    end = next;
    finish();
    for (uint64_t size = 0; size < end + TAG_BYTES - INFO; size++) {
        put32(INFO, (uint32_t)size);
        CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the boot information is cut off",
                    size < end - INFO ? at : end);
    }
    put32(INFO, (uint32_t)(end + TAG_BYTES - INFO));
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    for (uint32_t size = 0; size < TAG_BYTES; size++) {
        put32(at + 4, size);
        CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the boot information is cut off", at);
    }
    put32(at + 4, (uint32_t)(end + TAG_BYTES - at) + 1);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the boot information is cut off", at);
    put32(at + 4, 0xffffffff);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the boot information is cut off", at);
    test_passed("multiboot 2: cut off at each byte, tags of size 0 to 7, tags that overrun the end");
}

static void test_small_tags(void)
{
    static const struct { uint32_t type, least; } rows[] = {
        {COMMAND_LINE, 9}, {LOADER_NAME, 9}, {MODULE, 17}, {MEMORY_MAP, 16}, {FRAMEBUFFER, 32}, {ACPI_OLD, 28}, {ACPI_NEW, 44},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        start();
        put_map(1, 24);
        put_tag(rows[i].type, rows[i].least - 1);
        finish();
        CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "a tag of the boot information is too small", rows[i].type);
    }
    test_passed("multiboot 2: each kind of tag too small for what it holds");
}

static void test_map(void)
{
    uint64_t at;

    start();
    put_string(COMMAND_LINE, "");
    finish();
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the boot loader gave no memory map", INFO);
    start();
    put_map(0, 24);
    finish();
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the boot loader gave no memory map", INFO);

    start();
    at = put_map(2, 24);
    finish();
    for (uint32_t size = 0; size < 24; size++) {
        put32(at + 8, size);
        CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the entries of the memory map have a wrong size", size);
    }
    put32(at + 8, 28);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the entries of the memory map have a wrong size", 28);
    put32(at + 8, 0xfffffff8);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the memory map is cut off", at);
    put32(at + 8, 24);
    put32(at + 4, 16 + 47);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the memory map is cut off", at);
    put32(at + 4, 16 + 48);
    put64(at + 16 + 24, 0x1000);
    put64(at + 16 + 32, ~0ull);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "a memory range wraps around", 0x1000);
    test_passed("multiboot 2: no memory map, a cut-off one, entries of wrong sizes, a range that wraps around");
}

static void test_long_map(void)
{
    start();
    put_map(MAX_MEMORY_RANGES, 24);
    finish();
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    CHECK(info.memories == MAX_MEMORY_RANGES);
    start();
    put_map(MAX_MEMORY_RANGES + 1, 24);
    finish();
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the memory map has too many entries", 2 * MAX_MEMORY_RANGES * MIB);
    test_passed("multiboot 2: a memory map with too many entries");
}

static void test_strings(void)
{
    uint64_t at;

    start();
    put_map(1, 24);
    at = put_tag(COMMAND_LINE, TAG_BYTES + COMMAND_LINE_BYTES);
    put_characters(at + TAG_BYTES, 'x', COMMAND_LINE_BYTES);
    finish();
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "the command line is too long", COMMAND_LINE);
    put32(at + 4, TAG_BYTES + COMMAND_LINE_BYTES - 1);
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    CHECK(strlen(info.command_line) == COMMAND_LINE_BYTES - 1);
    put32(at + 4, TAG_BYTES + 3);
    put_characters(at + TAG_BYTES, 0, COMMAND_LINE_BYTES);
    put_characters(at + TAG_BYTES, 'y', 8);
    put_tag(END, 8);
    put32(at + TAG_BYTES + 8, END);
    put32(at + TAG_BYTES + 12, TAG_BYTES);
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    CHECK(!strcmp(info.command_line, "yyy"));

    start();
    put_map(1, 24);
    at = put_tag(LOADER_NAME, TAG_BYTES + 200);
    put_characters(at + TAG_BYTES, 'x', 200);
    finish();
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    CHECK(strlen(info.loader) == sizeof info.loader - 1);
    test_passed("multiboot 2: long strings, and strings that end with their tag");
}

static void test_modules(void)
{
    char text[COMMAND_LINE_BYTES + 1] = "m ";
    uint64_t at;

    start();
    put_map(1, 24);
    put_module(0x200000, 0x200000, "empty");
    at = put_module(0x200000, 0x300000, "second");
    finish();
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    CHECK(is_module(0, 0x200000, 0x200000, "empty", "") && is_module(1, 0x200000, 0x300000, "second", ""));
    put32(at + 4, 16 + 3);
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    CHECK(is_module(1, 0x200000, 0x300000, "sec", ""));
    put32(at + 12, 0x1fffff);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "a module's addresses are wrong", 1);
    put32(at + 8, 0);
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "a module's addresses are wrong", 1);

    start();
    put_map(1, 24);
    memset(text + 2, 'x', COMMAND_LINE_BYTES - 2);
    put_module(0x200000, 0x300000, text);
    finish();
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "a module's command line is too long", 0);
    start();
    put_map(1, 24);
    text[64] = 0;
    put_module(0x200000, 0x300000, text + 2);
    put_module(0x200000, 0x300000, strcpy(text, "boot/x"));
    finish();
    CHECK(!read_info(MULTIBOOT2_MAGIC, INFO));
    memset(text, 'x', 64);
    start();
    put_map(1, 24);
    put_module(0x200000, 0x300000, "first");
    put_module(0x200000, 0x300000, text);
    finish();
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "a module's name is too long", 1);

    start();
    put_map(1, 24);
    for (unsigned i = 0; i <= MAX_MODULES; i++)
        put_module(0x200000, 0x300000, "many");
    finish();
    CHECK_ERROR(MULTIBOOT2_MAGIC, INFO, "too many modules", MAX_MODULES);
    test_passed("multiboot 2: modules with wrong addresses, long lines, long names; too many of them");
}

int main(void)
{
    test_good();
    test_other_framebuffers();
    test_reach();
    test_cut_off();
    test_small_tags();
    test_map();
    test_long_map();
    test_strings();
    test_modules();
    return test_done();
}
