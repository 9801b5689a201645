/* sources: kernel/vm/image.c mm/direct.c tests/kernel_image_support.c tests/mm_support.c */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/abi.h"
#include "kernel/vm/image.h"
#include "mm/table.h"
#include "tests/kernel_image_support.h"
#include "tests/mm_support.h"

static uint8_t file[IMAGE_BYTES];
static struct image image;
static uint64_t value;

/* Parses a copy of the first bytes of `file` that is as long as it says, so that reading behind its end is seen. */
static const char *parse(size_t bytes)
{
    uint8_t *copy = malloc(bytes ? bytes : 1);
    const char *error;

    memcpy(copy, file, bytes);
    memset(&image, 0xa5, sizeof image);
    value = ~0ull;
    error = image_parse(&image, copy, bytes, &value);
    free(copy);
    return error;
}

#define CHECK_ERROR(bytes, text, number) check_error(bytes, text, number, __LINE__)
static void check_error(size_t bytes, const char *text, uint64_t number, int line)
{
    const char *error = parse(bytes);

    if (!error || strcmp(error, text) || value != number)
        printf("# %s (%" PRIx64 "), expected %s (%" PRIx64 ")\n", error ? error : "no error", value, text, number);
    test_check(error && strcmp(error, text) == 0 && value == number, text, __FILE__, line);
}

/* Changes one number of the well-formed image and expects an error; then it is well-formed again. */
#define CHECK_CHANGED(at, bytes, v, text, number) check_changed(at, bytes, v, text, number, __LINE__)
static void check_changed(size_t at, size_t bytes, uint64_t v, const char *text, uint64_t number, int line)
{
    image_put(file, at, bytes, v);
    check_error(IMAGE_BYTES, text, number, line);
    image_make(file);
}

static bool is_segment(unsigned i, uint64_t address, uint64_t offset, uint64_t file_bytes, uint64_t bytes, unsigned rights)
{
    const struct image_segment *s = &image.segment[i];

    return s->address == address && s->offset == offset && s->file_bytes == file_bytes && s->bytes == bytes &&
           s->rights == rights;
}

static void test_good(void)
{
    image_make(file);
    CHECK(!parse(IMAGE_BYTES));
    CHECK(image.entry == TASK_IMAGE + 0x10 && image.segments == 3 && image.end == TASK_IMAGE + 0xc000);
    CHECK(is_segment(0, TASK_IMAGE, 0x1000, 0x1234, 0x1234, MM_READ | MM_EXECUTE));
    CHECK(is_segment(1, TASK_IMAGE + 0x2234, 0x2234, 0x100, 0x100, MM_READ));
    CHECK(is_segment(2, TASK_IMAGE + 0x3000, 0x3000, 0x1000, 0x9000, MM_READ | MM_WRITE));
    test_passed("image: a well-formed one, with segments that don't count");
}

static void test_headers(void)
{
    static const char *const not_elf = "not an executable ELF64 file for x86-64";
    static const char *const outside = "the program headers are outside the file";

    image_make(file);
    CHECK_ERROR(0, "too short for an ELF header", 0);
    CHECK_ERROR(63, "too short for an ELF header", 63);
    CHECK_ERROR(64, outside, ELF_HEADER_BYTES);
    for (unsigned i = 0; i < 7; i++)
        CHECK_CHANGED(i, 1, 0x55, not_elf, 0);
    CHECK_CHANGED(4, 1, 1, not_elf, 0);
    CHECK_CHANGED(ELF_TYPE, 2, 3, not_elf, 0);
    CHECK_CHANGED(ELF_MACHINE, 2, 3, not_elf, 0);
    CHECK_CHANGED(ELF_PHENTSIZE, 2, 32, outside, ELF_HEADER_BYTES);
    CHECK_CHANGED(ELF_PHOFF, 8, IMAGE_BYTES - 5 * PH_BYTES + 1, outside, IMAGE_BYTES - 5 * PH_BYTES + 1);
    CHECK_CHANGED(ELF_PHOFF, 8, IMAGE_BYTES + 1, outside, IMAGE_BYTES + 1);
    CHECK_CHANGED(ELF_PHOFF, 8, ~0ull, outside, ~0ull);
    CHECK_CHANGED(ELF_PHNUM, 2, 0xffff, outside, ELF_HEADER_BYTES);
    test_passed("image: too short, no ELF64, of another machine, headers outside the file");
}

