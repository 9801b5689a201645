/* sources: vmm/state/file.c vmm/state/item.c vmm/state/check.c tests/lib_support.c */
/* Saved VMs: what is written is read, each way to be a bad file has its message, and mutations hurt nobody. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_support.h"
#include "vmm/state/check.h"
#include "vmm/state/item.h"

enum { PAGES = 8, MEMORY = PAGES * STATE_PAGE_BYTES, ROOM = 2 * MEMORY, HEADER = sizeof(struct state_record_header) };

static const struct state_vm vm = {MEMORY, 3, 1};
static uint8_t file[ROOM];
static uint64_t size;

static void put_head(struct state_writer *w)
{
    const struct state_head head = {.memory_bytes = MEMORY, .vcpus = 3, .guest_kind = 1, .name = "x"};

    state_begin(w, "NEST", 1);
    state_put(w, &head, sizeof(head));
}

static void put_page(struct state_writer *w, uint64_t gpa, unsigned pages)
{
    state_begin(w, "MEMO", 1);
    state_put(w, &gpa, sizeof(gpa));
    for (unsigned i = 0; i < pages * STATE_PAGE_BYTES; i++)
        state_put(w, &(uint8_t){(uint8_t)((gpa >> 12) + i)}, 1);
}

static struct state_vcpu make_vcpu(uint64_t seed)
{
    struct state_vcpu vcpu = {0};

    for (unsigned i = 0; i < SLOT_COUNT; i++)
        vcpu.value[i] = seed * 1000 + i;
    return vcpu;
}

/* A file of two vCPUs, one more that has halted, a UART, a line, pages 1, 2 and 5. */
static void make_base(void)
{
    struct state_writer w = {.to = file, .room = ROOM};
    struct state_vcpu zero = make_vcpu(1), two = make_vcpu(2);
    const struct state_uart uart = {1, 2, 3, 4, 5, 6, 0};

    for (unsigned i = 0; i < 4; i++)
        zero.value[SLOT_REG + REG_PDPTE0 + i] = 0;
    put_head(&w);
    state_put_vcpu(&w, 0, &zero);
    state_put_vcpu(&w, 2, &two);
    state_begin(&w, "TIME", 1);
    state_put(&w, &(uint64_t){5000}, 8);
    state_begin(&w, "HALT", 1);
    state_put(&w, (const uint32_t[]){1 << 1, 0}, 8);
    state_begin(&w, "UART", 1);
    state_put(&w, &uart, sizeof(uart));
    state_begin(&w, "LINE", 1);
    state_put(&w, "hel", 3);
    put_page(&w, STATE_PAGE_BYTES, 2);
    put_page(&w, 5 * STATE_PAGE_BYTES, 1);
    CHECK(state_finish(&w));
    size = w.used;
}

/* Looks at a copy of `bytes` bytes, so that ASan sees a read beside them; uses it if it is good. */
static bool check(const uint8_t *bytes, uint64_t n, struct state_content *content, char why[STATE_WHY_BYTES])
{
    uint8_t *copy = malloc(n ? n : 1), *memory = calloc(1, MEMORY);
    struct state_file f = {"x.state", copy, n};
    struct state_vcpu vcpu;
    bool good;

    memcpy(copy, bytes, n);
    good = state_check(&f, &vm, content, why);
    if (good) {
        state_get_memory(&f, &(struct guest_memory){memory, MEMORY});
        for (uint32_t i = 0; i < vm.vcpus; i++)
            state_get_vcpu(&f, i, &vcpu);
    }
    free(copy);
    free(memory);
    return good;
}

/* Puts the checksum right again behind a change. */
static void seal(void)
{
    uint32_t sum = state_checksum(file, size - HEADER - 8);

    memcpy(file + size - 8, &sum, sizeof(sum));
}

static void test_checksum(void)
{
    CHECK(state_checksum((const uint8_t *)"123456789", 9) == 0xcbf43926); /* the check value of CRC-32 */
    CHECK(state_checksum(NULL, 0) == 0);
    test_passed("the checksum is CRC-32");
}

