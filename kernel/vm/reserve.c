#include "kernel/vm/reserve.h"

#include "kernel/vm/vm.h"
#include "mm/buddy.h"
#include "mm/pool.h"

enum { PART_ORDER = 9, GIB_ORDER = 18, PARTS = 1 << (GIB_ORDER - PART_ORDER), GIBS = 64 };
#define PART_BYTES (PAGE_BYTES << PART_ORDER)

_Static_assert(GIB_ORDER <= (int)MM_ORDER_MAX, "the buddy has blocks of 1 GiB");

struct reserve {
    struct reserve *next;
    uint64_t gpa;              /* of its first part */
    hpa_t block;               /* taken in parts, each of its own */
    uint64_t left[PARTS / 64]; /* a bit for each part that was neither mapped nor given back */
    unsigned parts_left;
    hpa_t retired;             /* the table that the leaf of 1 GiB has replaced: a pCPU may still walk it; or HPA_NONE */
};

static struct mm_pool pool;

void reserve_init(void) { mm_pool_init(&pool, sizeof(struct reserve), _Alignof(struct reserve)); }

static hpa_t part_at(const struct reserve *r, unsigned part) { return HPA(r->block.value + part * PART_BYTES); }

/* Whether the part is still there; it is not any more then. */
static bool take(struct reserve *r, unsigned part)
{
    uint64_t bit = 1ull << part % 64;

    if (!(r->left[part / 64] & bit))
        return false;
    r->left[part / 64] &= ~bit;
    r->parts_left--;
    return true;
}

static void put_back(struct reserve *r, unsigned part)
{
    r->left[part / 64] |= 1ull << part % 64;
    r->parts_left++;
}

static struct reserve *find(const struct vm *vm, uint64_t gpa)
{
    struct reserve *r = vm->reserves;

    while (r && gpa - r->gpa >= GIB)
        r = r->next;
    return r;
}

/* A block of 1 GiB, in parts; not zeroed. */
static hpa_t alloc_block(struct mm_account *account)
{
    hpa_t block;

    if (!mm_account_charge(account, 1ull << GIB_ORDER))
        return HPA_NONE;
    block = mm_buddy_alloc(GIB_ORDER);
    if (hpa_is_none(block))
        mm_account_return(account, 1ull << GIB_ORDER);
    else
        mm_buddy_divide(block, GIB_ORDER, PART_ORDER);
    return block;
}

/* The reserve of a GiB that is touched for the first time, all of it guest memory; or NULL. There is one try. */
static struct reserve *make(struct vm *vm, uint64_t gpa)
{
    uint64_t number = gpa / GIB;
    struct reserve *r;

    if (vm->memory.leaf_level_max < 2 || number >= GIBS || vm->gibs_touched >> number & 1)
        return NULL;
    vm->gibs_touched |= 1ull << number;
    if (vm->memory_bytes < (number + 1) * GIB)
        return NULL;
    r = mm_pool_alloc(&pool);
    if (!r)
        return NULL;
    *r = (struct reserve){.next = vm->reserves, .gpa = number * GIB, .block = alloc_block(&vm->account), .retired = HPA_NONE};
    if (hpa_is_none(r->block)) {
        mm_pool_free(&pool, r);
        return NULL;
    }
    for (unsigned part = 0; part < PARTS; part++)
        put_back(r, part);
    vm->reserves = r;
    return r;
}

/* All parts have been handed out: makes one leaf of them, unless some went again or are mapped in smaller pieces. */
static void merge(struct vm *vm, struct reserve *r)
{
    if (mm_table_merge(&vm->memory, r->gpa, GIB, &r->retired))
        return;
    mm_buddy_join(r->block, PART_ORDER, GIB_ORDER);
    vm->mapped_1g++;
}

bool reserve_back(struct vm *vm, uint64_t gpa, hpa_t *frame)
{
    struct reserve *r = find(vm, gpa);
    unsigned part = gpa % GIB / PART_BYTES;
    uint64_t start = align_down(gpa, PART_BYTES);
    hpa_t block;

    if (!r)
        r = make(vm, gpa);
    if (!r || !take(r, part))
        return false;
    block = part_at(r, part);
    mm_page_zero(block, PART_ORDER);
    if (mm_table_map(&vm->memory, start, block, PART_BYTES, MM_READ | MM_WRITE | MM_EXECUTE | MM_OWNED)) {
        put_back(r, part);
        return false;
    }
    vm->mapped_2m++;
    *frame = HPA(block.value + (gpa - start));
    if (r->parts_left == 0)
        merge(vm, r);
    return true;
}

void reserve_drop(struct vm *vm, uint64_t gpa, uint64_t bytes)
{
    for (uint64_t at = align_up(gpa, PART_BYTES); at + PART_BYTES <= gpa + bytes; at += PART_BYTES) {
        struct reserve *r = find(vm, at);
        unsigned part = at % GIB / PART_BYTES;

        if (r && take(r, part))
            mm_page_free(&vm->account, part_at(r, part), PART_ORDER);
    }
}

void reserve_free_all(struct vm *vm)
{
    while (vm->reserves) {
        struct reserve *r = vm->reserves;

        vm->reserves = r->next;
        for (unsigned part = 0; part < PARTS; part++)
            if (take(r, part))
                mm_page_free(&vm->account, part_at(r, part), PART_ORDER);
        if (!hpa_is_none(r->retired))
            mm_page_free(&vm->account, r->retired, 0);
        mm_pool_free(&pool, r);
    }
}
