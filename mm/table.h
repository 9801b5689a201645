/*
 * Page tables of four levels, walked by hardware: nested ones for guests and the kernel's and tasks' own. One walker
 * for all; what differs between Intel's and AMD's entries is in the three formats, which are data.
 *
 * Each call takes the table's lock. Entries are written with single 64-bit stores and a new table page is filled before
 * it is linked, so any pCPU may walk the tables at any time. But unmap and destroy free frames and table pages at once:
 * their caller first makes sure that no other pCPU runs on this table (its vCPUs are stopped), and every pCPU
 * invalidates its TLB when it sees a new generation, before it runs on the table again.
 */
#ifndef MM_TABLE_H
#define MM_TABLE_H

#include "lib/addr.h"
#include "lib/lock.h"
#include "mm/account.h"

enum mm_right {
    MM_READ = 1,
    MM_WRITE = 2,
    MM_EXECUTE = 4,
    MM_USER = 8,      /* for ring 3 too; host format only, ignored elsewhere */
    MM_UNCACHED = 16, /* memory type UC; without it WB */
    MM_OWNED = 32,    /* the frame belongs to this table and is freed to the account with its mapping */
    MM_GLOBAL = 64,   /* survives a load of CR3; host format only, ignored elsewhere */
    MM_COMBINING = 128, /* memory type WC, not with MM_UNCACHED; host format only, ignored elsewhere */
};

enum { MM_RIGHT_COUNT = 8 };

/*
 * A kind of page table. A leaf is `leaf`, with the bits flip[i] turned over for each right 1 << i that it has, and its
 * address. Bit 7 says "leaf" above the lowest level, and the address is in bits 12 to 51, in all formats.
 */
struct mm_format {
    const char *name;
    uint64_t present;            /* an entry with none of these bits is empty */
    uint64_t table;              /* bits of an entry that points to a table: all rights, the leaf decides */
    uint64_t leaf;               /* bits of a leaf without any right */
    uint64_t flip[MM_RIGHT_COUNT];    /* per right; 0 = the format does not know it */
    uint64_t accessed, dirty;    /* set by the hardware in leaves */
    unsigned needs_read;         /* rights that may not go without MM_READ */
    uint64_t bias;               /* an address a is valid if a + bias, modulo 2^64, is below 2^48 */
};

extern const struct mm_format mm_format_ept;  /* Intel's extended page tables; 4-level, without mode-based execute */
extern const struct mm_format mm_format_npt;  /* AMD's nested page tables, with 4-level long-mode paging */
extern const struct mm_format mm_format_host; /* the kernel's and tasks' own; canonical addresses */

#define MM_NOWHERE UINT64_MAX

struct mm_table {
    hpa_t root;                  /* the top-level table, for CR3, nCR3 or the EPT pointer */
    const struct mm_format *format;
    struct mm_account *account;  /* pays for the tables, and for owned frames */
    /* Counts changes that a TLB must not miss: something was unmapped, a right or the memory type changed. Not counted:
     * something was mapped, or got more of the first four rights, or a large leaf was split. */
    _Atomic uint64_t generation;
    uint64_t pages;              /* table pages in use, the root included */
    unsigned leaf_level_max;     /* 1 = leaves up to 2 MiB, 2 = up to 1 GiB */
    unsigned first_foreign;      /* top-level slots from here on belong to another table, see mm_table_copy_top */
    struct lock lock;
    struct {                     /* where mm_table_map put its last single page: the next one is often beside it */
        uint64_t region;         /* va >> 21; MM_NOWHERE if there was none, or its table may be gone */
        uint64_t *entries;       /* the lowest table for that region */
        uint64_t leaf;           /* the page's entry without its address */
        unsigned rights;         /* that the entry stands for */
    } last;
};

struct mm_mapping {
    hpa_t hpa;                   /* of the very address that was asked for */
    uint64_t base;               /* first address that the leaf maps */
    uint64_t bytes;              /* 4 KiB, 2 MiB or 1 GiB */
    unsigned rights;             /* enum mm_right, or-ed */
    bool accessed, dirty;
};

