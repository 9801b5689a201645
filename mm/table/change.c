#include "config/abi.h"
#include "mm/buddy.h"
#include "mm/table.h"
#include "mm/table/check.h"
#include "mm/table/entry.h"
#include "mm/table/reserve.h"

/* An unmap or a protect under way. */
struct change {
    struct mm_table *table;
    struct mm_reserve reserve; /* one page for each leaf to be split */
    unsigned rights;           /* what mappings get; 0 = they go */
    bool lowered;              /* a TLB may hold something now that is not so any more */
};

/* How many leaves must be split to change exactly [va, end) below `entries`, NULL = the inside of a leaf. */
static uint64_t splits_needed(const struct mm_format *f, const uint64_t *entries, unsigned level, uint64_t va,
                              uint64_t end)
{
    uint64_t splits = 0;

    for (uint64_t next; va < end; va = next) {
        uint64_t e = entries ? mm_entry_read(&entries[mm_level_slot(va, level)]) : MM_ENTRY_LARGE | f->present;

        next = mm_level_next(va, end, level);
        if (!mm_entry_is_present(f, e))
            continue;
        if (!mm_entry_is_leaf(e, level))
            splits += splits_needed(f, mm_entry_below(e), level - 1, va, next);
        else if (next - va < mm_level_bytes(level))
            splits += 1 + splits_needed(f, NULL, level - 1, va, next);
    }
    return splits;
}

/* Replaces a leaf by a table of 512 leaves that say the same, accessed and dirty bits included. */
static void split_leaf(struct change *c, uint64_t *entry, unsigned level)
{
    const struct mm_format *f = c->table->format;
    uint64_t *below = mm_reserve_take(&c->reserve), old = mm_entry_read(entry);

    if (old & mm_entry_owned(f))
        mm_buddy_divide(HPA(old & MM_ENTRY_ADDRESS), mm_level_order(level), mm_level_order(level - 1));
    do {
        uint64_t first = (old & ~MM_ENTRY_LARGE) | mm_entry_large(level - 1);

        for (unsigned i = 0; i < MM_TABLE_ENTRIES; i++)
            below[i] = first + i * mm_level_bytes(level - 1);
    } while (!mm_entry_replace(entry, &old, mm_entry_table(f, below)));
}

/* The change from one set of rights to another is one that TLBs must not miss, unless it only adds access rights. */
static bool is_lowered(unsigned from, unsigned to)
{
    return (from ^ to) & ~(to & (MM_READ | MM_WRITE | MM_EXECUTE | MM_USER));
}

static void change_leaf(struct change *c, uint64_t *entry, unsigned level)
{
    const struct mm_format *f = c->table->format;
    uint64_t old = mm_entry_read(entry), new;

    if (c->rights == 0) {
        mm_entry_write(entry, 0);
        c->lowered = true;
        if (old & mm_entry_owned(f))
            mm_page_free(c->table->account, HPA(old & MM_ENTRY_ADDRESS), mm_level_order(level));
        return;
    }
    do {
        uint64_t kept = MM_ENTRY_ADDRESS | mm_entry_large(level) | f->accessed | f->dirty | mm_entry_owned(f);

        new = (old & kept) | mm_entry_rights(f, c->rights & ~(unsigned)MM_OWNED);
    } while (!mm_entry_replace(entry, &old, new));
    c->lowered |= is_lowered(mm_entry_decode(f, old), mm_entry_decode(f, new));
}

static bool table_is_empty(const struct mm_format *f, const uint64_t *entries)
{
    for (unsigned i = 0; i < MM_TABLE_ENTRIES; i++) {
        if (mm_entry_is_present(f, mm_entry_read(&entries[i])))
            return false;
    }
    return true;
}

static void change_apply(struct change *c, uint64_t *entries, unsigned level, uint64_t va, uint64_t end)
{
    const struct mm_format *f = c->table->format;

    for (uint64_t next; va < end; va = next) {
        uint64_t *entry = &entries[mm_level_slot(va, level)], *below;

        next = mm_level_next(va, end, level);
        if (!mm_entry_is_present(f, mm_entry_read(entry)))
            continue;
        if (mm_entry_is_leaf(mm_entry_read(entry), level)) {
            if (next - va == mm_level_bytes(level)) {
                change_leaf(c, entry, level);
                continue;
            }
            split_leaf(c, entry, level);
        }
        below = mm_entry_below(mm_entry_read(entry));
        change_apply(c, below, level - 1, va, next);
        if (c->rights == 0 && level < MM_LEVEL_TOP && table_is_empty(f, below)) {
            mm_entry_write(entry, 0);
            mm_reserve_free(c->table, below);
        }
    }
}

static int change_range(struct mm_table *t, uint64_t va, uint64_t bytes, unsigned rights)
{
    uint64_t *entries = mm_direct(t->root);
    uint64_t start = va & ((1ull << MM_ADDRESS_BITS) - 1), end = start + bytes;
    struct change c = {.table = t, .rights = rights};
    int error;

    lock_take(&t->lock);
    error = mm_reserve_fill(&c.reserve, t, splits_needed(t->format, entries, MM_LEVEL_TOP, start, end));
    if (!error)
        change_apply(&c, entries, MM_LEVEL_TOP, start, end);
    if (c.lowered)
        atomic_fetch_add_explicit(&t->generation, 1, memory_order_release);
    lock_release(&t->lock);
    return error;
}

int mm_table_unmap(struct mm_table *t, uint64_t va, uint64_t bytes)
{
    return mm_check_range(t, va, bytes) ? change_range(t, va, bytes, 0) : -ABI_EINVAL;
}

int mm_table_protect(struct mm_table *t, uint64_t va, uint64_t bytes, unsigned rights)
{
    if (!mm_check_range(t, va, bytes) || !mm_check_rights(t->format, rights))
        return -ABI_EINVAL;
    return change_range(t, va, bytes, rights);
}