static void test_round_trip(void)
{
    uint8_t *memory = calloc(1, MEMORY);
    struct state_content content;
    struct state_file f = {"x.state", file, 0};
    struct state_vcpu vcpu, expected = make_vcpu(2);
    char why[STATE_WHY_BYTES];

    make_base();
    f.size = size;
    CHECK(state_check(&f, &vm, &content, why));
    CHECK(content.vcpus == 7 && content.halted == 2 && content.tsc == 5000);
    CHECK(content.line_bytes == 3 && memcmp(content.line, "hel", 3) == 0);
    CHECK(content.uart.divisor == 1 && content.uart.scratch == 6);
    state_get_memory(&f, &(struct guest_memory){memory, MEMORY});
    for (unsigned i = 0; i < MEMORY; i++) {
        unsigned page = i / STATE_PAGE_BYTES, first = page == 2 ? 1 : page, at = i - first * STATE_PAGE_BYTES;
        bool there = page == 1 || page == 2 || page == 5;

        CHECK(memory[i] == (there ? (uint8_t)(first + at) : 0));
    }
    state_get_vcpu(&f, 2, &vcpu);
    for (unsigned i = 0; i < SLOT_COUNT; i++)
        CHECK(!vcpu.present[i] || vcpu.value[i] == expected.value[i]);
    for (unsigned s = 0; s < state_section_count; s++)
        for (unsigned i = 0; i < state_sections[s].count; i++)
            CHECK(vcpu.present[state_sections[s].items[i].slot]);
    CHECK(!vcpu.present[SLOT_REG + REG_TSC_OFFSET]);
    state_get_vcpu(&f, 0, &vcpu);
    CHECK(vcpu.present[GPR_RAX] && !vcpu.present[SLOT_REG + REG_PDPTE0]);
    state_get_vcpu(&f, 1, &vcpu);
    CHECK(!vcpu.present[GPR_RAX]);
    free(memory);
    test_passed("what was written is read, and what was left out is absent");
}

static void test_no_room(void)
{
    struct state_writer w = {.to = file, .room = 100};

    put_head(&w);
    put_page(&w, 0, 1);
    CHECK(w.full && !state_finish(&w) && w.used <= 100);
    test_passed("a file that does not fit is told");
}

/* Where record number n of that kind begins. */
static uint64_t find(const char *kind, unsigned n)
{
    struct state_file f = {"x.state", file, size};
    struct state_record record;
    uint64_t at = 0, start = 0;

    while (state_next(&f, &at, &record) && !(state_is(&record, kind) && n-- == 0))
        start = at;
    return start;
}

static void set(uint64_t at, uint64_t value, unsigned bytes) { memcpy(file + at, &value, bytes); }

/* The base with a change is refused with this message. */
static void refused(const char *name, const char *message)
{
    struct state_content content;
    char why[STATE_WHY_BYTES], full[STATE_WHY_BYTES];

    snprintf(full, sizeof(full), "state x.state: %s", message);
    if (check(file, size, &content, why) || strcmp(why, full) != 0) {
        printf("# %s: expected \"%s\", got \"%s\"\n", name, full, why);
        CHECK(false);
    }
    make_base();
}

