#include "guests/lib/lab/page.h"

#include <stdbool.h>
#include <string.h>

#include "guests/lib/feature/outcome.h"
#include "guests/lib/lab/insn.h"

enum { ENTRIES = 512, TABLE = PAGE_PRESENT | PAGE_WRITE | PAGE_USER, LEVEL_BITS = 9, PAGE_SHIFT = 12 };

#define WINDOW       0x40000000ull
#define ADDRESS_MASK 0x000ffffffffff000ull

static uint64_t directory[ENTRIES] __attribute__((aligned(PAGE_BYTES)));
static uint64_t table[ENTRIES] __attribute__((aligned(PAGE_BYTES)));
static char scratch[PAGE_SCRATCH][PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static uint32_t scratch_used;
static bool touched = true;

void page_flush(void) { insn_write_cr3(insn_read_cr3()); }

static uint64_t *table_at(uint64_t entry) { return (uint64_t *)(entry & ADDRESS_MASK); }

static uint64_t *root(void) { return table_at(insn_read_cr3()); }

/* Tables as crt0.asm makes them, and the window. */
void page_reset(void)
{
    uint64_t *pml4 = root(), *pdpt, *identity;

    scratch_used = 0;
    if (!touched)
        return;
    touched = false;
    pml4[0] |= TABLE;
    pdpt = table_at(pml4[0]);
    pdpt[0] |= TABLE;
    identity = table_at(pdpt[0]);
    for (uint64_t i = 0; i < ENTRIES; i++)
        identity[i] = i * PAGE_LARGE_BYTES | TABLE | PAGE_LARGE;
    memset(directory, 0, sizeof directory);
    memset(table, 0, sizeof table);
    directory[0] = (uint64_t)table | TABLE;
    pdpt[1] = (uint64_t)directory | TABLE;
    page_flush();
}

static void check_slot(unsigned slot, unsigned slots)
{
    touched = true;
    if (slot >= slots)
        outcome_end(VERDICT_ERROR, 0, 0, "there is no page slot %u", slot);
}

void *page_map(unsigned slot, uint64_t gpa, uint64_t flags)
{
    void *linear = (void *)(WINDOW + (uint64_t)slot * PAGE_BYTES);

    check_slot(slot, PAGE_SLOTS);
    table[slot] = gpa | flags;
    insn_invlpg(linear);
    return linear;
}

void *page_map_large(unsigned slot, uint64_t gpa, uint64_t flags)
{
    void *linear = (void *)(WINDOW + (uint64_t)(slot + 1) * PAGE_LARGE_BYTES);

    check_slot(slot, PAGE_LARGE_SLOTS);
    directory[slot + 1] = gpa | flags | PAGE_LARGE;
    insn_invlpg(linear);
    return linear;
}

uint64_t *page_entry(const void *linear, unsigned level)
{
    uint64_t *at = root();

    touched = true;
    for (unsigned here = 4;; here--) {
        uint64_t *entry = &at[(uint64_t)linear >> (PAGE_SHIFT + LEVEL_BITS * (here - 1)) & (ENTRIES - 1)];

        if (here == level)
            return entry;
        if (here == 1 || !(*entry & PAGE_PRESENT) || (here < 4 && *entry & PAGE_LARGE))
            return 0;
        at = table_at(*entry);
    }
}

void *page_scratch(unsigned n)
{
    if (n >= PAGE_SCRATCH)
        outcome_end(VERDICT_ERROR, 0, 0, "there is no scratch page %u", n);
    if (!(scratch_used >> n & 1))
        memset(scratch[n], 0, sizeof scratch[n]);
    scratch_used |= 1u << n;
    return scratch[n];
}
