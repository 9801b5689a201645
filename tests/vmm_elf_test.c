/* sources: vmm/monitor/elf.c vmm/monitor/flat16.c tests/lib_support.c */
/* The image loaders: good images, each way to be a bad one with its message, and mutations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/monitor/image.h"

enum { MEMORY = 64 * 1024, FILE_MAX = 4096 };

static uint8_t *memory; /* MEMORY bytes from malloc: ASan sees a write beside them */

static void put(uint8_t *file, size_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        file[at + i] = (uint8_t)(value >> (8 * i));
}

/* A field of the base image: where it is, by class, and its width. */
struct field {
    size_t at32, at64;
    unsigned width32, width64;
};

/* In the header; then in program headers 0 and 1. */
static const struct field e_type = {16, 16, 2, 2}, e_machine = {18, 18, 2, 2}, e_entry = {24, 24, 4, 8},
                          e_phoff = {28, 32, 4, 8}, e_phentsize = {42, 54, 2, 2}, e_phnum = {44, 56, 2, 2},
                          p0_type = {52, 64, 4, 4}, p0_offset = {56, 72, 4, 8}, p0_vaddr = {60, 80, 4, 8},
                          p0_paddr = {64, 88, 4, 8}, p0_filesz = {68, 96, 4, 8}, p0_memsz = {72, 104, 4, 8},
                          p1_type = {84, 120, 4, 4}, p1_offset = {88, 128, 4, 8}, p1_vaddr = {92, 136, 4, 8},
                          p1_paddr = {96, 144, 4, 8}, p1_filesz = {100, 152, 4, 8}, p1_memsz = {104, 160, 4, 8};

static void set(uint8_t *file, bool is64, struct field f, uint64_t value)
{
    put(file, is64 ? f.at64 : f.at32, value, is64 ? f.width64 : f.width32);
}

enum { TEXT_AT = 0x200, TEXT_BYTES = 0x100, DATA_AT = 0x300, DATA_BYTES = 0x80, SIZE = 0x380 };

/* A valid image of SIZE bytes: text at gpa 1000H, data with bss at 2000H, entered at 1010H. */
static void make_base(uint8_t *file, bool is64)
{
    memset(file, 0, SIZE);
    memcpy(file, "\177ELF", 4);
    file[4] = is64 ? 2 : 1;
    file[5] = 1;
    file[6] = 1;
    set(file, is64, e_type, 2);
    set(file, is64, e_machine, is64 ? 62 : 3);
    set(file, is64, e_entry, 0x1010);
    set(file, is64, e_phoff, is64 ? 64 : 52);
    set(file, is64, e_phentsize, is64 ? 56 : 32);
    set(file, is64, e_phnum, 2);
    set(file, is64, p0_type, 1);
    set(file, is64, p0_offset, TEXT_AT);
    set(file, is64, p0_vaddr, 0x1000);
    set(file, is64, p0_paddr, 0x1000);
    set(file, is64, p0_filesz, TEXT_BYTES);
    set(file, is64, p0_memsz, TEXT_BYTES);
    set(file, is64, p1_type, 1);
    set(file, is64, p1_offset, DATA_AT);
    set(file, is64, p1_vaddr, 0x2000);
    set(file, is64, p1_paddr, 0x2000);
    set(file, is64, p1_filesz, DATA_BYTES);
    set(file, is64, p1_memsz, 0x1000);
    memset(file + TEXT_AT, 0x90, TEXT_BYTES);
    memset(file + DATA_AT, 0xda, DATA_BYTES);
}

static bool load(image_loader *loader, const uint8_t *file, size_t size, uint64_t *entry, char why[IMAGE_WHY_BYTES])
{
    uint8_t *copy = malloc(size ? size : 1);
    struct guest_memory window = {memory, MEMORY};
    struct image image = {"x.elf", copy, size};
    bool good;

    memcpy(copy, file, size);
    memset(memory, 0, MEMORY);
    good = loader(&image, &window, entry, why);
    free(copy);
    return good;
}

