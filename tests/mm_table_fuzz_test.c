/* sources: mm/table/table.c mm/table/change.c mm/table/reserve.c mm/table/format_ept.c mm/table/format_x86.c mm/account.c mm/buddy.c mm/frames.c mm/ranges.c mm/direct.c tests/mm_table_support.c tests/mm_support.c */
#include <string.h>

#include "config/abi.h"
#include "mm/buddy.h"
#include "mm/direct.h"
#include "mm/table.h"
#include "tests/mm_support.h"
#include "tests/mm_table_support.h"

enum { FORMATS = 3 };

/* What the manuals say, in numbers of this test's own. */
static const struct facts {
    const struct mm_format *format;
    uint64_t present, table, accessed, dirty;
    unsigned known;  /* rights that an entry can tell */
    uint64_t window; /* where the fuzz test maps: 1 GiB before the end of a top-level slot */
    unsigned rights[6];
} facts[FORMATS] = {
    {&mm_format_ept, 7, 7, 1 << 8, 1 << 9, RWX | MM_UNCACHED | MM_OWNED, 511 * GIB,
     {MM_READ, MM_READ | MM_WRITE, RWX, MM_READ | MM_EXECUTE, MM_EXECUTE, RWX | MM_UNCACHED}},
    {&mm_format_npt, 1, 7, 1 << 5, 1 << 6, RWX | MM_UNCACHED | MM_OWNED, 1023 * GIB,
     {MM_READ, MM_READ | MM_WRITE, RWX, MM_READ | MM_EXECUTE, MM_READ | MM_USER, RWX | MM_UNCACHED}},
    {&mm_format_host, 1, 7, 1 << 5, 1 << 6, RWX | MM_USER | MM_UNCACHED | MM_OWNED | MM_GLOBAL | MM_COMBINING, 0xffff807fc0000000,
     {MM_READ, MM_READ | MM_WRITE, RWX | MM_USER, MM_READ | MM_EXECUTE, MM_READ | MM_USER | MM_GLOBAL | MM_COMBINING,
      MM_READ | MM_WRITE | MM_UNCACHED}},
};

struct census {
    uint64_t tables, hash; /* the hash is of all entries, so of the whole tree */
};

/* Walks the whole tree as a hardware walker would that is very strict. */
static void take_census(const struct facts *f, const uint64_t *entries, unsigned level, struct census *c)
{
    unsigned used = 0;

    c->tables++;
    for (unsigned i = 0; i < 512; i++) {
        uint64_t e = entries[i], offset = (1ull << (12 + 9 * level)) - 1;

        c->hash = (c->hash ^ e) * 0x100000001b3ull + i;
        if (!(e & f->present)) {
            CHECK(e == 0);
            continue;
        }
        used++;
        if (level > 0 && !(e & LARGE)) {
            CHECK((e & ~ADDRESS) == f->table);
            take_census(f, entries_of(e), level - 1, c);
        } else {
            CHECK(level < 3 && (e & ADDRESS & offset) == 0 && (level > 0 || !(e & LARGE)));
        }
    }
    CHECK(used > 0 || level >= 2);
}

static struct census census(const struct facts *f, const struct mm_table *t)
{
    struct census c = {0, 0};

    take_census(f, mm_direct(t->root), 3, &c);
    CHECK(c.tables == t->pages);
    return c;
}

/* ---- A flat model: what is mapped at each page of a window ------------------------------------------------------- */

enum { WINDOW_PAGES = (GIB + 32 * MIB) / PAGE_BYTES };

struct page {
    uint64_t hpa;
    unsigned rights; /* as a lookup tells them; 0 = not mapped */
    bool accessed, dirty;
};

static struct page model[WINDOW_PAGES];

static struct fuzz {
    const struct facts *facts;
    struct mm_table table;
    uint64_t owned; /* pages of the model that are */
} fz;

static uint64_t va_of(uint64_t page) { return fz.facts->window + page * PAGE_BYTES; }

