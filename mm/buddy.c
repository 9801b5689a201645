#include "mm/buddy.h"

#include "lib/list.h"
#include "lib/lock.h"
#include "lib/string.h"
#include "mm/bug.h"
#include "mm/direct.h"
#include "mm/frames.h"

enum { RUN_ORDER = 5 };

/* What the allocator knows of a frame, in one byte: the order of the block that begins there and one of these ... */
enum {
    FRAME_FREE = 0x20,
    FRAME_TAKEN = 0x40,
    /* ... or that no block begins there: */
    FRAME_INSIDE = 0x80, /* of a block that begins before */
    FRAME_ABSENT = 0x81, /* not the allocator's */
};

static struct {
    struct lock lock;
    struct mm_frames frames;
    struct list free[MM_ORDERS]; /* threaded through the first bytes of the free blocks */
    uint64_t n_free[MM_ORDERS];  /* lengths of these lists */
    uint32_t orders;             /* bit n: free[n] is not empty */
    uint64_t free_pages, total_pages;
    struct {
        uint64_t frame; /* the next of them */
        uint8_t *state; /* its state; that of those behind it is FRAME_INSIDE */
        unsigned left;  /* how many there are */
    } run;              /* consecutive free pages on no list, to be handed out singly */
} buddy;

static struct list *block_node(uint64_t frame) { return mm_direct(HPA(frame << PAGE_SHIFT)); }

static uint64_t node_frame(const struct list *node) { return mm_direct_hpa(node).value >> PAGE_SHIFT; }

static uint8_t *frame_state(uint64_t frame) { return mm_frames_at(&buddy.frames, frame); }

static bool frame_is(uint64_t frame, unsigned state)
{
    const uint8_t *s = frame_state(frame);

    return s && *s == state;
}

static void list_block(uint64_t frame, unsigned order)
{
    *frame_state(frame) = (uint8_t)(FRAME_FREE | order);
    list_push_front(&buddy.free[order], block_node(frame));
    buddy.n_free[order]++;
    buddy.orders |= 1u << order;
}

/* Takes a free block off its list; the caller writes its new state. */
static void unlist_block(uint64_t frame, unsigned order)
{
    list_remove(block_node(frame));
    buddy.n_free[order]--;
    if (list_is_empty(&buddy.free[order]))
        buddy.orders &= ~(1u << order);
}

/* Lists a block that is on no list and in nobody's hands, as one with all of its free buddies. */
static void give_block(uint64_t frame, unsigned order)
{
    while (order < MM_ORDER_MAX && frame_is(frame ^ 1ull << order, FRAME_FREE | order)) {
        uint64_t other = frame ^ 1ull << order;

        unlist_block(other, order);
        *frame_state(frame | other) = FRAME_INSIDE;
        frame &= other;
        order++;
    }
    list_block(frame, order);
}

/* Takes the free block `frame`, of order `have`, off its list, but lists again all except its first 2^want pages. */
static void cut_block(uint64_t frame, unsigned have, unsigned want)
{
    unlist_block(frame, have);
    while (have > want) {
        have--;
        list_block(frame | 1ull << have, have);
    }
}

static hpa_t take_block(uint64_t frame, unsigned have, unsigned want)
{
    cut_block(frame, have, want);
    *frame_state(frame) = (uint8_t)(FRAME_TAKEN | want);
    buddy.free_pages -= 1ull << want;
    return HPA(frame << PAGE_SHIFT);
}

/* Takes a block from the smallest listed one that is sufficient. */
static hpa_t take_smallest(unsigned order)
{
    uint32_t orders = buddy.orders >> order;
    unsigned have;

    if (orders == 0)
        return HPA_NONE;
    have = order + (unsigned)__builtin_ctz(orders);
    return take_block(node_frame(buddy.free[have].next), have, order);
}