static void test_refused(void)
{
    make_base();
    memcpy(file + find("UART", 0), "XYZW", 4), set(find("XYZW", 0) + 4, 3, 2), seal();
    refused("unknown", "record XYZW version 3: this Nestor knows no such record");
    set(find("MSRS", 1) + 4, 2, 2), seal();
    refused("newer", "record MSRS version 2: this Nestor knows up to 1");
    set(find("NEST", 0) + 4, 7, 2), seal();
    refused("newer file", "record NEST version 7: this Nestor knows up to 1");
    set(find("UART", 0) + 6, 1, 2), seal();
    refused("flags", "record UART has flags 0x1: this Nestor knows none");
    set(find("MSRS", 0) + HEADER + 8, 0x1b, 8), seal();
    refused("item", "record MSRS of vCPU 0: there is no item 0x1b");
    set(find("GPRS", 0) + HEADER, 3, 4), seal();
    refused("vCPU", "record GPRS: there is no vCPU 3");
    set(find("GPRS", 1) + HEADER, 0, 4), seal();
    refused("twice", "record GPRS of vCPU 0 comes twice");
    set(find("HALT", 0) + HEADER, 8, 4), seal();
    refused("halted", "record HALT: there is no such vCPU");
    set(find("HALT", 0) + HEADER, 7, 4), seal();
    refused("all halted", "none of its vCPUs can go on");
    set(find("NEST", 0) + HEADER, MEMORY + 4096, 8), seal();
    refused("memory", "it has 36 KiB of memory, the VM 32 KiB");
    set(find("NEST", 0) + HEADER + 8, 2, 4), seal();
    refused("vCPUs", "it has 2 vCPUs, the VM 3");
    set(find("NEST", 0) + HEADER + 12, 0, 4), seal();
    refused("kind", "it is a guest of another kind than the VM's");
    set(find("MEMO", 1) + HEADER, MEMORY, 8), seal();
    refused("page", "record MEMO: 0x1000 bytes at 0x8000 do not fit into the VM's memory");
    set(find("MEMO", 1) + HEADER, UINT64_MAX - 4095, 8), seal();
    refused("wrap", "record MEMO: 0x1000 bytes at 0xfffffffffffff000 do not fit into the VM's memory");
    set(find("MEMO", 1) + HEADER, 0x2000, 8), seal();
    refused("order", "record MEMO: 0x2000 comes behind 0x3000");
    memcpy(file + find("UART", 0), "NEST", 4), seal();
    refused("second head", "record NEST comes twice");
    set(find("LINE", 0) + 8, UINT64_MAX, 8), seal();
    refused("length", "at byte 0x13d8 there is no whole record");
    file[find("MEMO", 0) + 100] ^= 1;
    refused("checksum", "its checksum is not that of its bytes: it has changed since it was saved");
    size -= 1;
    refused("truncated", "it is truncated: 17458 bytes, and no record DONE at its end");
    size = 0;
    refused("empty", "it is no saved VM: it does not begin with a record NEST");
    memcpy(file, "\177ELF", 4);
    refused("ELF", "it is no saved VM: it does not begin with a record NEST");
    test_passed("each mistake is told by name");
}

/* Without any of the records that it has; and without all but the first. */
static void test_absent(void)
{
    struct state_writer w = {.to = file, .room = ROOM};
    struct state_content content;
    char why[STATE_WHY_BYTES];

    put_head(&w);
    CHECK(state_finish(&w));
    size = w.used;
    CHECK(!check(file, size, &content, why) && strcmp(why, "state x.state: it has no vCPU 0") == 0);
    w = (struct state_writer){.to = file, .room = ROOM};
    put_head(&w);
    state_begin(&w, "GPRS", 1);
    state_put(&w, (const uint32_t[]){0, 0}, 8);
    CHECK(state_finish(&w));
    CHECK(check(file, w.used, &content, why) && content.vcpus == 1);
    test_passed("sections may be absent, and items of a section");
}

/* Bytes changed, runs cut out or doubled; half of the files with their checksum put right. */
static void test_fuzz(void)
{
    enum { ROUNDS = 60000 };
    unsigned good = 0;

    test_seed(1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct state_content content;
        char why[STATE_WHY_BYTES] = "";

        if (i % 64 == 0 || size < 64)
            make_base();
        for (uint64_t n = test_below(4); n < 4; n++) {
            uint64_t r = test_random();
            /* Most of the file is pages: the records before them are what is interesting. */
            uint64_t at = (r >> 20) % (r & 1 ? size : find("MEMO", 0) + 64);

            if (at >= size)
                continue;
            if ((r >> 8 & 15) == 0)
                size -= (r >> 12 & 63) < size - at ? (r >> 12 & 63) : 0;
            else if ((r >> 8 & 15) == 1)
                memmove(file + at, file + at / 2, (r >> 12 & 255) < size - at ? (r >> 12 & 255) : 0);
            else
                file[at] = (uint8_t)(r >> 2 & 1 ? r >> 40 : r >> 40 & 3);
        }
        if (i & 1 && size > HEADER + 8) {
            memcpy(file + size - HEADER - 8, "DONE\1\0\0\0\10\0\0\0\0\0\0\0", HEADER);
            seal();
        }
        if (check(file, size, &content, why))
            good++;
        else
            CHECK(strncmp(why, "state x.state: ", 15) == 0);
    }
    printf("# %u of %u mutations are still good files\n", good, ROUNDS);
    CHECK(good > 100 && good < ROUNDS / 2);
    test_passed("mutations are refused with a message, or used without harm");
}

int main(void)
{
    test_checksum();
    test_round_trip();
    test_no_room();
    test_refused();
    test_absent();
    test_fuzz();
    return test_done();
}