static void check_page(uint64_t page)
{
    const struct page *m = &model[page];
    struct mm_mapping got;
    bool found = mm_table_lookup(&fz.table, va_of(page) + 0x123, &got);

    CHECK(found == (m->rights != 0));
    if (!found)
        return;
    CHECK(got.hpa.value == m->hpa + 0x123 && got.rights == m->rights);
    CHECK(got.accessed == m->accessed && got.dirty == m->dirty);
    CHECK(got.base <= va_of(page) && va_of(page) < got.base + got.bytes && is_aligned(got.base, got.bytes));
}

static void check_window(void)
{
    for (uint64_t page = 0; page < WINDOW_PAGES; page++)
        check_page(page);
}

struct span {
    uint64_t page, pages;
};

/* A range of the window: of many sizes, often aligned as large leaves are, often just beside that. */
static struct span random_span(void)
{
    static const uint64_t unit[] = {1, 1, 512, 512, 512 * 4, 512 * 32};
    uint64_t u = unit[test_below(6)], limit = WINDOW_PAGES;
    struct span s = {test_below(limit) & ~(u - 1), (1 + test_below(u == 1 ? 40 : 4)) * u};

    if (test_below(4) == 0)
        s.page += test_below(3);
    if (test_below(4) == 0)
        s.pages += test_below(3);
    if (test_below(4) == 0)
        s.pages = 1;
    if (s.page >= limit)
        s.page = limit - 1;
    if (s.pages > limit - s.page)
        s.pages = limit - s.page;
    return s;
}

/* A range that begins or ends within a large leaf, if one is found quickly; else any. */
static struct span random_part(void)
{
    for (unsigned attempt = 0; attempt < 10; attempt++) {
        uint64_t page = test_below(WINDOW_PAGES), pages;
        unsigned level;

        if (!raw_leaf(&fz.table, va_of(page), &level) || level == 0)
            continue;
        pages = 1 + test_below(2ull << 9 * test_below(level + 1));
        return (struct span){page, pages < WINDOW_PAGES - page ? pages : WINDOW_PAGES - page};
    }
    return random_span();
}

static unsigned random_rights(void) { return fz.facts->rights[test_below(6)]; }

/* Pages around the ends of a span, and some inside. */
static void check_around(struct span s)
{
    for (uint64_t i = 0; i < 4; i++) {
        check_page((s.page + i) % WINDOW_PAGES);
        check_page((s.page + WINDOW_PAGES - i) % WINDOW_PAGES);
        check_page((s.page + s.pages + i) % WINDOW_PAGES);
        check_page((s.page + s.pages - 1 - (i < s.pages ? i : 0)) % WINDOW_PAGES);
        check_page(s.page + test_below(s.pages));
    }
}

static bool span_is_free(struct span s)
{
    for (uint64_t i = s.page; i < s.page + s.pages; i++) {
        if (model[i].rights)
            return false;
    }
    return true;
}

/* The largest leaf that may map page number i of a span that goes to hpa. */
static uint64_t largest_leaf(struct span s, uint64_t hpa, uint64_t i)
{
    static const uint64_t sizes[] = {GIB, 2 * MIB};

    for (unsigned k = fz.table.leaf_level_max == 2 ? 0 : 1; k < 2; k++) {
        uint64_t first = align_down(va_of(i), sizes[k]);

        if (first >= va_of(s.page) && first + sizes[k] <= va_of(s.page + s.pages) &&
            is_aligned(hpa + (first - va_of(s.page)), sizes[k]))
            return sizes[k];
    }
    return PAGE_BYTES;
}

static void check_leaf_size(struct span s, uint64_t hpa)
{
    for (unsigned n = 0; n < 8; n++) {
        uint64_t i = s.page + test_below(s.pages);
        struct mm_mapping got;

        CHECK(mm_table_lookup(&fz.table, va_of(i), &got) && got.bytes == largest_leaf(s, hpa, i));
    }
}