/*
 * Single pages are what is asked for nearly always, mostly many in turn: guests touching their memory. So the block
 * that has to be split for one does not go back on the lists in halves, which the next page would take off again, but
 * becomes the run. Whoever is interested in larger blocks, or in the lists, first ends the run.
 */
static bool begin_run(void)
{
    unsigned have, order;

    if (buddy.orders == 0)
        return false;
    have = (unsigned)__builtin_ctz(buddy.orders);
    order = have < RUN_ORDER ? have : RUN_ORDER;
    buddy.run.frame = node_frame(buddy.free[have].next);
    buddy.run.state = frame_state(buddy.run.frame);
    buddy.run.left = 1u << order;
    cut_block(buddy.run.frame, have, order);
    return true;
}

/* Lists what is left of the run. */
static void end_run(void)
{
    for (; buddy.run.left > 0; buddy.run.left--)
        give_block(buddy.run.frame++, 0);
}

static inline hpa_t take_page_of_run(void)
{
    *buddy.run.state++ = FRAME_TAKEN;
    buddy.run.left--;
    buddy.free_pages--;
    return HPA(buddy.run.frame++ << PAGE_SHIFT);
}

/* Single pages that are free come before the run, so that this is as long as it can be. */
static __attribute__((noinline)) hpa_t take_page(void)
{
    if (buddy.orders & 1)
        return take_smallest(0);
    return buddy.run.left > 0 || begin_run() ? take_page_of_run() : HPA_NONE;
}

/* Whether all frames [frame, end) were usable at the start and are not the allocator's yet. */
static bool range_is_absent(uint64_t frame, uint64_t end)
{
    while (frame < end && frame_is(frame, FRAME_ABSENT))
        frame++;
    return frame == end;
}

/* The order of the largest block that may begin at `frame` and ends at or before `end`. */
static unsigned order_fitting(uint64_t frame, uint64_t end)
{
    unsigned order = 63 - (unsigned)__builtin_clzll(end - frame);
    unsigned alignment = frame ? (unsigned)__builtin_ctzll(frame) : MM_ORDER_MAX;

    if (order > alignment)
        order = alignment;
    return order < MM_ORDER_MAX ? order : MM_ORDER_MAX;
}

/* Hands absent pages to the allocator, addresses start to end; none when end <= start. */
static void give_range(uint64_t start, uint64_t end)
{
    uint64_t frame = start >> PAGE_SHIFT;

    while (frame < end >> PAGE_SHIFT) {
        unsigned order = order_fitting(frame, end >> PAGE_SHIFT);

        memset(frame_state(frame), FRAME_INSIDE, 1ull << order);
        give_block(frame, order);
        buddy.free_pages += 1ull << order;
        buddy.total_pages += 1ull << order;
        frame += 1ull << order;
    }
}

void mm_buddy_init(const struct mm_range *usable, unsigned n_usable, const struct mm_range *reserved,
                   unsigned n_reserved)
{
    struct mm_ranges map = {usable, reserved, n_usable, n_reserved};
    struct mm_range tables, gap;

    memset(&buddy, 0, sizeof(buddy));
    for (unsigned i = 0; i < MM_ORDERS; i++)
        list_init(&buddy.free[i]);
    tables = mm_frames_init(&buddy.frames, &map, FRAME_ABSENT);
    if (tables.start == tables.end)
        return;
    for (uint64_t a = tables.start; a < tables.end; a += PAGE_BYTES)
        *frame_state(a >> PAGE_SHIFT) = FRAME_INSIDE;
    for (uint64_t from = 0; mm_ranges_next_free(&map, from, &gap); from = gap.end) {
        give_range(gap.start, gap.end < tables.start ? gap.end : tables.start);
        give_range(gap.start > tables.end ? gap.start : tables.end, gap.end);
    }
}

