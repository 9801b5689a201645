#include "kernel/vm/item.h"

#include <stddef.h>

#include "config/abi.h"
#include "kernel/lock.h"
#include "kernel/vm/vcpu.h"
#include "lib/string.h"

/* Items of one kind, one behind the other in a struct vcpu. Functions get an item's number within the row. */
struct item_row {
    uint16_t first, count;
    uint16_t at, bytes; /* place of the first, and size of each */
    uint16_t owner;     /* not 0: place of context.owns_debug or owns_msrs, which another value than it had sets */
    uint64_t reserved;  /* bits that are 0 */
    bool (*is_legal)(unsigned i, uint64_t value);
    uint64_t (*read)(struct vcpu *vcpu); /* where it is not what stands there */
    int (*write)(struct vcpu *vcpu, unsigned i, uint64_t value);
};

/* In the order of enum context_msr, as the items are. */
static bool is_legal_msr(unsigned i, uint64_t value) { return context_msr_is_legal((enum context_msr)i, value); }

/* Vectors below 32 are no external interrupts here. */
static bool is_legal_pending(unsigned i, uint64_t value) { return i > 0 || (uint32_t)value == 0; }

/* FXRSTOR loads any value of the rest. */
static bool is_legal_fpu(unsigned i, uint64_t value)
{
    enum { WORD_MXCSR = 3 };

    return i != WORD_MXCSR || context_mxcsr_is_legal((uint32_t)value);
}

static int write_never(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    (void)vcpu, (void)i, (void)value;
    return -ABI_EACCES;
}

/* A deadline that never comes stays one, whatever the guest's TSC is. */
static uint64_t read_deadline(struct vcpu *vcpu)
{
    uint64_t deadline;

    kernel_lock_enter();
    if (!timer_is_armed(&vcpu->timer))
        return 0;
    deadline = vcpu->timer.node.key;
    return deadline == UINT64_MAX ? deadline : deadline + vcpu->tsc_offset;
}

static int write_deadline(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    (void)i;
    if (value && vcpu->timer_vector < 32)
        return -ABI_EINVAL;
    vcpu_timer_set(vcpu, value, vcpu->timer_vector);
    return 0;
}

/* Others may pend at the same time. */
static int write_pending(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    vcpu->pending[i] |= value;
    return 0;
}

#define AT(member, size)  .at = offsetof(struct vcpu, member), .bytes = (size)
#define OWNER(member)     .owner = offsetof(struct vcpu, guest_context.member)

static const struct item_row rows[] = {
    {ITEM_CR2, 1, AT(guest_context.cr2, 8)},
    {ITEM_DR0, 4, AT(guest_context.dr, 8), OWNER(owns_debug)},
    {ITEM_DR6, 1, AT(guest_context.dr6, 8), OWNER(owns_debug), .reserved = ~0ull << 32},
    {ITEM_STAR, CONTEXT_MSRS, AT(guest_context.msr, 8), OWNER(owns_msrs), .is_legal = is_legal_msr},
    {ITEM_ACTIVITY, 1, AT(halted, 1), .reserved = ~1ull},
    {ITEM_EVENT, 1, AT(reinject, 8), .write = write_never},
    {ITEM_TIMER_VECTOR, 1, AT(timer_vector, 1), .reserved = ~0xffull},
    {ITEM_TIMER_DEADLINE, 1, .read = read_deadline, .write = write_deadline},
    {ITEM_PENDING, 4, AT(pending, 8), .is_legal = is_legal_pending, .write = write_pending},
    {ITEM_FPU, 64, AT(guest_context.fpu, 8), .is_legal = is_legal_fpu},
};

/* Finds the item, and sees to it that its value is in memory. */
static const struct item_row *find(struct vcpu *vcpu, uint64_t item)
{
    const struct item_row *row = rows;

    while (item - row->first >= row->count)
        if (++row == rows + sizeof rows / sizeof *rows)
            return NULL;
    context_unload(&vcpu->guest_context);
    return row;
}

static uint8_t *place(struct vcpu *vcpu, const struct item_row *row, unsigned i)
{
    return (uint8_t *)vcpu + row->at + i * row->bytes;
}

int item_read(struct vcpu *vcpu, uint64_t item, uint64_t *value)
{
    const struct item_row *row = find(vcpu, item);

    if (!row)
        return -ABI_EINVAL;
    *value = 0;
    if (row->read)
        *value = row->read(vcpu);
    else
        memcpy(value, place(vcpu, row, (unsigned)item - row->first), row->bytes);
    return 0;
}

int item_write(struct vcpu *vcpu, uint64_t item, uint64_t value)
{
    const struct item_row *row = find(vcpu, item);
    unsigned i = (unsigned)item - (row ? row->first : 0);
    uint8_t *at;

    if (!row || value & row->reserved || (row->is_legal && !row->is_legal(i, value)))
        return -ABI_EINVAL;
    vcpu->attention |= ATTENTION_EVENT; /* it may be one, or HLT */
    if (row->write)
        return row->write(vcpu, i, value);
    at = place(vcpu, row, i);
    if (row->owner && memcmp(at, &value, row->bytes) != 0)
        vcpu->guest_context.eager = *((bool *)vcpu + row->owner) = true;
    memcpy(at, &value, row->bytes);
    return 0;
}
