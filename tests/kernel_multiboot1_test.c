/* sources: kernel/boot/info.c kernel/boot/multiboot1.c kernel/boot/multiboot2.c mm/direct.c tests/kernel_boot_support.c tests/mm_support.c */
#include <string.h>

#include "tests/kernel_boot_support.h"

/* Where this test puts things, and offsets in the information by the specification's names. */
enum { INFO = 0x9002, MAP = 0x9101, MODULES = 0x9203, LINE = 0x9300, LOADER = 0x9f00, MODULE_LINE = 0xa000 };
enum { FLAGS = 0, MEM_UPPER = 8, CMDLINE = 16, MODS_COUNT = 20, MODS_ADDR = 24, MMAP_LENGTH = 44, MMAP_ADDR = 48,
       BOOT_LOADER_NAME = 64, FRAMEBUFFER_ADDR = 88, FRAMEBUFFER_PITCH = 96, FRAMEBUFFER_BPP = 108 };
enum { HAS_MEMORY = 1 << 0, HAS_LINE = 1 << 2, HAS_MODULES = 1 << 3, HAS_MAP = 1 << 6, HAS_LOADER = 1 << 9, HAS_SCREEN = 1 << 12 };
enum { ENTRY_BYTES = 24, MODULE_BYTES = 16 };

static void set(unsigned field, uint32_t v) { put32(INFO + field, v); }

static void put_entry(uint64_t at, uint32_t size, uint64_t base, uint64_t length, uint32_t type)
{
    put32(at, size);
    put64(at + 4, base);
    put64(at + 12, length);
    put32(at + 20, type);
}

static void put_module(unsigned i, uint32_t start, uint32_t end, uint32_t string)
{
    uint64_t at = MODULES + i * MODULE_BYTES;

    put32(at, start);
    put32(at + 4, end);
    put32(at + 8, string);
}

/* A map of three ranges, of which the second has an entry with 8 bytes more; two modules; a command line and a loader. */
static void put_good(void)
{
    memory_reset();
    set(FLAGS, HAS_LINE | HAS_MODULES | HAS_MAP | HAS_LOADER);
    set(CMDLINE, LINE);
    put_text(LINE, "nestor.elf end=qemu");
    set(BOOT_LOADER_NAME, LOADER);
    put_text(LOADER, "a loader");
    set(MMAP_ADDR, MAP);
    set(MMAP_LENGTH, 3 * ENTRY_BYTES + 8);
    put_entry(MAP, 20, 0, 0x9fc00, 1);
    put_entry(MAP + ENTRY_BYTES, 28, 0x100000, 0x7f00000, 1);
    put_entry(MAP + 2 * ENTRY_BYTES + 8, 20, 0x100000000, 0xff00000000, 2);
    set(MODS_ADDR, MODULES);
    set(MODS_COUNT, 2);
    put_module(0, 0x200000, 0x212345, MODULE_LINE);
    put_text(MODULE_LINE, "/boot/root.elf  a b=c");
    put_module(1, 0x300000, 0x300000, 0);
}

static void test_good(void)
{
    put_good();
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(!strcmp(info.protocol, "Multiboot 1"));
    CHECK(!strcmp(info.command_line, "nestor.elf end=qemu"));
    CHECK(!strcmp(info.loader, "a loader"));
    CHECK(info.memories == 3);
    CHECK(is_memory(0, 0, 0x9fc00, BOOT_MEMORY_RAM));
    CHECK(is_memory(1, 0x100000, 0x8000000, BOOT_MEMORY_RAM));
    CHECK(is_memory(2, 0x100000000, 0x10000000000, BOOT_MEMORY_RESERVED));
    CHECK(info.modules == 2);
    CHECK(is_module(0, 0x200000, 0x212345, "root.elf", "a b=c"));
    CHECK(is_module(1, 0x300000, 0x300000, "", ""));
    CHECK(info.rsdp == 0 && info.start == 0 && info.end == 0 && info.framebuffer.address == 0);
    test_passed("multiboot 1: well-formed information, at odd addresses");
}

