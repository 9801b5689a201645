#include "mm/table.h"

#include "config/abi.h"
#include "mm/buddy.h"
#include "mm/table/check.h"
#include "mm/table/entry.h"
#include "mm/table/reserve.h"

enum { REGION_SHIFT = PAGE_SHIFT + MM_LEVEL_BITS }; /* what one table of the lowest level maps */

int mm_table_init(struct mm_table *table, const struct mm_format *format, struct mm_account *account, bool huge_1g)
{
    hpa_t root = mm_page_alloc(account, 0);

    if (hpa_is_none(root))
        return -ABI_ENOMEM;
    *table = (struct mm_table){
        .root = root,
        .format = format,
        .account = account,
        .pages = 1,
        .leaf_level_max = huge_1g ? 2 : 1,
        .first_foreign = MM_TABLE_ENTRIES,
        .last = {.region = MM_NOWHERE},
    };
    return 0;
}

/* The entry that decides about va: the leaf, or the first one on the way down that is not present. */
static uint64_t *find_entry(const struct mm_table *t, uint64_t va, unsigned *level)
{
    uint64_t *entries = mm_direct(t->root);

    for (*level = MM_LEVEL_TOP;; --*level) {
        uint64_t *entry = &entries[mm_level_slot(va, *level)], e = mm_entry_read(entry);

        if (!mm_entry_is_present(t->format, e) || mm_entry_is_leaf(e, *level))
            return entry;
        entries = mm_entry_below(e);
    }
}

/* Whether one leaf at `level` can map [va, end), which one entry covers, to hpa. */
static bool leaf_fits(const struct mm_table *t, unsigned level, uint64_t va, uint64_t end, uint64_t hpa)
{
    return level == 0 || (level <= t->leaf_level_max && end - va == mm_level_bytes(level) &&
                          is_aligned(hpa, mm_level_bytes(level)));
}

/* Counts in *tables the pages that mapping takes below `entries`, NULL = a table that is not there yet. False when
 * something of [va, end) is mapped. */
static bool map_plan(const struct mm_table *t, const uint64_t *entries, unsigned level, uint64_t va, uint64_t end,
                     uint64_t hpa, uint64_t *tables)
{
    for (uint64_t next; va < end; hpa += next - va, va = next) {
        uint64_t e = entries ? mm_entry_read(&entries[mm_level_slot(va, level)]) : 0;
        const uint64_t *below = NULL;

        next = mm_level_next(va, end, level);
        if (mm_entry_is_present(t->format, e)) {
            if (mm_entry_is_leaf(e, level))
                return false;
            below = mm_entry_below(e);
        } else if (leaf_fits(t, level, va, next, hpa)) {
            continue;
        } else {
            ++*tables;
            if (level == 1)
                continue;
        }
        if (!map_plan(t, below, level - 1, va, next, hpa, tables))
            return false;
    }
    return true;
}

/* Maps [va, end), of which nothing is mapped; the reserve has the tables for it. `rights` is a leaf without address. */
static void map_apply(struct mm_table *t, struct mm_reserve *reserve, uint64_t *entries, unsigned level, uint64_t va,
                      uint64_t end, uint64_t hpa, uint64_t rights)
{
    for (uint64_t next; va < end; hpa += next - va, va = next) {
        uint64_t *entry = &entries[mm_level_slot(va, level)], e = mm_entry_read(entry);

        next = mm_level_next(va, end, level);
        if (mm_entry_is_present(t->format, e)) {
            map_apply(t, reserve, mm_entry_below(e), level - 1, va, next, hpa, rights);
        } else if (leaf_fits(t, level, va, next, hpa)) {
            mm_entry_write(entry, rights | mm_entry_large(level) | hpa);
        } else {
            uint64_t *below = mm_reserve_take(reserve);

            map_apply(t, reserve, below, level - 1, va, next, hpa, rights);
            mm_entry_write(entry, mm_entry_table(t->format, below));
        }
    }
}