static void test_file_range(void)
{
    static const char *const behind = "a segment reaches behind the end of the file";

    image_make(file);
    CHECK_ERROR(IMAGE_BYTES - 1, behind, 3);
    CHECK_ERROR(0x2333, behind, 2);
    CHECK_ERROR(ELF_HEADER_BYTES + 5 * PH_BYTES, behind, 1);
    CHECK_CHANGED(image_ph(3, PH_OFFSET), 8, 0x13000, behind, 3);
    CHECK_CHANGED(image_ph(3, PH_OFFSET), 8, 0xfffffffffffff000, behind, 3);
    CHECK_CHANGED(image_ph(1, PH_FILESZ), 8, ~0ull, behind, 1);
    CHECK_CHANGED(image_ph(3, PH_MEMSZ), 8, 0xfff, "a segment is smaller in memory than in the file", 3);
    test_passed("image: segments behind the end of the file");
}

static void test_place(void)
{
    static const char *const outside = "a segment is outside the image's range";
    static const char *const not_above = "a segment is not above the one before it, on pages of its own";

    image_make(file);
    CHECK_CHANGED(image_ph(1, PH_VADDR), 8, TASK_IMAGE - 0x1000, outside, 1);
    CHECK_CHANGED(image_ph(1, PH_VADDR), 8, 0, outside, 1);
    CHECK_CHANGED(image_ph(1, PH_VADDR), 8, 0xffffffff80000000, outside, 1);
    CHECK_CHANGED(image_ph(3, PH_VADDR), 8, TASK_HEAP_END, outside, 3);
    CHECK_CHANGED(image_ph(3, PH_VADDR), 8, TASK_HEAP_END - 0x8000, outside, 3);
    CHECK_CHANGED(image_ph(3, PH_MEMSZ), 8, ~0ull, outside, 3);
    CHECK_CHANGED(image_ph(2, PH_VADDR), 8, TASK_IMAGE + 0x1234, not_above, 2);
    CHECK_CHANGED(image_ph(3, PH_VADDR), 8, TASK_IMAGE, not_above, 3);
    CHECK_CHANGED(image_ph(1, PH_MEMSZ), 8, 0x2001, not_above, 2);
    CHECK_CHANGED(image_ph(2, PH_VADDR), 8, TASK_IMAGE + 0x2230, "a segment's place in the file does not fit its pages", 2);
    image_put(file, image_ph(3, PH_VADDR), 8, TASK_HEAP_END - 0x9000);
    CHECK(!parse(IMAGE_BYTES) && image.end == TASK_HEAP_END);
    test_passed("image: segments outside the range, overlapping, in disorder, on a page of another one");
}

static void test_rights_and_entry(void)
{
    static const char *const no_code = "the entry point is in no executable segment";

    image_make(file);
    CHECK_CHANGED(image_ph(3, PH_FLAGS), 4, 7, "a segment is writable and executable", 3);
    CHECK_CHANGED(ELF_ENTRY, 8, TASK_IMAGE - 1, no_code, TASK_IMAGE - 1);
    CHECK_CHANGED(ELF_ENTRY, 8, TASK_IMAGE + 0x1234, no_code, TASK_IMAGE + 0x1234);
    CHECK_CHANGED(ELF_ENTRY, 8, TASK_IMAGE + 0x3000, no_code, TASK_IMAGE + 0x3000);
    CHECK_CHANGED(ELF_PHNUM, 2, 0, no_code, TASK_IMAGE + 0x10);
    CHECK_CHANGED(image_ph(1, PH_FLAGS), 4, 4, no_code, TASK_IMAGE + 0x10);
    image_put(file, ELF_ENTRY, 8, TASK_IMAGE + 0x1233);
    CHECK(!parse(IMAGE_BYTES) && image.entry == TASK_IMAGE + 0x1233);
    test_passed("image: W^X, an entry point outside the code");
}