static void test_framebuffer(void)
{
    put_good();
    set(FRAMEBUFFER_ADDR, 0x10);
    set(FRAMEBUFFER_ADDR + 4, 0x20);
    set(FRAMEBUFFER_PITCH, 4096);
    set(FRAMEBUFFER_PITCH + 4, 1024);
    set(FRAMEBUFFER_PITCH + 8, 768);
    set(FRAMEBUFFER_BPP, 32 | 1 << 8 | 16 << 16 | 8 << 24); /* bits, type, (position, bits) of red */
    set(FRAMEBUFFER_BPP + 4, 9 | 7 << 8 | 1 << 16 | 6 << 24); /* and of green and blue */
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO) && info.framebuffer.address == 0);
    set(FLAGS, HAS_MAP | HAS_SCREEN);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(info.framebuffer.address == 0x2000000010 && info.framebuffer.pitch == 4096 && info.framebuffer.width == 1024);
    CHECK(info.framebuffer.height == 768 && info.framebuffer.bits == 32);
    CHECK(info.framebuffer.red.position == 16 && info.framebuffer.red.bits == 8 && info.framebuffer.green.position == 9);
    CHECK(info.framebuffer.green.bits == 7 && info.framebuffer.blue.position == 1 && info.framebuffer.blue.bits == 6);
    set(FRAMEBUFFER_ADDR + 4, 0xfffff);
    set(FRAMEBUFFER_ADDR, 0xffd00000); /* the last 3 MiB below 2^52: 768 rows */
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO) && info.framebuffer.address == 0xfffffffd00000);
    set(FRAMEBUFFER_ADDR, 0xffd01000);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO) && info.framebuffer.address == 0);
    set(FRAMEBUFFER_ADDR + 4, 0x20);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO) && info.framebuffer.address == 0x20ffd01000);
    set(FRAMEBUFFER_BPP, 16 | 2 << 8);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO) && info.framebuffer.address == 0);
    test_passed("multiboot 1: a framebuffer; a screen in text mode is none, nor is one where no memory can be");
}

static void test_nothing_optional(void)
{
    put_good();
    set(FLAGS, HAS_MAP);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(info.command_line[0] == 0 && info.loader[0] == 0 && info.modules == 0 && info.memories == 3);
    set(FLAGS, HAS_MEMORY);
    set(MEM_UPPER, 0xffffffff);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(info.memories == 1 && is_memory(0, MIB, MIB + 0xffffffffull * KIB, BOOT_MEMORY_RAM));
    put_entry(MAP, 20, 0x5000, 0, 1);
    set(FLAGS, HAS_MAP);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(info.memories == 2 && is_memory(0, 0x100000, 0x8000000, BOOT_MEMORY_RAM));
    test_passed("multiboot 1: parts that are not given, and ranges of length 0, are left out");
}

static void test_reach(void)
{
    put_good();
    CHECK_ERROR(MULTIBOOT1_MAGIC, 0, "the boot information is out of reach", 0);
    CHECK_ERROR(MULTIBOOT1_MAGIC, 0xfffffff0, "the boot information is out of reach", 0xfffffff0);
    CHECK_ERROR(0x2badb003, INFO, "not started by a Multiboot loader: wrong magic number", 0x2badb003);
    CHECK_ERROR(0, INFO, "not started by a Multiboot loader: wrong magic number", 0);
    test_passed("multiboot 1: wrong magic number, information out of reach");
}

static void test_command_line(void)
{
    put_good();
    put_characters(LINE, 'x', COMMAND_LINE_BYTES - 1);
    put_characters(LINE + COMMAND_LINE_BYTES - 1, 0, 1);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(strlen(info.command_line) == COMMAND_LINE_BYTES - 1);
    put_characters(LINE, 'x', COMMAND_LINE_BYTES);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the command line is too long", LINE);
    set(CMDLINE, 0);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the command line is out of reach", 0);
    set(CMDLINE, 0xffffffff);
    put_characters(0xffffffff, 'x', 1);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the command line is too long", 0xffffffff);
    put_good();
    put_characters(LOADER, 'x', 100);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(strlen(info.loader) == sizeof info.loader - 1);
    test_passed("multiboot 1: a command line too long, without an end or out of reach; a long loader's name is cut");
}

static void test_map(void)
{
    put_good();
    set(MMAP_LENGTH, 3 * ENTRY_BYTES + 8 - 1);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the memory map is cut off", MAP + 2 * ENTRY_BYTES + 8);
    set(MMAP_LENGTH, 3);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the memory map is cut off", MAP);
    set(MMAP_ADDR, 0);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the memory map is cut off", 0);
    set(MMAP_ADDR, 0xfffffff0);
    set(MMAP_LENGTH, ENTRY_BYTES);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the memory map is cut off", 0xfffffff0);

    put_good();
    put32(MAP + ENTRY_BYTES, 19);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "an entry of the memory map is too small", MAP + ENTRY_BYTES);
    put32(MAP + ENTRY_BYTES, 0);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "an entry of the memory map is too small", MAP + ENTRY_BYTES);
    put32(MAP + ENTRY_BYTES, 0xffffffff);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(info.memories == 2);

    put_good();
    put_entry(MAP, 20, 0xfffffffffffff000, 0x1000, 1);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "a memory range wraps around", 0xfffffffffffff000);
    test_passed("multiboot 1: a memory map cut off, with small entries, with a range that wraps around");
}

