#include "mm/pool.h"

#include "lib/string.h"
#include "mm/account.h"
#include "mm/bug.h"
#include "mm/direct.h"

enum { MAP_WORDS = PAGE_BYTES / MM_POOL_OBJECT_MIN / 64 };

/* The beginning of a slab; its objects follow in the same page. */
struct slab {
    struct list node;         /* in the pool's list of partial slabs, or in none when it is full */
    struct mm_pool *pool;
    uint32_t used;            /* objects */
    uint64_t free[MAP_WORDS]; /* bit i: object i is free */
};

_Static_assert(sizeof(struct slab) + MM_POOL_OBJECT_MAX <= PAGE_BYTES, "an object of the largest size fits in a slab");

void mm_pool_init(struct mm_pool *pool, size_t bytes, size_t align)
{
    size_t step, first;

    if (align == 0 || align > PAGE_BYTES / 2 || !is_aligned(align, align) || bytes > MM_POOL_OBJECT_MAX)
        mm_bug("an object pool can't have objects of this many bytes", bytes);
    step = align_up(bytes < MM_POOL_OBJECT_MIN ? MM_POOL_OBJECT_MIN : bytes, align);
    first = align_up(sizeof(struct slab), align);
    if (first + step > PAGE_BYTES)
        mm_bug("an object pool can't align objects of this many bytes", bytes);
    *pool = (struct mm_pool){.bytes = (uint32_t)step, .first = (uint32_t)first,
                             .per_slab = (uint32_t)((PAGE_BYTES - first) / step)};
    list_init(&pool->partial);
}

static struct slab *slab_create(struct mm_pool *pool)
{
    hpa_t page = mm_page_alloc(&mm_kernel_account, 0);
    struct slab *slab;

    if (hpa_is_none(page))
        return NULL;
    slab = mm_direct(page);
    slab->pool = pool;
    for (uint32_t i = 0; i < pool->per_slab; i++)
        slab->free[i / 64] |= 1ull << i % 64;
    list_push_back(&pool->partial, &slab->node);
    pool->slabs++;
    return slab;
}

static void slab_destroy(struct mm_pool *pool, struct slab *slab)
{
    list_remove(&slab->node);
    pool->slabs--;
    mm_page_free(&mm_kernel_account, mm_direct_hpa(slab), 0);
}

/* The number of a free object, which it marks as used; the slab has one. */
static uint32_t slab_take(struct slab *slab)
{
    uint32_t word = 0, bit;

    while (slab->free[word] == 0)
        word++;
    bit = (uint32_t)__builtin_ctzll(slab->free[word]);
    slab->free[word] &= slab->free[word] - 1;
    slab->used++;
    return word * 64 + bit;
}

void *mm_pool_alloc(struct mm_pool *pool)
{
    struct slab *slab;
    void *object = NULL;

    lock_take(&pool->lock);
    slab = list_is_empty(&pool->partial) ? slab_create(pool) : container_of(pool->partial.next, struct slab, node);
    if (slab) {
        object = (char *)slab + pool->first + slab_take(slab) * pool->bytes;
        if (slab->used == pool->per_slab)
            list_remove(&slab->node);
        pool->objects++;
    }
    lock_release(&pool->lock);
    return object ? memset(object, 0, pool->bytes) : NULL;
}

/* Marks the object as free. False when it is none of this pool's objects in use. */
static bool slab_give(struct mm_pool *pool, struct slab *slab, const void *object)
{
    uint64_t offset = (uint64_t)object % PAGE_BYTES - pool->first, i = offset / pool->bytes;

    if (slab->pool != pool || offset % pool->bytes || i >= pool->per_slab || slab->free[i / 64] & 1ull << i % 64)
        return false;
    slab->free[i / 64] |= 1ull << i % 64;
    slab->used--;
    return true;
}

void mm_pool_free(struct mm_pool *pool, void *object)
{
    struct slab *slab = (struct slab *)align_down((uint64_t)object, PAGE_BYTES);
    bool given;

    lock_take(&pool->lock);
    given = slab_give(pool, slab, object);
    if (given) {
        pool->objects--;
        if (slab->used == 0)
            slab_destroy(pool, slab);
        else if (slab->used == pool->per_slab - 1)
            list_push_back(&pool->partial, &slab->node);
    }
    lock_release(&pool->lock);
    if (!given)
        mm_bug("an object was freed that is not in use in its pool, at", (uint64_t)object);
}
