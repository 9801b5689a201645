/* sources: mm/table/table.c mm/table/change.c mm/table/reserve.c mm/table/format_ept.c mm/table/format_x86.c mm/account.c mm/buddy.c mm/frames.c mm/ranges.c mm/direct.c tests/mm_table_support.c tests/mm_support.c */
#include "config/abi.h"
#include "mm/buddy.h"
#include "mm/direct.h"
#include "mm/table.h"
#include "tests/mm_support.h"
#include "tests/mm_table_support.h"

enum { FORMATS = 3 };

static const struct mm_format *const formats[FORMATS] = {&mm_format_ept, &mm_format_npt, &mm_format_host};
static const struct mm_range small = {MIB, 65 * MIB};

/* ---- Entries, bit by bit ----------------------------------------------------------------------------------------- */

/* Frame 40000000H at va 40000000H: the leaf that each format must have for these rights and sizes. */
static const struct raw {
    const struct mm_format *format;
    unsigned rights;
    uint64_t bytes, entry;
} raws[] = {
    {&mm_format_ept, MM_READ, 4 * KIB, 0x0000000040000031},
    {&mm_format_ept, RWX, 4 * KIB, 0x0000000040000037},
    {&mm_format_ept, RWX | MM_USER | MM_GLOBAL, 4 * KIB, 0x0000000040000037},
    {&mm_format_ept, MM_EXECUTE, 4 * KIB, 0x0000000040000034},
    {&mm_format_ept, MM_READ | MM_WRITE | MM_UNCACHED, 4 * KIB, 0x0000000040000003},
    {&mm_format_ept, RWX, 2 * MIB, 0x00000000400000b7},
    {&mm_format_ept, MM_READ | MM_EXECUTE, GIB, 0x00000000400000b5},
    {&mm_format_npt, MM_READ, 4 * KIB, 0x8000000040000005},
    {&mm_format_npt, RWX, 4 * KIB, 0x0000000040000007},
    {&mm_format_npt, RWX | MM_USER | MM_GLOBAL, 4 * KIB, 0x0000000040000007},
    {&mm_format_npt, MM_READ | MM_WRITE | MM_UNCACHED, 4 * KIB, 0x800000004000001f},
    {&mm_format_npt, MM_READ | MM_WRITE, 2 * MIB, 0x8000000040000087},
    {&mm_format_npt, RWX, GIB, 0x0000000040000087},
    {&mm_format_host, MM_READ, 4 * KIB, 0x8000000040000001},
    {&mm_format_host, MM_READ | MM_WRITE | MM_USER, 4 * KIB, 0x8000000040000007},
    {&mm_format_host, MM_READ | MM_EXECUTE | MM_GLOBAL, 2 * MIB, 0x0000000040000181},
    {&mm_format_host, MM_READ | MM_WRITE | MM_UNCACHED | MM_GLOBAL, GIB, 0x8000000040000193},
    {&mm_format_host, MM_READ | MM_WRITE | MM_COMBINING, 2 * MIB, 0x800000004000008b},
    {&mm_format_host, RWX | MM_USER, 4 * KIB, 0x0000000040000007},
};

static void test_entries(void)
{
    machine(small);
    for (unsigned i = 0; i < sizeof(raws) / sizeof(raws[0]); i++) {
        const struct raw *r = &raws[i];
        struct mm_table t;
        uint64_t *leaf;
        unsigned level;

        CHECK(mm_table_init(&t, r->format, &account, true) == 0);
        CHECK(mm_table_map(&t, GIB, HPA(GIB), r->bytes, r->rights) == 0);
        leaf = raw_leaf(&t, GIB, &level);
        CHECK(leaf && PAGE_BYTES << 9 * level == r->bytes && *leaf == r->entry);
        CHECK((*(uint64_t *)mm_direct(t.root) & ~ADDRESS) == 7);
        mm_table_destroy(&t);
        check_all_returned();
    }
    test_passed("table: leaves of each format are as the manuals have them");
}

/* The owned bit is one that the hardware ignores: bit 52 in all three formats. */
static void test_owned_bit(void)
{
    machine(small);
    for (unsigned i = 0; i < FORMATS; i++) {
        struct mm_table t;
        unsigned level;
        hpa_t page;

        CHECK(mm_table_init(&t, formats[i], &account, true) == 0);
        page = mm_page_alloc(&account, 0);
        CHECK(mm_table_map(&t, 0, page, PAGE_BYTES, RWX | MM_OWNED) == 0);
        CHECK(*raw_leaf(&t, 0, &level) >> 52 == 1);
        mm_table_destroy(&t);
        check_all_returned();
    }
    test_passed("table: the owned bit is one that is free for software");
}

/* ---- Arguments --------------------------------------------------------------------------------------------------- */