static bool all_are(const uint8_t *bytes, size_t count, uint8_t value)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

static void test_good(bool is64)
{
    uint8_t file[FILE_MAX];
    char why[IMAGE_WHY_BYTES];
    uint64_t entry;

    make_base(file, is64);
    CHECK(load(image_load_elf, file, SIZE, &entry, why));
    CHECK(entry == 0x1010);
    CHECK(all_are(memory, 0x1000, 0) && all_are(memory + 0x1000, TEXT_BYTES, 0x90));
    CHECK(all_are(memory + 0x1000 + TEXT_BYTES, 0x1000 - TEXT_BYTES, 0));
    CHECK(all_are(memory + 0x2000, DATA_BYTES, 0xda) && all_are(memory + 0x2000 + DATA_BYTES, MEMORY - 0x2080, 0));
    test_passed(is64 ? "an ELF64 image" : "an ELF32 image");
}

static void test_high_half(void)
{
    uint8_t file[FILE_MAX];
    char why[IMAGE_WHY_BYTES];
    uint64_t entry;

    make_base(file, true);
    set(file, true, p0_vaddr, 0xffffffff80001000);
    set(file, true, e_entry, 0xffffffff80001020);
    CHECK(load(image_load_elf, file, SIZE, &entry, why));
    CHECK(entry == 0x1020);
    test_passed("an entry point by virtual address is found by physical address");
}

static void test_edges(void)
{
    uint8_t file[FILE_MAX];
    char why[IMAGE_WHY_BYTES];
    uint64_t entry;

    make_base(file, true);
    set(file, true, p1_paddr, MEMORY - 0x1000);
    CHECK(load(image_load_elf, file, SIZE, &entry, why) && memory[MEMORY - 0x1000] == 0xda);
    make_base(file, true);
    set(file, true, p1_paddr, 0x1000 + TEXT_BYTES); /* right behind the other */
    CHECK(load(image_load_elf, file, SIZE, &entry, why));
    make_base(file, true);
    set(file, true, p1_paddr, 0); /* right before it */
    CHECK(load(image_load_elf, file, SIZE, &entry, why));
    make_base(file, true);
    set(file, true, p1_memsz, 0); /* nothing to load: its other fields do not matter */
    set(file, true, p1_filesz, 0x9999);
    set(file, true, p1_paddr, ~0ull);
    CHECK(load(image_load_elf, file, SIZE, &entry, why));
    make_base(file, true);
    set(file, true, p1_type, 0x6474e551); /* PT_GNU_STACK */
    set(file, true, p1_paddr, ~0ull);
    CHECK(load(image_load_elf, file, SIZE, &entry, why) && memory[0x2000] == 0);
    test_passed("segments that touch each other or the end of memory, and segments that are not loaded");
}

/* ---- Mistakes --------------------------------------------------------------------------------------------- */

struct change {
    const struct field *field;
    uint64_t value;
};

