#include "config/abi.h"
#include "mm/table.h"
#include "mm/table/check.h"
#include "mm/table/entry.h"

/* Whether the leaves of a table at `level` say the same as one leaf above them would, which is put in *leaf: accessed and
 * dirty if one of them is. */
static bool is_mergeable(const struct mm_format *f, const uint64_t *entries, unsigned level, uint64_t *leaf)
{
    uint64_t seen = f->accessed | f->dirty, first = mm_entry_read(&entries[0]) & ~seen;

    *leaf = (first & ~mm_entry_large(level)) | mm_entry_large(level + 1);
    if (!is_aligned(first & MM_ENTRY_ADDRESS, mm_level_bytes(level + 1)))
        return false;
    for (unsigned i = 0; i < MM_TABLE_ENTRIES; i++) {
        uint64_t e = mm_entry_read(&entries[i]);

        if (!mm_entry_is_present(f, e) || !mm_entry_is_leaf(e, level) || (e & ~seen) != first + i * mm_level_bytes(level))
            return false;
        *leaf |= e & seen;
    }
    return true;
}

int mm_table_merge(struct mm_table *t, uint64_t va, uint64_t bytes, hpa_t *retired)
{
    uint64_t *entry = mm_direct(t->root), leaf;
    unsigned level = MM_LEVEL_TOP, target = bytes == GIB ? 2 : 1;
    int error = -ABI_EINVAL;

    if ((bytes != GIB && bytes != 2 * MIB) || !is_aligned(va, bytes) || target > t->leaf_level_max ||
        !mm_check_range(t, va, bytes))
        return -ABI_EINVAL;
    lock_take(&t->lock);
    for (entry += mm_level_slot(va, level); level > target; entry += mm_level_slot(va, level)) {
        uint64_t e = mm_entry_read(entry);

        if (!mm_entry_is_present(t->format, e) || mm_entry_is_leaf(e, level))
            break;
        entry = mm_entry_below(e);
        level--;
    }
    if (level == target && mm_entry_is_present(t->format, mm_entry_read(entry)) &&
        !mm_entry_is_leaf(mm_entry_read(entry), level) &&
        is_mergeable(t->format, mm_entry_below(mm_entry_read(entry)), level - 1, &leaf)) {
        *retired = mm_direct_hpa(mm_entry_below(mm_entry_read(entry)));
        mm_entry_write(entry, leaf);
        t->pages--;
        t->last.region = MM_NOWHERE;
        atomic_fetch_add_explicit(&t->generation, 1, memory_order_release);
        error = 0;
    }
    lock_release(&t->lock);
    return error;
}