static void test_refused(void)
{
    const uint64_t end = 1ull << 48, half = 1ull << 47, top = 1ull << 52;
    struct mm_mapping got;
    struct mm_table t[FORMATS];

    machine(small);
    for (unsigned i = 0; i < FORMATS; i++) {
        CHECK(mm_table_init(&t[i], formats[i], &account, true) == 0);
        CHECK(mm_table_map(&t[i], 0x1001, HPA(0), PAGE_BYTES, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0x10), PAGE_BYTES, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0), 0x1800, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0), 0, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0), PAGE_BYTES, 0) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0), PAGE_BYTES, MM_OWNED) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0), PAGE_BYTES, MM_WRITE) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0), PAGE_BYTES, MM_WRITE | MM_EXECUTE) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0), PAGE_BYTES, RWX | 1 << MM_RIGHT_COUNT) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(top), PAGE_BYTES, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA_NONE, PAGE_BYTES, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(top - 0x1000), 0x2000, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0x2000), 0x2000 * 3, RWX | MM_OWNED) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0x3000), 0x2000, RWX | MM_OWNED) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0, HPA(0), 2 * GIB, RWX | MM_OWNED) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0 - PAGE_BYTES, HPA(0), 2 * PAGE_BYTES, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(0), 0 - PAGE_BYTES, RWX) == -ABI_EINVAL);
        CHECK(mm_table_unmap(&t[i], 0x1000, 0) == -ABI_EINVAL);
        CHECK(mm_table_unmap(&t[i], 0x1001, PAGE_BYTES) == -ABI_EINVAL);
        CHECK(mm_table_unmap(&t[i], end, PAGE_BYTES) == -ABI_EINVAL);
        CHECK(mm_table_protect(&t[i], 0x1000, PAGE_BYTES, MM_WRITE) == -ABI_EINVAL);
        CHECK(mm_table_protect(&t[i], 0x1000, PAGE_BYTES, 0) == -ABI_EINVAL);
        CHECK(mm_table_protect(&t[i], end, PAGE_BYTES, RWX) == -ABI_EINVAL);
        CHECK(!mm_table_lookup(&t[i], end, &got));
        CHECK(t[i].pages == 1 && t[i].generation == 0);
        CHECK(mm_table_map(&t[i], 0x1000, HPA(top - 0x1000), 0x1000, RWX) == 0);
    }
    for (unsigned i = 1; i < FORMATS; i++)
        CHECK(mm_table_map(&t[i], 0x3000, HPA(0), PAGE_BYTES, MM_EXECUTE) == -ABI_EINVAL);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(mm_table_map(&t[i], end - PAGE_BYTES, HPA(0), PAGE_BYTES, RWX) == 0);
        CHECK(mm_table_map(&t[i], end - 2 * PAGE_BYTES, HPA(0), 3 * PAGE_BYTES, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], 0 - PAGE_BYTES, HPA(0), PAGE_BYTES, RWX) == -ABI_EINVAL);
        CHECK(mm_table_map(&t[i], half, HPA(0), PAGE_BYTES, RWX) == 0);
    }
    CHECK(mm_table_map(&t[2], half - PAGE_BYTES, HPA(0), PAGE_BYTES, RWX) == 0);
    CHECK(mm_table_map(&t[2], half, HPA(0), PAGE_BYTES, RWX) == -ABI_EINVAL);
    CHECK(mm_table_map(&t[2], half - 2 * PAGE_BYTES, HPA(0), 3 * PAGE_BYTES, RWX) == -ABI_EINVAL);
    CHECK(mm_table_map(&t[2], 0 - half, HPA(0), PAGE_BYTES, RWX) == 0);
    CHECK(mm_table_map(&t[2], 0 - PAGE_BYTES, HPA(0), PAGE_BYTES, RWX) == 0);
    CHECK(mm_table_lookup(&t[2], UINT64_MAX, &got) && got.hpa.value == 0xfff && got.base == 0 - PAGE_BYTES);
    CHECK(!mm_table_lookup(&t[2], half, &got) && !mm_table_lookup(&t[2], 0 - half - 1, &got));
    for (unsigned i = 0; i < FORMATS; i++)
        mm_table_destroy(&t[i]);
    check_all_returned();
    test_passed("table: bad ranges, frames and rights are refused");
}

