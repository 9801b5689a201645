/* sources: mm/table/table.c mm/table/change.c mm/table/merge.c mm/table/reserve.c mm/table/format_ept.c mm/table/format_x86.c mm/account.c mm/buddy.c mm/frames.c mm/ranges.c mm/direct.c tests/mm_table_support.c tests/mm_support.c */
/* 512 leaves that become one: which are let, and what they are then. */
#include "config/abi.h"
#include "mm/buddy.h"
#include "mm/direct.h"
#include "tests/mm_support.h"
#include "tests/mm_table_support.h"

enum { LEAVES = 512 };

static struct mm_table table;

/* A table in which the `LEAVES` parts of an owned block are mapped from va on, each by a leaf of its own. -> the block. */
static hpa_t map_parts(const struct mm_format *format, uint64_t va, unsigned order)
{
    unsigned part = order - 9;
    hpa_t block;

    CHECK(mm_table_init(&table, format, &account, true) == 0);
    block = mm_buddy_alloc(order);
    CHECK(!hpa_is_none(block) && mm_account_charge(&account, 1ull << order));
    mm_buddy_divide(block, order, part);
    for (uint64_t i = 0; i < LEAVES; i++)
        CHECK(mm_table_map(&table, va + (i << part << PAGE_SHIFT), HPA(block.value + (i << part << PAGE_SHIFT)),
                           PAGE_BYTES << part, RWX | MM_OWNED) == 0);
    return block;
}

static void destroy(hpa_t retired)
{
    mm_table_destroy(&table);
    mm_page_free(&account, retired, 0);
    check_all_returned();
}

static void try_size(const struct mm_format *format, unsigned order)
{
    uint64_t bytes = PAGE_BYTES << order, va = 5 * GIB, generation, pages, *leaf, tables;
    struct mm_mapping got;
    unsigned level;
    hpa_t block = map_parts(format, va, order), retired = HPA_NONE;

    pages = account.pages;
    generation = table.generation;
    tables = table.pages;
    leaf = raw_leaf(&table, va + bytes / 2, &level);
    *leaf |= format->accessed | format->dirty;
    CHECK(mm_table_merge(&table, va, bytes, &retired) == 0);
    mm_buddy_join(block, order - 9, order);
    CHECK(table.generation == generation + 1 && table.pages == tables - 1 && account.pages == pages);
    CHECK(mm_table_lookup(&table, va + bytes - 1, &got) && got.base == va && got.bytes == bytes);
    CHECK(got.hpa.value == block.value + bytes - 1 && (got.rights & ~(unsigned)MM_OWNED) == RWX);
    CHECK(got.accessed == (format->accessed != 0) && got.dirty == (format->dirty != 0));
    CHECK(*leaf == ((uint64_t *)mm_direct(retired))[LEAVES / 2]); /* who walks the old table yet finds the same there */
    CHECK(mm_table_merge(&table, va, bytes, &retired) == -ABI_EINVAL);
    CHECK(mm_table_unmap(&table, va + bytes / 2, bytes / LEAVES) == 0);
    CHECK(!mm_table_lookup(&table, va + bytes / 2, &got) && mm_table_lookup(&table, va, &got) && got.bytes == bytes / LEAVES);
    CHECK(mm_table_merge(&table, va, bytes, &retired) == -ABI_EINVAL);
    destroy(retired);
}

static void test_sizes(void)
{
    static const struct mm_format *const formats[] = {&mm_format_ept, &mm_format_npt, &mm_format_host};

    for (unsigned i = 0; i < 3; i++) {
        machine((struct mm_range){MIB, 65 * MIB});
        try_size(formats[i], 9);
        machine((struct mm_range){MIB, 2 * GIB});
        try_size(formats[i], 18);
    }
    test_passed("merge: 512 owned leaves become one, and are split again");
}

static void test_refused(void)
{
    uint64_t va = 5 * GIB, *leaf, other, kept;
    hpa_t retired = HPA_NONE;
    unsigned level;

    machine((struct mm_range){MIB, 65 * MIB});
    map_parts(&mm_format_ept, va, 9);
    CHECK(mm_table_merge(&table, va + PAGE_BYTES, 2 * MIB, &retired) == -ABI_EINVAL);
    CHECK(mm_table_merge(&table, va, 4 * MIB, &retired) == -ABI_EINVAL);
    CHECK(mm_table_merge(&table, va, GIB, &retired) == -ABI_EINVAL);
    CHECK(mm_table_merge(&table, va + 2 * MIB, 2 * MIB, &retired) == -ABI_EINVAL);
    CHECK(mm_table_merge(&table, 1ull << 48, 2 * MIB, &retired) == -ABI_EINVAL);
    CHECK(mm_table_protect(&table, va + 7 * PAGE_BYTES, PAGE_BYTES, MM_READ) == 0);
    CHECK(mm_table_merge(&table, va, 2 * MIB, &retired) == -ABI_EINVAL);
    CHECK(mm_table_protect(&table, va + 7 * PAGE_BYTES, PAGE_BYTES, RWX) == 0);
    leaf = raw_leaf(&table, va + 8 * PAGE_BYTES, &level);
    kept = *leaf;
    other = leaf[1];
    *leaf = other;
    leaf[1] = kept;
    CHECK(mm_table_merge(&table, va, 2 * MIB, &retired) == -ABI_EINVAL);
    *leaf = kept;
    leaf[1] = other;
    CHECK(mm_table_merge(&table, va, 2 * MIB, &retired) == 0);
    mm_buddy_join(HPA(*raw_leaf(&table, va, &level) & ADDRESS), 0, 9);
    destroy(retired);

    machine((struct mm_range){MIB, 2 * GIB});
    map_parts(&mm_format_npt, va, 18);
    table.leaf_level_max = 1;
    CHECK(mm_table_merge(&table, va, GIB, &retired) == -ABI_EINVAL);
    mm_table_destroy(&table);
    check_all_returned();
    test_passed("merge: refused where one leaf would say something else");
}

static void test_join(void)
{
    static hpa_t block; /* not a local one, as bugs are left by longjmp */

    machine((struct mm_range){MIB, 65 * MIB});
    block = mm_buddy_alloc(4);
    CHECK(RAISES_BUG(mm_buddy_join(block, 2, 4)));
    mm_buddy_divide(block, 4, 2);
    CHECK(RAISES_BUG(mm_buddy_join(HPA(block.value + (4 << PAGE_SHIFT)), 2, 4)));
    CHECK(RAISES_BUG(mm_buddy_join(block, 4, 2)));
    mm_buddy_join(block, 2, 4);
    CHECK(RAISES_BUG(mm_buddy_free(HPA(block.value + (4 << PAGE_SHIFT)), 2)));
    mm_buddy_free(block, 4);
    block = mm_buddy_alloc(4);
    mm_buddy_divide(block, 4, 2);
    mm_buddy_free(HPA(block.value + (8 << PAGE_SHIFT)), 2);
    CHECK(RAISES_BUG(mm_buddy_join(block, 2, 4)));
    test_passed("buddy: blocks are joined only if all of them are taken, with this order");
}

int main(void)
{
    test_sizes();
    test_refused();
    test_join();
    return test_done();
}
