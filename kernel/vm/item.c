#include "kernel/vm/item.h"

#include "config/abi.h"
#include "kernel/lock.h"
#include "kernel/vm/vcpu.h"
#include "lib/string.h"

/* Rows are groups of items; `i` is the number within the group. */
struct item_row {
    unsigned first, count;
    uint64_t (*read)(struct vcpu *vcpu, unsigned i);
    int (*write)(struct vcpu *vcpu, unsigned i, uint64_t value);
};

static uint64_t read_cr2(struct vcpu *vcpu, unsigned i)
{
    (void)i;
    return vcpu->guest_context.cr2;
}

static int write_cr2(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    (void)i;
    vcpu->guest_context.cr2 = value;
    return 0;
}

static uint64_t read_dr(struct vcpu *vcpu, unsigned i) { return vcpu->guest_context.dr[i]; }

/* A guest that has never used its debug registers need not own them, and does not for want of another value. */
static int write_debug(struct context *context, uint64_t *dr, uint64_t value)
{
    if (*dr != value)
        context->eager = context->owns_debug = true;
    *dr = value;
    return 0;
}

static int write_dr(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    return write_debug(&vcpu->guest_context, &vcpu->guest_context.dr[i], value);
}

static uint64_t read_dr6(struct vcpu *vcpu, unsigned i)
{
    (void)i;
    return vcpu->guest_context.dr6;
}

static int write_dr6(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    (void)i;
    if (value >> 32)
        return -ABI_EINVAL;
    return write_debug(&vcpu->guest_context, &vcpu->guest_context.dr6, value);
}

/* In the order of enum context_msr, as the items are. */
static uint64_t read_msr(struct vcpu *vcpu, unsigned i)
{
    return context_msr_read(&vcpu->guest_context, (enum context_msr)i);
}

static int write_msr(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    if (!context_msr_is_legal((enum context_msr)i, value))
        return -ABI_EINVAL;
    if (context_msr_read(&vcpu->guest_context, (enum context_msr)i) != value)
        context_msr_write(&vcpu->guest_context, (enum context_msr)i, value);
    return 0;
}

static uint64_t read_activity(struct vcpu *vcpu, unsigned i)
{
    (void)i;
    return vcpu->halted;
}

static int write_activity(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    (void)i;
    if (value > 1)
        return -ABI_EINVAL;
    vcpu->halted = value;
    return 0;
}

static uint64_t read_event(struct vcpu *vcpu, unsigned i)
{
    (void)i;
    return vcpu->reinject;
}

static int refuse(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    (void)vcpu, (void)i, (void)value;
    return -ABI_EACCES;
}

static uint64_t read_timer_vector(struct vcpu *vcpu, unsigned i)
{
    (void)i;
    return vcpu->timer_vector;
}

static int write_timer_vector(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    (void)i;
    if (value > 255)
        return -ABI_EINVAL;
    vcpu->timer_vector = (uint8_t)value;
    return 0;
}

/* A deadline that never comes stays one, whatever the guest's TSC is. */
static uint64_t read_timer_deadline(struct vcpu *vcpu, unsigned i)
{
    uint64_t deadline;

    (void)i;
    kernel_lock_enter();
    if (!timer_is_armed(&vcpu->timer))
        return 0;
    deadline = vcpu->timer.node.key;
    return deadline == UINT64_MAX ? deadline : deadline + vcpu->tsc_offset;
}

static int write_timer_deadline(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    (void)i;
    if (value && vcpu->timer_vector < 32)
        return -ABI_EINVAL;
    kernel_lock_enter();
    vcpu_timer_set(vcpu, value, vcpu->timer_vector);
    return 0;
}

static uint64_t read_pending(struct vcpu *vcpu, unsigned i) { return vcpu->pending[i]; }

/* Vectors below 32 are no external interrupts here. */
static int write_pending(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    if (i == 0 && (uint32_t)value)
        return -ABI_EINVAL;
    kernel_lock_enter();
    vcpu->pending[i] |= value;
    if (value)
        vcpu->attention |= ATTENTION_EVENT;
    return 0;
}

static uint64_t read_fpu(struct vcpu *vcpu, unsigned i)
{
    uint64_t value;

    memcpy(&value, &vcpu->guest_context.fpu[i * sizeof value], sizeof value);
    return value;
}

/* FXRSTOR loads any value of the rest. */
static int write_fpu(struct vcpu *vcpu, unsigned i, uint64_t value)
{
    enum { WORD_MXCSR = 3 };

    if (i == WORD_MXCSR && !context_mxcsr_is_legal((uint32_t)value))
        return -ABI_EINVAL;
    memcpy(&vcpu->guest_context.fpu[i * sizeof value], &value, sizeof value);
    return 0;
}

static const struct item_row rows[] = {
    {ITEM_CR2, 1, read_cr2, write_cr2},
    {ITEM_DR0, 4, read_dr, write_dr},
    {ITEM_DR6, 1, read_dr6, write_dr6},
    {ITEM_STAR, CONTEXT_MSRS, read_msr, write_msr},
    {ITEM_ACTIVITY, 1, read_activity, write_activity},
    {ITEM_EVENT, 1, read_event, refuse},
    {ITEM_TIMER_VECTOR, 1, read_timer_vector, write_timer_vector},
    {ITEM_TIMER_DEADLINE, 1, read_timer_deadline, write_timer_deadline},
    {ITEM_PENDING, 4, read_pending, write_pending},
    {ITEM_FPU, 64, read_fpu, write_fpu},
};

static const struct item_row *find(uint64_t item)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        if (item - rows[i].first < rows[i].count)
            return &rows[i];
    return NULL;
}

int item_read(struct vcpu *vcpu, uint64_t item, uint64_t *value)
{
    const struct item_row *row = find(item);

    if (!row)
        return -ABI_EINVAL;
    context_unload(&vcpu->guest_context);
    *value = row->read(vcpu, (unsigned)(item - row->first));
    return 0;
}

int item_write(struct vcpu *vcpu, uint64_t item, uint64_t value)
{
    const struct item_row *row = find(item);

    if (!row)
        return -ABI_EINVAL;
    context_unload(&vcpu->guest_context);
    return row->write(vcpu, (unsigned)(item - row->first), value);
}
