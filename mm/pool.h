/* Pools of objects of one size each, cut out of single pages (slabs). For objects that are well below a page. */
#ifndef MM_POOL_H
#define MM_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "lib/lock.h"

enum {
    MM_POOL_OBJECT_MIN = 16,   /* smaller objects take this many bytes */
    MM_POOL_OBJECT_MAX = 3968, /* bytes; what is larger takes pages of its own */
};

/*
 * A pool is shared by all VMs, so its slabs are charged to the kernel's account, by the page, and objects are not
 * charged to anybody: a VM can't make the kernel take more objects than config/limits.h lets it have.
 */
struct mm_pool {
    struct lock lock;
    struct list partial; /* slabs with a free object and a used one */
    uint32_t bytes;      /* of an object, with padding up to the next one */
    uint32_t first;      /* offset of the first object in its slab */
    uint32_t per_slab;   /* objects */
    uint64_t objects;    /* in use */
    uint64_t slabs;      /* pages that the pool holds; an empty slab goes back at once */
};

/* An empty pool. `align` is a power of two. A size above MM_POOL_OBJECT_MAX, or one that does not fit behind its
 * alignment, is a bug. */
void mm_pool_init(struct mm_pool *pool, size_t bytes, size_t align);

/* A zeroed object, or NULL when the machine has no page left. */
void *mm_pool_alloc(struct mm_pool *pool);

/* Gives an object back to the pool that it came from. What is no object in use of this pool is a bug. */
void mm_pool_free(struct mm_pool *pool, void *object);

#endif