static void model_map(struct span s, uint64_t hpa, unsigned rights)
{
    for (uint64_t i = 0; i < s.pages; i++)
        model[s.page + i] = (struct page){hpa + i * PAGE_BYTES, rights & fz.facts->known, false, false};
    fz.owned += rights & MM_OWNED ? s.pages : 0;
}

/* A change is lowered that takes away an access right or changes how memory is cached or kept in TLBs. */
static bool lowers(unsigned from, unsigned to)
{
    const unsigned access = RWX | MM_USER, kind = MM_UNCACHED | MM_COMBINING | MM_GLOBAL;

    return (from & access & ~to) || ((from ^ to) & kind);
}

/* Applies an unmap (rights 0) or a protect to the model; whether the generation has to rise. */
static bool model_change(struct span s, unsigned rights)
{
    bool lowered = false;

    for (uint64_t i = s.page; i < s.page + s.pages; i++) {
        struct page *m = &model[i];
        unsigned owned = m->rights & MM_OWNED, now = rights ? (rights & fz.facts->known) | owned : 0;

        if (m->rights == 0)
            continue;
        lowered |= lowers(m->rights, now) || now == 0;
        m->rights = now;
        if (now == 0) {
            m->accessed = m->dirty = false;
            fz.owned -= owned != 0;
        }
    }
    return lowered;
}

/* Now and then, only so many pages more may be taken. */
static void limit_quota(void)
{
    account.quota = test_below(3) == 0 ? account.pages + test_below(4) : MM_NO_QUOTA;
}

/* An operation that failed has changed nothing; only a tight quota lets it lack memory. */
static void check_failed(int error, struct census before, uint64_t generation)
{
    CHECK(error != -ABI_ENOMEM || account.quota != MM_NO_QUOTA);
    CHECK(census(fz.facts, &fz.table).hash == before.hash && fz.table.generation == generation);
}

static void fuzz_map(void)
{
    struct span s = random_span();
    uint64_t hpa = test_below(1 << 20) * (test_below(2) ? GIB : PAGE_BYTES), generation = fz.table.generation;
    struct census before = census(fz.facts, &fz.table);
    unsigned rights = random_rights();
    int error;

    if (test_below(2)) /* the same offset within 1 GiB, so that large leaves are possible */
        hpa = align_down(hpa, GIB) + (va_of(s.page) & (GIB - 1));
    error = mm_table_map(&fz.table, va_of(s.page), HPA(hpa), s.pages * PAGE_BYTES, rights);
    if (error) {
        CHECK(error == (span_is_free(s) ? -ABI_ENOMEM : -ABI_EBUSY));
        check_failed(error, before, generation);
        return;
    }
    CHECK(span_is_free(s) && fz.table.generation == generation);
    model_map(s, hpa, rights);
    check_leaf_size(s, hpa);
    check_around(s);
}

static void fuzz_map_owned(void)
{
    unsigned order = (unsigned)(test_below(2) ? 9 : test_below(12));
    struct span s = {test_below(WINDOW_PAGES - 4096), 1ull << order};
    struct census before = census(fz.facts, &fz.table);
    uint64_t generation = fz.table.generation;
    unsigned rights = random_rights() | MM_OWNED;
    hpa_t block;
    int error;

    if (test_below(2))
        s.page = align_down(s.page, s.pages);
    block = mm_page_alloc(&account, order);
    if (hpa_is_none(block))
        return;
    error = mm_table_map(&fz.table, va_of(s.page), block, s.pages * PAGE_BYTES, rights);
    if (error) {
        CHECK(error == (span_is_free(s) ? -ABI_ENOMEM : -ABI_EBUSY));
        check_failed(error, before, generation);
        mm_page_free(&account, block, order);
        return;
    }
    CHECK(span_is_free(s));
    model_map(s, block.value, rights);
    check_leaf_size(s, block.value);
    check_around(s);
}