static void test_no_map(void)
{
    put_good();
    set(FLAGS, HAS_LINE | HAS_MODULES | HAS_LOADER);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the boot loader gave no memory map", INFO);
    put_good();
    set(MMAP_LENGTH, 0);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the boot loader gave no memory map", INFO);
    set(FLAGS, HAS_MEMORY);
    set(MEM_UPPER, 0);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the boot loader gave no memory map", INFO);
    test_passed("multiboot 1: no memory map, or an empty one");
}

static void test_long_map(void)
{
    put_good();
    set(MMAP_ADDR, 0x20000);
    for (unsigned i = 0; i <= MAX_MEMORY_RANGES; i++)
        put_entry(0x20000 + i * ENTRY_BYTES, 20, i * MIB, MIB, 1);
    set(MMAP_LENGTH, MAX_MEMORY_RANGES * ENTRY_BYTES);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(info.memories == MAX_MEMORY_RANGES);
    set(MMAP_LENGTH, (MAX_MEMORY_RANGES + 1) * ENTRY_BYTES);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the memory map has too many entries", MAX_MEMORY_RANGES * MIB);
    test_passed("multiboot 1: a memory map with too many entries");
}

static void test_modules(void)
{
    put_good();
    put_module(1, 0x300001, 0x300000, 0);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "a module's addresses are wrong", 1);
    put_module(1, 0, 0x1000, 0);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "a module's addresses are wrong", 1);
    put_module(1, 0xfffff000, 0xffffffff, 0);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(is_module(1, 0xfffff000, 0xffffffff, "", ""));

    put_good();
    put_module(1, 0x300000, 0x301000, 0xffffffff);
    put_characters(0xffffffff, 'x', 1);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "a module's command line is too long", 1);
    put_module(0, 0x300000, 0x301000, MODULE_LINE);
    put_text(MODULE_LINE, "a ");
    put_characters(MODULE_LINE + 2, 'x', COMMAND_LINE_BYTES - 2);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "a module's command line is too long", 0);
    put_characters(MODULE_LINE + COMMAND_LINE_BYTES - 1, 0, 1);
    put_module(1, 0, 0, 0);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(strlen(info.module[0].args) == COMMAND_LINE_BYTES - 1 - 2);

    put_text(MODULE_LINE, "/folder/");
    put_characters(MODULE_LINE + 8, 'n', 63);
    put_text(MODULE_LINE + 8 + 63, " a");
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(strlen(info.module[0].name) == 63 && !strcmp(info.module[0].args, "a"));
    put_text(MODULE_LINE + 8 + 63, "n a");
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "a module's name is too long", 0);
    test_passed("multiboot 1: modules with wrong addresses, long lines, long names");
}

static void test_module_list(void)
{
    put_good();
    set(MODS_ADDR, 0);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the list of modules is out of reach", 0);
    set(MODS_ADDR, 0xffffffe8);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "the list of modules is out of reach", 1);
    set(MODS_ADDR, 0x20000);
    set(MODS_COUNT, MAX_MODULES);
    CHECK(!read_info(MULTIBOOT1_MAGIC, INFO));
    CHECK(info.modules == MAX_MODULES);
    set(MODS_COUNT, 0xffffffff);
    CHECK_ERROR(MULTIBOOT1_MAGIC, INFO, "too many modules", MAX_MODULES);
    test_passed("multiboot 1: a list of modules that is too long or out of reach");
}

static void test_options(void)
{
    char out[5];

    memset(&info, 0, sizeof info);
    strcpy(info.command_line, "  nestor.elf hold end=qemu  xend=no end=second empty= long=12345 last=1");
    CHECK(boot_option(&info, "end", out, sizeof out) && !strcmp(out, "qemu"));
    CHECK(boot_option(&info, "xend", out, sizeof out) && !strcmp(out, "no"));
    CHECK(boot_option(&info, "empty", out, sizeof out) && !strcmp(out, ""));
    CHECK(boot_option(&info, "long", out, sizeof out) && !strcmp(out, "1234"));
    CHECK(boot_option(&info, "last", out, sizeof out) && !strcmp(out, "1"));
    strcpy(out, "kept");
    CHECK(!boot_option(&info, "hold", out, sizeof out) && !strcmp(out, "kept"));
    CHECK(!boot_option(&info, "nd", out, sizeof out) && !boot_option(&info, "lastx", out, sizeof out));
    info.command_line[0] = 0;
    CHECK(!boot_option(&info, "end", out, sizeof out));
    strcpy(info.command_line, "en");
    CHECK(!boot_option(&info, "end", out, sizeof out));
    test_passed("boot options: the first word key=value counts");
}

int main(void)
{
    test_good();
    test_framebuffer();
    test_nothing_optional();
    test_reach();
    test_command_line();
    test_map();
    test_no_map();
    test_long_map();
    test_modules();
    test_module_list();
    test_options();
    return test_done();
}