/* What is changed in the base image (or its size, if not 0), and the message that it gives. */
static const struct mistake {
    struct change change[3];
    size_t size;
    const char *why32, *why64;
} mistakes[] = {
    {{{&e_type, 3}}, 0, "its type is 3; expected 2 (an executable, linked to fixed addresses)", NULL},
    {{{&e_machine, 40}},
     0,
     "its machine is 40; expected 3 (80386, as it is a 32-bit file)",
     "its machine is 40; expected 62 (x86-64, as it is a 64-bit file)"},
    {{{&e_phnum, 0}}, 0, "it has no program headers", NULL},
    {{{&e_phnum, 33}}, 0, "it has 33 program headers; expected at most 32", NULL},
    {{{&e_phentsize, 8}},
     0,
     "its program headers have 8 bytes each; expected 32",
     "its program headers have 8 bytes each; expected 56"},
    {{{&e_phoff, 0xfffffff0}}, 0, "it is truncated: 2 program headers at 0xfffffff0, the file has 0x380 bytes", NULL},
    {{{&e_phoff, 0x370}}, 0, "it is truncated: 2 program headers at 0x370, the file has 0x380 bytes", NULL},
    {{{&p0_type, 0}, {&p1_type, 0}}, 0, "it has no segment to load", NULL},
    {{{&p0_memsz, 0xff}}, 0, "segment 0: 0x100 bytes in the file, but only 0xff in memory", NULL},
    {{{&p1_offset, 0x301}}, 0, "segment 1: it is truncated: 0x80 bytes at 0x301, the file has 0x380", NULL},
    {{{&p1_offset, 0xffffff80}}, 0, "segment 1: it is truncated: 0x80 bytes at 0xffffff80, the file has 0x380", NULL},
    {{{&p1_paddr, MEMORY - 0xfff}}, 0, "segment 1: 0x1000 bytes at 0xf001 do not fit into 64 KiB of memory", NULL},
    {{{&p1_paddr, 0xfffffff0}}, 0, "segment 1: 0x1000 bytes at 0xfffffff0 do not fit into 64 KiB of memory", NULL},
    {{{&p1_memsz, 0xffffffff}}, 0, "segment 1: 0xffffffff bytes at 0x2000 do not fit into 64 KiB of memory", NULL},
    {{{&p1_paddr, 0x10ff}}, 0, "segment 1: 0x1000 bytes at 0x10ff overlap segment 0", NULL},
    {{{&p1_paddr, 0x0001}}, 0, "segment 1: 0x1000 bytes at 0x1 overlap segment 0", NULL},
    {{{&p1_paddr, 0x1000}}, 0, "segment 1: 0x1000 bytes at 0x1000 overlap segment 0", NULL},
    {{{&e_entry, 0x1100}}, 0, "its entry point 0x1100 is in no segment", NULL},
    {{{&e_entry, 0xfff}}, 0, "its entry point 0xfff is in no segment", NULL},
    {{{NULL, 0}}, 0x37f, "segment 1: it is truncated: 0x80 bytes at 0x300, the file has 0x37f", NULL},
    {{{NULL, 0}}, 15, "it is truncated: 15 bytes are no ELF header", NULL},
    {{{NULL, 0}},
     51,
     "it is truncated: 51 bytes, the ELF header alone has 52",
     "it is truncated: 51 bytes, the ELF header alone has 64"},
};

static void check_refused(image_loader *loader, const uint8_t *file, size_t size, const char *expected)
{
    char why[IMAGE_WHY_BYTES], whole[IMAGE_WHY_BYTES + 20];
    uint64_t entry;

    CHECK(!load(loader, file, size, &entry, why));
    CHECK(all_are(memory, MEMORY, 0));
    snprintf(whole, sizeof(whole), "image x.elf: %s", expected);
    if (strcmp(why, whole) != 0)
        printf("# found:    %s\n# expected: %s\n", why, whole);
    CHECK(strcmp(why, whole) == 0);
}

static void test_mistakes(bool is64)
{
    for (const struct mistake *m = mistakes; m < mistakes + sizeof(mistakes) / sizeof(mistakes[0]); m++) {
        uint8_t file[FILE_MAX];
        const char *why = is64 && m->why64 ? m->why64 : m->why32;

        make_base(file, is64);
        for (unsigned i = 0; i < 3 && m->change[i].field; i++)
            set(file, is64, *m->change[i].field, m->change[i].value);
        check_refused(image_load_elf, file, m->size ? m->size : SIZE, why);
        test_passed(why);
    }
}

static void test_ident(void)
{
    uint8_t file[FILE_MAX];

    make_base(file, true);
    check_refused(image_load_elf, file, 0, "it is empty");
    file[0] = '#';
    check_refused(image_load_elf, file, SIZE, "it is not an ELF file: it starts with 23 45 4C 46");
    make_base(file, true);
    file[4] = 3;
    check_refused(image_load_elf, file, SIZE, "its ELF class is 3; expected 1 (32-bit) or 2 (64-bit)");
    make_base(file, true);
    file[5] = 2;
    check_refused(image_load_elf, file, SIZE, "its byte order is 2; expected 1 (little endian)");
    make_base(file, true);
    file[6] = 0;
    check_refused(image_load_elf, file, SIZE, "its ELF version is 0; expected 1");
    test_passed("what is wrong with the identification is told");
}

