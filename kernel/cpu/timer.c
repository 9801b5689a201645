#include "kernel/cpu/timer.h"

#include "drivers/clock.h"
#include "drivers/lapic.h"
#include "kernel/cpu/pcpu.h"
#include "kernel/vm/vcpu.h"
#include "lib/x86.h"

static struct clock_rates rates;

bool timer_calibrate(void)
{
    rates = clock_calibrate();
    return rates.tsc_hz && rates.lapic_hz;
}

uint64_t timer_tsc_hz(void) { return rates.tsc_hz; }

bool timer_is_armed(const struct timer *timer) { return heap_node_is_queued(&timer->node); }

/* Its pCPU may wake up for it all the same, and then finds nothing to do. */
void timer_disarm(struct timer *timer)
{
    if (timer_is_armed(timer))
        heap_remove(&timer->pcpu->timers, &timer->node);
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
    struct pcpu *pcpu = pcpu_this();

    timer_disarm(timer);
    timer->pcpu = pcpu;
    timer->node.key = deadline;
    heap_insert(&pcpu->timers, &timer->node);
    if (deadline < pcpu->tick_deadline)
        timer_set_hardware();
}

/* A slice that is over counts no more: a deadline in the past would fire again before the way out of the kernel has
 * come to thread_return. A timer that is set for an earlier time stays as it is, and is set anew when it has fired: so a
 * switch to another thread seldom costs an access to the LAPIC. */
void timer_set_hardware(void)
{
    struct pcpu *pcpu = pcpu_this();
    struct heap_node *first = heap_first(&pcpu->timers);
    uint64_t deadline = pcpu->resched ? UINT64_MAX : sched_slice_end(&pcpu->queue), now = x86_rdtsc();

    if (first && first->key < deadline)
        deadline = first->key;
    pcpu->tick_deadline = deadline;
    if (pcpu->current && pcpu->current->vcpu)
        pcpu->current->vcpu->attention |= ATTENTION_SLICE;
    if (pcpu->lapic_deadline <= deadline && pcpu->lapic_deadline > now)
        return;
    pcpu->lapic_deadline = deadline;
    if (deadline == UINT64_MAX)
        lapic_timer_stop();
    else
        lapic_timer_one_shot(clock_lapic_from_ticks(deadline > now ? deadline - now : 0));
}

void timer_interrupt(void)
{
    pcpu_this()->lapic_deadline = 0;
    timer_tick();
}

void timer_tick(void)
{
    struct pcpu *pcpu = pcpu_this();
    struct heap_node *first;

    while ((first = heap_first(&pcpu->timers)) && first->key <= x86_rdtsc()) {
        struct timer *timer = container_of(first, struct timer, node);

        heap_remove(&pcpu->timers, first);
        timer->expire(timer);
    }
    if (sched_slice_over(&pcpu->queue, x86_rdtsc()))
        pcpu->resched = true;
    timer_set_hardware();
}