/* Cuts the owned block that is about to be mapped into blocks of the size of the leaves that will map it. */
static void divide_owned(const struct mm_table *t, uint64_t va, hpa_t hpa, uint64_t bytes)
{
    unsigned level = t->leaf_level_max;

    while (level > 0 && (!is_aligned(va, mm_level_bytes(level)) || mm_level_bytes(level) > bytes))
        level--;
    if (bytes > mm_level_bytes(level))
        mm_buddy_divide(hpa, (unsigned)__builtin_ctzll(bytes) - PAGE_SHIFT, mm_level_order(level));
}

static int map_tree(struct mm_table *t, uint64_t va, hpa_t hpa, uint64_t bytes, unsigned rights)
{
    uint64_t *entries = mm_direct(t->root), tables = 0;
    uint64_t start = va & ((1ull << MM_ADDRESS_BITS) - 1), end = start + bytes;
    struct mm_reserve reserve;
    int error;

    if (!map_plan(t, entries, MM_LEVEL_TOP, start, end, hpa.value, &tables))
        return -ABI_EBUSY;
    error = mm_reserve_fill(&reserve, t, tables);
    if (error)
        return error;
    if (rights & MM_OWNED)
        divide_owned(t, va, hpa, bytes);
    map_apply(t, &reserve, entries, MM_LEVEL_TOP, start, end, hpa.value, mm_entry_rights(t->format, rights));
    return 0;
}

/* Whether this is a page in the same region, and with the same rights, as the last one: then both are known as good. */
static bool is_beside_last(const struct mm_table *t, uint64_t va, hpa_t hpa, uint64_t bytes, unsigned rights)
{
    return bytes == PAGE_BYTES && va >> REGION_SHIFT == t->last.region && rights == t->last.rights &&
           is_aligned(va, PAGE_BYTES) && (hpa.value & ~MM_ENTRY_ADDRESS) == 0;
}

static int map_beside_last(struct mm_table *t, uint64_t va, hpa_t hpa)
{
    uint64_t *entry = &t->last.entries[mm_level_slot(va, 0)];

    if (mm_entry_is_present(t->format, mm_entry_read(entry)))
        return -ABI_EBUSY;
    mm_entry_write(entry, t->last.leaf | hpa.value);
    return 0;
}

static int map_and_remember(struct mm_table *t, uint64_t va, hpa_t hpa, uint64_t bytes, unsigned rights)
{
    uint64_t *entry;
    unsigned level;
    int error = map_tree(t, va, hpa, bytes, rights);

    if (error || bytes != PAGE_BYTES)
        return error;
    entry = find_entry(t, va, &level);
    t->last.region = va >> REGION_SHIFT;
    t->last.entries = entry - mm_level_slot(va, 0);
    t->last.leaf = mm_entry_rights(t->format, rights);
    t->last.rights = rights;
    return 0;
}

/* Not inlined, or its registers would be saved in the frequent case too. */
static __attribute__((noinline)) int map_anywhere(struct mm_table *t, uint64_t va, hpa_t hpa, uint64_t bytes,
                                                  unsigned rights)
{
    int error;

    if (!mm_check_range(t, va, bytes) || !mm_check_rights(t->format, rights) || !mm_check_frames(hpa, bytes, rights))
        return -ABI_EINVAL;
    lock_take(&t->lock);
    error = map_and_remember(t, va, hpa, bytes, rights);
    lock_release(&t->lock);
    return error;
}

int mm_table_map(struct mm_table *t, uint64_t va, hpa_t hpa, uint64_t bytes, unsigned rights)
{
    int error;

    lock_take(&t->lock);
    if (!is_beside_last(t, va, hpa, bytes, rights)) {
        lock_release(&t->lock);
        return map_anywhere(t, va, hpa, bytes, rights);
    }
    error = map_beside_last(t, va, hpa);
    lock_release(&t->lock);
    return error;
}