static void fuzz_change(bool unmap)
{
    struct span s = test_below(3) ? random_part() : random_span();
    uint64_t generation = fz.table.generation, bytes = s.pages * PAGE_BYTES;
    struct census before = census(fz.facts, &fz.table);
    unsigned rights = unmap ? 0 : random_rights();
    int error = unmap ? mm_table_unmap(&fz.table, va_of(s.page), bytes)
                      : mm_table_protect(&fz.table, va_of(s.page), bytes, rights);

    if (error) {
        CHECK(error == -ABI_ENOMEM);
        check_failed(error, before, generation);
        return;
    }
    CHECK(fz.table.generation == generation + model_change(s, rights));
    check_around(s);
}

/* Does as the hardware does at an access: sets accessed, and perhaps dirty, in a leaf. */
static void fuzz_access(void)
{
    uint64_t page = test_below(WINDOW_PAGES), first;
    bool dirty = test_below(2);
    unsigned level;
    uint64_t *leaf = raw_leaf(&fz.table, va_of(page), &level);

    if (!leaf)
        return;
    *leaf |= fz.facts->accessed | (dirty ? fz.facts->dirty : 0);
    first = page & ~((1ull << 9 * level) - 1);
    for (uint64_t i = first; i < first + (1ull << 9 * level); i++) {
        model[i].accessed = true;
        model[i].dirty |= dirty;
    }
}

/* Touches some pages one after another, as a guest does that runs through its memory. */
static void fuzz_touch(void)
{
    uint64_t page = test_below(WINDOW_PAGES - 40);
    unsigned rights = random_rights();

    for (uint64_t n = test_below(40); n > 0; n--, page++) {
        uint64_t hpa = test_below(1ull << 40) * PAGE_BYTES;
        int error = mm_table_map(&fz.table, va_of(page), HPA(hpa), PAGE_BYTES, rights);

        CHECK(error == 0 || (error == -ABI_EBUSY && model[page].rights) ||
              (error == -ABI_ENOMEM && !model[page].rights && account.quota != MM_NO_QUOTA));
        if (!error) {
            CHECK(!model[page].rights);
            model_map((struct span){page, 1}, hpa, rights);
        }
    }
}

static void fuzz_step(void)
{
    uint64_t kind = test_below(100);

    limit_quota();
    if (kind < 30)
        fuzz_map();
    else if (kind < 45)
        fuzz_map_owned();
    else if (kind < 60)
        fuzz_touch();
    else if (kind < 75)
        fuzz_change(true);
    else if (kind < 90)
        fuzz_change(false);
    else
        fuzz_access();
    CHECK(account.pages == fz.table.pages + fz.owned);
    check_pages();
}

static void fuzz_round(const struct facts *f)
{
    memset(model, 0, sizeof(model));
    fz = (struct fuzz){.facts = f};
    account.quota = MM_NO_QUOTA;
    CHECK(mm_table_init(&fz.table, f->format, &account, test_below(2)) == 0);
    if (test_below(4) == 0) {
        CHECK(mm_table_map(&fz.table, f->window, HPA(5 * GIB), GIB, RWX) == 0);
        model_map((struct span){0, GIB / PAGE_BYTES}, 5 * GIB, RWX);
    }
    for (unsigned step = 0; step < 300; step++)
        fuzz_step();
    census(f, &fz.table);
    check_window();
    if (test_below(2)) {
        account.quota = MM_NO_QUOTA;
        CHECK(mm_table_unmap(&fz.table, va_of(0), WINDOW_PAGES * PAGE_BYTES) == 0);
        CHECK(census(f, &fz.table).tables <= 3 && account.pages == fz.table.pages);
    }
    mm_table_destroy(&fz.table);
    check_all_returned();
}

static void test_fuzz(const struct facts *f, const char *name)
{
    unsigned rounds = test_rounds(16);

    machine((struct mm_range){MIB, 65 * MIB});
    for (unsigned round = 0; round < rounds; round++) {
        test_round(round);
        fuzz_round(f);
    }
    test_passed(name);
}

int main(void)
{
    test_fuzz(&facts[0], "table: EPT agrees with a flat model");
    test_fuzz(&facts[1], "table: NPT agrees with a flat model");
    test_fuzz(&facts[2], "table: host format agrees with a flat model");
    return test_done();
}
