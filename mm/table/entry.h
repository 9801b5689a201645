/* Entries of page tables: taking them apart and putting them together by a format. For mm/table/ alone. */
#ifndef MM_TABLE_ENTRY_H
#define MM_TABLE_ENTRY_H

#include "mm/direct.h"
#include "mm/table.h"

/* Levels are counted from the leaves of 4 KiB (0) up to the root (3). */
enum { MM_LEVEL_TOP = 3, MM_LEVEL_BITS = 9, MM_TABLE_ENTRIES = 1 << MM_LEVEL_BITS };

#define MM_ADDRESS_BITS  48
#define MM_ENTRY_LARGE   (1ull << 7)
#define MM_ENTRY_ADDRESS 0x000ffffffffff000ull

/* The order of the block that a leaf at `level` maps; its bytes; and so what one entry at that level covers. */
static inline unsigned mm_level_order(unsigned level) { return level * MM_LEVEL_BITS; }

static inline uint64_t mm_level_bytes(unsigned level) { return PAGE_BYTES << mm_level_order(level); }

/* The number of the entry for `va` in a table at `level`. */
static inline unsigned mm_level_slot(uint64_t va, unsigned level)
{
    return va >> (PAGE_SHIFT + mm_level_order(level)) & (MM_TABLE_ENTRIES - 1);
}

/* Where the part of [va, end) ends that one entry at `level` covers. Addresses are below 2^48. */
static inline uint64_t mm_level_next(uint64_t va, uint64_t end, unsigned level)
{
    uint64_t next = align_down(va, mm_level_bytes(level)) + mm_level_bytes(level);

    return next < end ? next : end;
}

/* The hardware may set accessed and dirty bits, or walk, at any time. */
static inline uint64_t mm_entry_read(const uint64_t *entry) { return __atomic_load_n(entry, __ATOMIC_RELAXED); }

static inline void mm_entry_write(uint64_t *entry, uint64_t value) { __atomic_store_n(entry, value, __ATOMIC_RELEASE); }

/* Writes `value` if the entry is *old; else reads it into *old again and returns false. */
static inline bool mm_entry_replace(uint64_t *entry, uint64_t *old, uint64_t value)
{
    return __atomic_compare_exchange_n(entry, old, value, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

static inline bool mm_entry_is_present(const struct mm_format *f, uint64_t entry) { return entry & f->present; }

/* Of a present entry. */
static inline bool mm_entry_is_leaf(uint64_t entry, unsigned level) { return level == 0 || entry & MM_ENTRY_LARGE; }

/* What a present entry that is no leaf points to. */
static inline uint64_t *mm_entry_below(uint64_t entry) { return mm_direct(HPA(entry & MM_ENTRY_ADDRESS)); }

static inline uint64_t mm_entry_table(const struct mm_format *f, const uint64_t *table)
{
    return f->table | mm_direct_hpa(table).value;
}

/* A leaf for address 0, without the bit that says so above level 0. */
static inline uint64_t mm_entry_rights(const struct mm_format *f, unsigned rights)
{
    uint64_t entry = f->leaf;

    for (; rights; rights &= rights - 1)
        entry ^= f->flip[__builtin_ctz(rights)];
    return entry;
}

/* The inverse, of a present leaf with or without its address: enum mm_right, or-ed. */
static inline unsigned mm_entry_decode(const struct mm_format *f, uint64_t entry)
{
    unsigned rights = 0;

    for (unsigned i = 0; i < MM_RIGHT_COUNT; i++) {
        if (f->flip[i] && ((entry ^ f->leaf) & f->flip[i]) == f->flip[i])
            rights |= 1u << i;
    }
    return rights;
}

/* The bit that makes an entry at `level` a leaf. */
static inline uint64_t mm_entry_large(unsigned level) { return level ? MM_ENTRY_LARGE : 0; }

/* The bit that says that a leaf's frame belongs to the table. */
static inline uint64_t mm_entry_owned(const struct mm_format *f) { return f->flip[__builtin_ctz(MM_OWNED)]; }

#endif