void mm_buddy_add(struct mm_range range)
{
    struct mm_range pages = mm_range_pages_inside(range);
    uint64_t frame = pages.start >> PAGE_SHIFT, end = pages.end >> PAGE_SHIFT;
    bool absent;

    if (frame >= end)
        return;
    lock_take(&buddy.lock);
    absent = range_is_absent(frame, end);
    if (absent)
        give_range(pages.start, pages.end);
    lock_release(&buddy.lock);
    if (!absent)
        mm_bug("memory added that the buddy allocator has already, or that is not usable, at", range.start);
}

hpa_t mm_buddy_alloc(unsigned order)
{
    hpa_t block;

    if (order > MM_ORDER_MAX)
        return HPA_NONE;
    lock_take(&buddy.lock);
    if (order > 0)
        end_run();
    block = order == 0 ? take_page() : take_smallest(order);
    lock_release(&buddy.lock);
    return block;
}

hpa_t mm_buddy_alloc_page(void)
{
    hpa_t page;

    lock_take(&buddy.lock);
    page = buddy.run.left > 0 && !(buddy.orders & 1) ? take_page_of_run() : take_page();
    lock_release(&buddy.lock);
    return page;
}

/* Whether `block` is the beginning of a block of this order that is taken. */
static bool block_is_taken(hpa_t block, unsigned order)
{
    return order <= MM_ORDER_MAX && is_aligned(block.value, PAGE_BYTES) &&
           frame_is(block.value >> PAGE_SHIFT, FRAME_TAKEN | order);
}

void mm_buddy_free(hpa_t block, unsigned order)
{
    bool taken;

    lock_take(&buddy.lock);
    taken = block_is_taken(block, order);
    if (order > 0)
        end_run(); /* it may be all that is missing of a still larger one: pages that live long are not to come from it */
    if (taken) {
        *frame_state(block.value >> PAGE_SHIFT) = FRAME_INSIDE;
        give_block(block.value >> PAGE_SHIFT, order);
        buddy.free_pages += 1ull << order;
    }
    lock_release(&buddy.lock);
    if (!taken)
        mm_bug("a block was freed that is not taken with this order, at", block.value);
}

void mm_buddy_divide(hpa_t block, unsigned from, unsigned to)
{
    uint64_t frame = block.value >> PAGE_SHIFT;
    bool taken;

    lock_take(&buddy.lock);
    taken = to <= from && block_is_taken(block, from);
    for (uint64_t i = 0; taken && i < 1ull << from; i += 1ull << to)
        *frame_state(frame + i) = (uint8_t)(FRAME_TAKEN | to);
    lock_release(&buddy.lock);
    if (!taken)
        mm_bug("a block was divided that is not taken with this order, at", block.value);
}

void mm_buddy_join(hpa_t block, unsigned from, unsigned to)
{
    uint64_t frame = block.value >> PAGE_SHIFT;
    bool taken;

    lock_take(&buddy.lock);
    taken = from <= to && to <= MM_ORDER_MAX && is_aligned(block.value, PAGE_BYTES << to);
    for (uint64_t i = 0; taken && i < 1ull << to; i += 1ull << from)
        taken = frame_is(frame + i, FRAME_TAKEN | from);
    for (uint64_t i = 0; taken && i < 1ull << to; i += 1ull << from)
        *frame_state(frame + i) = i ? FRAME_INSIDE : (uint8_t)(FRAME_TAKEN | to);
    lock_release(&buddy.lock);
    if (!taken)
        mm_bug("blocks were joined that are not all taken with this order, at", block.value);
}

uint64_t mm_buddy_free_pages(void) { return __atomic_load_n(&buddy.free_pages, __ATOMIC_RELAXED); }

uint64_t mm_buddy_total_pages(void) { return __atomic_load_n(&buddy.total_pages, __ATOMIC_RELAXED); }

uint64_t mm_buddy_free_blocks(unsigned order)
{
    uint64_t n;

    if (order > MM_ORDER_MAX)
        return 0;
    lock_take(&buddy.lock);
    end_run();
    n = buddy.n_free[order];
    lock_release(&buddy.lock);
    return n;
}