static void test_many(void)
{
    image_make(file);
    image_put(file, ELF_PHNUM, 2, IMAGE_SEGMENTS + 1);
    for (unsigned i = 0; i <= IMAGE_SEGMENTS; i++) {
        memcpy(file + image_ph(i, 0), file + image_ph(1, 0), PH_BYTES);
        image_put(file, image_ph(i, PH_VADDR), 8, TASK_IMAGE + i * 0x2000);
    }
    CHECK_ERROR(IMAGE_BYTES, "too many segments", IMAGE_SEGMENTS);
    image_put(file, ELF_PHNUM, 2, IMAGE_SEGMENTS);
    CHECK(!parse(IMAGE_BYTES) && image.segments == IMAGE_SEGMENTS);
    test_passed("image: too many segments");
}

/* ---- Fuzz ---- */

static uint64_t odd_number(void)
{
    static const uint64_t odd[] = {0, 1, 2, 0xfff, 0x1000, IMAGE_BYTES - 1, IMAGE_BYTES, TASK_IMAGE, TASK_HEAP_END - 0x1000,
                                   TASK_HEAP_END, TASK_END, 0x8000000000000000, 0xfffffffffffff000, ~0ull};

    switch (test_below(3)) {
    case 0:
        return odd[test_below(sizeof odd / sizeof *odd)];
    case 1:
        return test_below(IMAGE_BYTES);
    default:
        return test_random() >> test_below(64);
    }
}

static void mutate(void)
{
    static const struct { uint8_t field, bytes; } fields[] = {
        {PH_TYPE, 4}, {PH_FLAGS, 4}, {PH_OFFSET, 8}, {PH_VADDR, 8}, {PH_FILESZ, 8}, {PH_MEMSZ, 8},
    };

    for (uint64_t n = 1 + test_below(3); n > 0; n--) {
        unsigned field = (unsigned)test_below(sizeof fields / sizeof *fields);

        switch (test_below(4)) {
        case 0:
            image_put(file, test_below(image_ph(5, 0)), 1, test_random());
            break;
        case 1:
            image_put(file, test_below(2) ? ELF_ENTRY : ELF_PHOFF, 8, odd_number());
            break;
        default:
            image_put(file, image_ph((unsigned)test_below(5), fields[field].field), fields[field].bytes, odd_number());
        }
    }
}

static void check_image(size_t bytes)
{
    uint64_t above = TASK_IMAGE;
    bool entry = false;

    CHECK(image.segments > 0 && image.segments <= IMAGE_SEGMENTS);
    for (unsigned i = 0; i < image.segments; i++) {
        const struct image_segment *s = &image.segment[i];
        uint64_t end = s->address + s->bytes;

        CHECK(s->offset <= bytes && s->file_bytes <= bytes - s->offset && s->file_bytes <= s->bytes);
        CHECK(s->address / 4096 * 4096 >= above && end > s->address && end <= TASK_HEAP_END);
        CHECK(s->address % 4096 == s->offset % 4096);
        CHECK((s->rights & MM_READ) && !((s->rights & MM_WRITE) && (s->rights & MM_EXECUTE)));
        entry = entry || ((s->rights & MM_EXECUTE) && s->address <= image.entry && image.entry < end);
        above = (end + 4095) / 4096 * 4096;
    }
    CHECK(entry && image.end == above);
}

static void test_fuzz(void)
{
    unsigned accepted = 0, rounds = test_rounds(100000);

    for (unsigned round = 0; round < rounds; round++) {
        size_t bytes = IMAGE_BYTES;

        test_round(round);
        image_make(file);
        mutate();
        if (test_below(4) == 0)
            bytes = test_below(IMAGE_BYTES);
        if (parse(bytes))
            continue;
        check_image(bytes);
        accepted++;
    }
    printf("# accepted %u of %u\n", accepted, rounds);
    CHECK(accepted > rounds / 100 && accepted < rounds / 2);
    test_passed("image: mutated ones");
}

int main(void)
{
    test_good();
    test_headers();
    test_file_range();
    test_place();
    test_rights_and_entry();
    test_many();
    test_fuzz();
    return test_done();
}
