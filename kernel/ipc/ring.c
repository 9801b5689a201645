/* The memory of a ring: three blocks, mapped into two VMs that don't own them. */
#include "kernel/ipc/channel.h"
#include "kernel/vm/vm.h"
#include "mm/account.h"

static unsigned data_order(const struct ring *ring) { return (unsigned)__builtin_ctz(ring->pages); }

static void free_block(hpa_t block, unsigned order)
{
    if (!hpa_is_none(block))
        mm_page_free(&mm_kernel_account, block, order);
}

int ring_alloc(struct ring *ring, uint32_t pages)
{
    ring->pages = pages;
    ring->receiver = mm_page_alloc(&mm_kernel_account, 0);
    ring->sender = mm_page_alloc(&mm_kernel_account, 0);
    ring->data = mm_page_alloc(&mm_kernel_account, data_order(ring));
    if (!hpa_is_none(ring->receiver) && !hpa_is_none(ring->sender) && !hpa_is_none(ring->data))
        return 0;
    ring_free(ring);
    return -ABI_ENOMEM;
}

void ring_free(struct ring *ring)
{
    free_block(ring->receiver, 0);
    free_block(ring->sender, 0);
    free_block(ring->data, data_order(ring));
}

static uint64_t address(unsigned number, enum ring_page page)
{
    return RING_WINDOW + number * RING_STRIDE + page * PAGE_BYTES;
}

int ring_map(const struct ring *ring, struct vm *vm, unsigned number, enum queue_side side)
{
    unsigned own = MM_READ | MM_WRITE, other = MM_READ;
    unsigned sender = side == QUEUE_SENDER ? own : other, receiver = side == QUEUE_SENDER ? other : own;
    const struct {
        enum ring_page page;
        hpa_t hpa;
        uint64_t bytes;
        unsigned rights;
    } part[] = {
        {RING_PAGE_RECEIVER, ring->receiver, PAGE_BYTES, receiver},
        {RING_PAGE_SENDER, ring->sender, PAGE_BYTES, sender},
        {RING_PAGE_DATA, ring->data, ring->pages * PAGE_BYTES, sender},
    };
    int error = 0;

    for (unsigned i = 0; i < sizeof part / sizeof *part && !error; i++)
        error = mm_table_map(&vm->memory, address(number, part[i].page), part[i].hpa, part[i].bytes, part[i].rights);
    if (error)
        ring_unmap(ring, vm, number);
    return error;
}

void ring_unmap(const struct ring *ring, struct vm *vm, unsigned number)
{
    mm_table_unmap(&vm->memory, address(number, RING_PAGE_RECEIVER), (RING_PAGE_DATA + ring->pages) * PAGE_BYTES);
}