static void test_64_bit_extremes(void)
{
    uint8_t file[FILE_MAX];

    make_base(file, true);
    set(file, true, e_phoff, ~0ull);
    check_refused(image_load_elf, file, SIZE,
                  "it is truncated: 2 program headers at 0xffffffffffffffff, the file has 0x380 bytes");
    make_base(file, true);
    set(file, true, p1_paddr, ~0ull - 0xfff);
    check_refused(image_load_elf, file, SIZE,
                  "segment 1: 0x1000 bytes at 0xfffffffffffff000 do not fit into 64 KiB of memory");
    make_base(file, true);
    set(file, true, p1_memsz, ~0ull);
    check_refused(image_load_elf, file, SIZE,
                  "segment 1: 0xffffffffffffffff bytes at 0x2000 do not fit into 64 KiB of memory");
    make_base(file, true);
    set(file, true, p1_offset, ~0ull - 0x3f);
    check_refused(image_load_elf, file, SIZE,
                  "segment 1: it is truncated: 0x80 bytes at 0xffffffffffffffc0, the file has 0x380");
    test_passed("64-bit fields whose sums wrap");
}

static void test_flat16(void)
{
    uint8_t *file = calloc(1, MEMORY);
    char why[IMAGE_WHY_BYTES];
    uint64_t entry;

    memset(file, 0x55, MEMORY);
    CHECK(load(image_load_flat16, file, 3, &entry, why));
    CHECK(entry == 0x7c00 && all_are(memory, 0x7c00, 0) && all_are(memory + 0x7c00, 3, 0x55) && memory[0x7c03] == 0);
    CHECK(load(image_load_flat16, file, MEMORY - 0x7c00, &entry, why) && memory[MEMORY - 1] == 0x55);
    check_refused(image_load_flat16, file, MEMORY - 0x7c00 + 1,
                  "0x8401 bytes at 0x7c00 do not fit into 64 KiB of memory");
    check_refused(image_load_flat16, file, 0, "it is empty");
    free(file);
    test_passed("flat images fit or are refused");
}

/* ---- Mutations -------------------------------------------------------------------------------------------- */

static void test_fuzz(bool is64)
{
    static const uint64_t interesting[] = {0, 1, 0x7f, 0x80, 0xff, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff, ~0ull};
    enum { ROUNDS = 4000 };
    unsigned good = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t file[FILE_MAX];
        char why[IMAGE_WHY_BYTES];
        uint64_t entry = ~0ull;
        size_t size = SIZE;

        test_seed(round);
        make_base(file, is64);
        for (uint64_t n = 1 + test_below(4); n > 0; n--) {
            size_t at = test_below(is64 ? 176 : 116);

            if (test_below(2))
                file[at] = (uint8_t)test_random();
            else
                put(file, at & ~3ull, interesting[test_below(10)], 4);
        }
        if (test_below(4) == 0)
            size = test_below(SIZE + 1);
        if (load(image_load_elf, file, size, &entry, why)) {
            good++;
            CHECK(entry <= UINT32_MAX && entry < MEMORY);
        } else {
            CHECK(strncmp(why, "image x.elf: ", 13) == 0);
            CHECK(all_are(memory, MEMORY, 0));
        }
    }
    CHECK(good > 0 && good < ROUNDS);
    test_passed(is64 ? "4000 mutations of an ELF64 image" : "4000 mutations of an ELF32 image");
}

int main(void)
{
    memory = malloc(MEMORY);
    for (int is64 = 0; is64 < 2; is64++) {
        test_good(is64);
        test_mistakes(is64);
        test_fuzz(is64);
    }
    test_high_half();
    test_edges();
    test_ident();
    test_64_bit_extremes();
    test_flat16();
    free(memory);
    return test_done();
}