/* The page beside the last one has a short way through mm_table_map, which must not be a way round the checks. */
static void test_beside_last(void)
{
    struct mm_mapping got;
    struct mm_table t;

    machine(small);
    CHECK(mm_table_init(&t, &mm_format_ept, &account, true) == 0);
    CHECK(mm_table_map(&t, 2 * MIB, HPA(0x5000), PAGE_BYTES, RWX) == 0);
    CHECK(mm_table_map(&t, 2 * MIB + 0x1000, HPA(0x6000), PAGE_BYTES, RWX) == 0);
    CHECK(mm_table_map(&t, 2 * MIB + 0x1000, HPA(0x6000), PAGE_BYTES, RWX) == -ABI_EBUSY);
    CHECK(mm_table_map(&t, 2 * MIB + 0x2001, HPA(0x6000), PAGE_BYTES, RWX) == -ABI_EINVAL);
    CHECK(mm_table_map(&t, 2 * MIB + 0x2000, HPA(0x6001), PAGE_BYTES, RWX) == -ABI_EINVAL);
    CHECK(mm_table_map(&t, 2 * MIB + 0x2000, HPA(1ull << 52), PAGE_BYTES, RWX) == -ABI_EINVAL);
    CHECK(mm_table_map(&t, 2 * MIB + 0x2000, HPA_NONE, PAGE_BYTES, RWX) == -ABI_EINVAL);
    CHECK(mm_table_map(&t, 2 * MIB + 0x2000, HPA(0x7000), PAGE_BYTES, MM_WRITE) == -ABI_EINVAL);
    CHECK(mm_table_map(&t, 2 * MIB + 0x2000, HPA(0x7000), PAGE_BYTES, MM_READ) == 0);
    CHECK(mm_table_lookup(&t, 2 * MIB + 0x2000, &got) && got.rights == MM_READ && got.hpa.value == 0x7000);
    /* The table of that region goes, and its page gets a new use: */
    CHECK(mm_table_unmap(&t, 2 * MIB, 2 * MIB) == 0 && t.pages == 2);
    CHECK(mm_table_map(&t, 2 * MIB + 0x3000, HPA(0x8000), PAGE_BYTES, MM_READ) == 0);
    CHECK(mm_table_lookup(&t, 2 * MIB + 0x3000, &got) && got.hpa.value == 0x8000);
    mm_table_destroy(&t);
    check_all_returned();
    test_passed("table: pages mapped one beside another");
}

/* ---- Owned frames, sharing --------------------------------------------------------------------------------------- */

static void test_owned_split(void)
{
    const uint64_t va = 6 * MIB, bytes = 2 * MIB;
    struct mm_mapping got;
    uint64_t free_pages;
    struct mm_table t;
    hpa_t block;

    machine(small);
    CHECK(mm_table_init(&t, &mm_format_npt, &account, true) == 0);
    block = mm_page_alloc(&account, 9);
    CHECK(mm_table_map(&t, va, block, bytes, RWX | MM_OWNED) == 0);
    CHECK(mm_table_lookup(&t, va, &got) && got.bytes == bytes && got.rights == (RWX | MM_OWNED));
    free_pages = mm_buddy_free_pages();
    CHECK(mm_table_unmap(&t, va + 5 * PAGE_BYTES, 3 * PAGE_BYTES) == 0);
    CHECK(mm_buddy_free_pages() == free_pages + 3 - 1); /* three frames are back, a table was taken */
    CHECK(mm_table_protect(&t, va, bytes, MM_READ) == 0);
    CHECK(mm_table_lookup(&t, va + bytes - 1, &got) && got.bytes == PAGE_BYTES);
    CHECK(got.rights == (MM_READ | MM_OWNED) && got.hpa.value == block.value + bytes - 1);
    CHECK(mm_table_unmap(&t, va, bytes) == 0 && t.pages == 2 && account.pages == 2);
    mm_table_destroy(&t);
    check_all_returned();
    test_passed("table: an owned large page is split and freed in parts");
}

static void test_owned_gibibyte(void)
{
    const struct mm_range ram = {MIB, 2 * GIB};
    struct mm_mapping got;
    struct mm_table t;
    hpa_t block;

    machine(ram);
    CHECK(mm_table_init(&t, &mm_format_ept, &account, true) == 0);
    block = mm_buddy_alloc(MM_ORDER_MAX); /* not by mm_page_alloc, which would touch it all */
    CHECK(block.value == GIB && mm_account_charge(&account, 1 << MM_ORDER_MAX));
    CHECK(mm_table_map(&t, 3 * GIB, block, GIB, RWX | MM_OWNED) == 0 && t.pages == 2);
    CHECK(mm_table_unmap(&t, 3 * GIB + 4 * MIB, PAGE_BYTES) == 0 && t.pages == 4);
    CHECK(mm_table_lookup(&t, 3 * GIB, &got) && got.bytes == 2 * MIB);
    CHECK(mm_table_lookup(&t, 3 * GIB + 5 * MIB, &got) && got.bytes == PAGE_BYTES);
    mm_table_destroy(&t);
    check_all_returned();
    test_passed("table: an owned page of 1 GiB is split twice");
}