/*
 * All functions that return int give 0 or -enum abi_error, and on an error have changed nothing. A range is va and
 * bytes, both multiples of 4 KiB, bytes > 0. It is refused with -ABI_EINVAL if it is not that, if it wraps, leaves the
 * format's address space (EPT, NPT: below 2^48; host: canonical, in one half), or touches a foreign top-level slot.
 */

/* An empty table with a root of its own; leaves of 1 GiB only if huge_1g. -ABI_ENOMEM. */
int mm_table_init(struct mm_table *table, const struct mm_format *format, struct mm_account *account, bool huge_1g);

/*
 * Maps [va, va + bytes) to [hpa, ...), with leaves as large as alignment allows. Refused are a range of which anything
 * is mapped (-ABI_EBUSY); one whose tables can't be had (-ABI_ENOMEM); and with -ABI_EINVAL a bad range, a frame at or
 * above 2^52, and rights that the format can't express: none at all; writing without reading; in x86 formats anything
 * without reading ("EPT Misconfigurations" in Intel's manual). Executing without reading needs a CPU that can do it.
 *
 * With MM_OWNED the frames are one block of mm_page_alloc with the table's account, whole: bytes is 4 KiB << order.
 */
int mm_table_map(struct mm_table *table, uint64_t va, hpa_t hpa, uint64_t bytes, unsigned rights);

/* Unmaps what is mapped in the range, frees owned frames and empty tables. -ABI_ENOMEM: a large leaf can't be split. */
int mm_table_unmap(struct mm_table *table, uint64_t va, uint64_t bytes);

/* Gives all that is mapped in the range these rights; MM_OWNED stays as it is. Errors as in map, but for -ABI_EBUSY. */
int mm_table_protect(struct mm_table *table, uint64_t va, uint64_t bytes, unsigned rights);

/*
 * Makes one leaf of `bytes`, 2 MiB or 1 GiB, out of the 512 that map [va, va + bytes), multiples of it, to one block with the same
 * rights. *retired becomes the table that they were in: the caller frees it, to the table's account, when nobody can walk
 * it any more; until then it tells the same. Counts as a change of generation. If they were owned, the buddy has to learn
 * of it by mm_buddy_join. -ABI_EINVAL: they are not such leaves, or the table has no leaves of this size.
 */
int mm_table_merge(struct mm_table *table, uint64_t va, uint64_t bytes, hpa_t *retired);

/* What maps va, foreign slots included; false when nothing does, or va is no address of the format. */
bool mm_table_lookup(struct mm_table *table, uint64_t va, struct mm_mapping *out);

/* Sets *va, a multiple of 4 KiB, to the first page in [*va, end) that is mapped; false when none is. end is at most 2^47. */
bool mm_table_next(struct mm_table *table, uint64_t *va, uint64_t end);
/*
 * The entry of `level` (0: 4 KiB, 1: 2 MiB, 2: 1 GiB) on the way to va, leaf or not: what the hardware reads. NULL if the
 * way ends above it. It stays where it is until something there is unmapped; who changes it answers for what comes of it.
 */
uint64_t *mm_table_entry(struct mm_table *table, uint64_t va, unsigned level);

/* Makes the tables that top-level slots first to last point to, where there are none yet, for mm_table_copy_top. Tables
 * of this level stay until mm_table_destroy, also when they are or get empty. -ABI_ENOMEM. */
int mm_table_populate_top(struct mm_table *table, unsigned first, unsigned last);

/*
 * Lets `to` share what `from` has in the top-level slots first to last (host format: 256 to 511 is the kernel's half):
 * copies the entries. What is mapped below them later, by `from`, is seen by both. Slots from `first` on become foreign
 * to `to`, which maps nothing there before or after.
 */
void mm_table_copy_top(struct mm_table *to, const struct mm_table *from, unsigned first, unsigned last);

/* Frees owned frames, all tables that are not foreign, and the root. The structure needs mm_table_init after that. */
void mm_table_destroy(struct mm_table *table);

#endif