bool mm_table_lookup(struct mm_table *t, uint64_t va, struct mm_mapping *out)
{
    uint64_t entry, offset;
    unsigned level;

    if (!mm_check_address(t->format, va))
        return false;
    lock_take(&t->lock);
    entry = mm_entry_read(find_entry(t, va, &level));
    lock_release(&t->lock);
    if (!mm_entry_is_present(t->format, entry))
        return false;
    offset = va & (mm_level_bytes(level) - 1);
    *out = (struct mm_mapping){
        .hpa = HPA((entry & MM_ENTRY_ADDRESS) + offset),
        .base = va - offset,
        .bytes = mm_level_bytes(level),
        .rights = mm_entry_decode(t->format, entry),
        .accessed = entry & t->format->accessed,
        .dirty = entry & t->format->dirty,
    };
    return true;
}

bool mm_table_next(struct mm_table *t, uint64_t *va, uint64_t end)
{
    bool found = false;

    lock_take(&t->lock);
    while (*va < end) {
        unsigned level;

        found = mm_entry_is_present(t->format, mm_entry_read(find_entry(t, *va, &level)));
        if (found)
            break;
        *va = mm_level_next(*va, end, level);
    }
    lock_release(&t->lock);
    return found;
}

uint64_t *mm_table_entry(struct mm_table *t, uint64_t va, unsigned level)
{
    uint64_t *entries = mm_direct(t->root), *entry = NULL;

    lock_take(&t->lock);
    for (unsigned l = MM_LEVEL_TOP;; l--) {
        entry = &entries[mm_level_slot(va, l)];
        if (l == level)
            break;
        if (!mm_entry_is_present(t->format, mm_entry_read(entry)) || mm_entry_is_leaf(mm_entry_read(entry), l)) {
            entry = NULL;
            break;
        }
        entries = mm_entry_below(mm_entry_read(entry));
    }
    lock_release(&t->lock);
    return entry;
}

int mm_table_populate_top(struct mm_table *t, unsigned first, unsigned last)
{
    uint64_t *root = mm_direct(t->root), missing = 0;
    struct mm_reserve reserve;
    int error;

    lock_take(&t->lock);
    for (unsigned i = first; i <= last; i++)
        missing += !mm_entry_is_present(t->format, mm_entry_read(&root[i]));
    error = mm_reserve_fill(&reserve, t, missing);
    for (unsigned i = first; i <= last && !error; i++) {
        if (!mm_entry_is_present(t->format, mm_entry_read(&root[i])))
            mm_entry_write(&root[i], mm_entry_table(t->format, mm_reserve_take(&reserve)));
    }
    lock_release(&t->lock);
    return error;
}

void mm_table_copy_top(struct mm_table *to, const struct mm_table *from, unsigned first, unsigned last)
{
    const uint64_t *source = mm_direct(from->root);
    uint64_t *root = mm_direct(to->root);

    for (unsigned i = first; i <= last; i++)
        mm_entry_write(&root[i], mm_entry_read(&source[i]));
    to->first_foreign = first;
    to->last.region = MM_NOWHERE;
}

/* Frees a table, all below its first n entries, and what of it is owned. */
static void free_tree(struct mm_table *t, uint64_t *entries, unsigned level, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t e = mm_entry_read(&entries[i]);

        if (!mm_entry_is_present(t->format, e))
            continue;
        if (!mm_entry_is_leaf(e, level))
            free_tree(t, mm_entry_below(e), level - 1, MM_TABLE_ENTRIES);
        else if (e & mm_entry_owned(t->format))
            mm_page_free(t->account, HPA(e & MM_ENTRY_ADDRESS), mm_level_order(level));
    }
    mm_reserve_free(t, entries);
}

void mm_table_destroy(struct mm_table *t)
{
    lock_take(&t->lock);
    free_tree(t, mm_direct(t->root), MM_LEVEL_TOP, t->first_foreign);
    t->root = HPA_NONE;
    lock_release(&t->lock);
}