static void test_shared_half(void)
{
    const uint64_t half = 0xffff800000000000, slot = 512 * GIB;
    struct mm_table kernel, task[2];
    struct mm_mapping got;

    machine(small);
    CHECK(mm_table_init(&kernel, &mm_format_host, &account, true) == 0);
    CHECK(mm_table_map(&kernel, half, HPA(0), 4 * GIB, MM_READ | MM_WRITE | MM_GLOBAL) == 0);
    account.quota = account.pages + 254;
    CHECK(mm_table_populate_top(&kernel, 256, 511) == -ABI_ENOMEM && kernel.pages == 2);
    account.quota = MM_NO_QUOTA;
    CHECK(mm_table_populate_top(&kernel, 256, 511) == 0 && kernel.pages == 257);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(mm_table_init(&task[i], &mm_format_host, &account, false) == 0);
        mm_table_copy_top(&task[i], &kernel, 256, 511);
        CHECK(mm_table_map(&task[i], 0x200000, HPA(0x1000 * (i + 1)), PAGE_BYTES, MM_READ | MM_USER) == 0);
        CHECK(mm_table_map(&task[i], half + slot, HPA(0), PAGE_BYTES, MM_READ) == -ABI_EINVAL);
        CHECK(mm_table_map(&task[i], half - slot, HPA(0), PAGE_BYTES, MM_READ) == -ABI_EINVAL);
        CHECK(mm_table_unmap(&task[i], half, PAGE_BYTES) == -ABI_EINVAL);
        CHECK(mm_table_protect(&task[i], half, PAGE_BYTES, MM_READ) == -ABI_EINVAL);
    }
    /* What the kernel maps and unmaps later shows in both tasks, also where a top-level slot was and gets empty. */
    CHECK(mm_table_map(&kernel, half + 5 * slot, HPA(0x7000), PAGE_BYTES, MM_READ) == 0);
    CHECK(mm_table_lookup(&task[0], half + 5 * slot, &got) && got.hpa.value == 0x7000);
    CHECK(mm_table_unmap(&kernel, half + 5 * slot, PAGE_BYTES) == 0);
    CHECK(!mm_table_lookup(&task[1], half + 5 * slot, &got));
    CHECK(mm_table_map(&kernel, half + 5 * slot, HPA(0x8000), PAGE_BYTES, MM_READ) == 0);
    CHECK(mm_table_lookup(&task[1], half + 5 * slot, &got) && got.hpa.value == 0x8000);
    CHECK(mm_table_lookup(&task[1], 0x200000, &got) && got.hpa.value == 0x2000);
    mm_table_destroy(&task[0]);
    CHECK(mm_table_lookup(&task[1], half + GIB, &got) && got.hpa.value == GIB && got.bytes == GIB);
    mm_table_destroy(&task[1]);
    CHECK(mm_table_lookup(&kernel, half + GIB, &got) && got.hpa.value == GIB);
    mm_table_destroy(&kernel);
    check_all_returned();
    test_passed("table: tasks share the kernel's half and don't free it");
}

static void test_no_memory(void)
{
    struct mm_table t;

    machine(small);
    account.quota = 0;
    CHECK(mm_table_init(&t, &mm_format_ept, &account, true) == -ABI_ENOMEM);
    account.quota = 3;
    CHECK(mm_table_init(&t, &mm_format_ept, &account, true) == 0);
    CHECK(mm_table_map(&t, 0, HPA(0), PAGE_BYTES, RWX) == -ABI_ENOMEM && t.pages == 1 && account.pages == 1);
    CHECK(mm_table_map(&t, 0, HPA(0), 2 * MIB, RWX) == 0 && t.pages == 3);
    CHECK(mm_table_unmap(&t, 0, PAGE_BYTES) == -ABI_ENOMEM && t.pages == 3 && t.generation == 0);
    CHECK(mm_table_protect(&t, 0, PAGE_BYTES, MM_READ) == -ABI_ENOMEM && t.generation == 0);
    CHECK(mm_table_protect(&t, 0, 2 * MIB, MM_READ) == 0 && t.generation == 1);
    CHECK(mm_table_protect(&t, 0, 2 * MIB, RWX) == 0 && t.generation == 1);
    CHECK(mm_table_unmap(&t, 4 * MIB, 2 * MIB) == 0 && t.generation == 1);
    CHECK(mm_table_unmap(&t, 0, 2 * MIB) == 0 && t.generation == 2 && t.pages == 2);
    mm_table_destroy(&t);
    check_all_returned();
    test_passed("table: without memory nothing changes");
}

int main(void)
{
    test_entries();
    test_owned_bit();
    test_refused();
    test_beside_last();
    test_owned_split();
    test_owned_gibibyte();
    test_shared_half();
    test_no_memory();
    return test_done();
}
