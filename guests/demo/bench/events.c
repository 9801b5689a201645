/* The events, each a loop whose turns are like those of empty(), which are subtracted. */
#include <stddef.h>

#include "guests/demo/bench/bench.h"
#include "guests/demo/bench/counters.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/x64/memory.h"
#include "guests/lib/x64/timer.h"

enum { PAGE = 4096, POOL_PAGES = 1536, VECTOR = 0x40, PORT_UNCLAIMED = 0x5000 };

uint64_t events_empty(unsigned n) { return TICKS(n, ); }

/* ---- Exits that are answered at once ---------------------------------------------------------------------- */

static uint64_t cpuid(unsigned n) { return TICKS(n, cpu_id(0, 0)); }

/* One loop for each instruction, so that there is nothing to decide in them. */
#define HYPERCALLS(n, number, a, b)                                                                             \
    (is_svm ? TICKS(n, __asm__ volatile("vmmcall" : "=a"(result) : "a"(number), "b"(a), "c"(b) : "memory"))     \
            : TICKS(n, __asm__ volatile("vmcall" : "=a"(result) : "a"(number), "b"(a), "c"(b) : "memory")))

static bool is_svm;
static long result;

/* Its number is all that it wants, and its answer is 0. */
static uint64_t hypercall_null(unsigned n)
{
    uint64_t rax = HC_NULL;

    return is_svm ? TICKS(n, __asm__ volatile("vmmcall" : "+a"(rax))) : TICKS(n, __asm__ volatile("vmcall" : "+a"(rax)));
}

static uint64_t hypercall_monitor(unsigned n) { return HYPERCALLS(n, HC_MEMORY, 0, 0); }

/* Byte to a port that no device claims: the way to the monitor and back, and hardly anything there. */
static uint64_t out_monitor(unsigned n)
{
    return TICKS(n, __asm__ volatile("outb %b0, %w1" : : "a"(0), "d"(PORT_UNCLAIMED)));
}

/* ---- First touch ------------------------------------------------------------------------------------------ */

static uint8_t *pool; /* pages that nobody has touched yet */

static uint8_t *take_pages(unsigned n)
{
    uint8_t *pages = pool;

    pool += n * PAGE;
    return pages;
}

static uint64_t touch(volatile uint8_t *page, unsigned n) { return TICKS(n, (*page = 1, page += PAGE)); }

static uint64_t fault_fresh(unsigned n) { return touch(take_pages(n), n); }

/* The monitor has touched the page before, by writing the guest's arguments there. */
static uint64_t fault_present(unsigned n)
{
    uint8_t *pages = take_pages(n);

    for (unsigned i = 0; i < n; i++)
        hypercall(HC_ARGS, (uint64_t)pages + i * PAGE, PAGE, 0);
    return touch(pages, n);
}

/* ---- Interrupts ------------------------------------------------------------------------------------------- */

static volatile uint64_t woken_at;

static void woken(struct interrupt_frame *frame)
{
    (void)frame;
    woken_at = cpu_read_tsc();
}

/* A timer whose deadline has passed: the hypercall that arms it, and the interrupt that is there behind it. */
static uint64_t interrupt(unsigned n)
{
    uint64_t ticks;

    cpu_interrupts_on();
    ticks = HYPERCALLS(n, HC_TIMER, 1, VECTOR);
    cpu_interrupts_off();
    return ticks;
}

/* What the guest itself does for an interrupt. */
static uint64_t interrupt_by_itself(unsigned n) { return TICKS(n, __asm__ volatile("int %0" : : "i"(VECTOR))); }

/* From the deadline of a sleeping guest to the first line of its handler. */
static uint64_t halt_wake(unsigned n)
{
    const uint64_t nap = 100000;
    uint64_t ticks = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t deadline = cpu_read_tsc() + nap;

        woken_at = 0;
        timer_arm(deadline, VECTOR);
        while (woken_at == 0)
            cpu_wait_interrupt();
        ticks += woken_at - deadline;
    }
    return ticks;
}

/* ---- What the kernel counts ------------------------------------------------------------------------------- */

/* How much a counter rises while there are n CPUIDs. */
static uint64_t count(unsigned n, unsigned long counter)
{
    uint64_t before = (uint64_t)hypercall(counter, 0, 0, 0);

    cpuid(n);
    return (uint64_t)hypercall(counter, 0, 0, 0) - before;
}

static uint64_t vmreads(unsigned n) { return count(n, HC_BENCH_VMREADS); }
static uint64_t vmreads_without(unsigned n) { return (void)n, count(0, HC_BENCH_VMREADS); }
static uint64_t vmwrites(unsigned n) { return count(n, HC_BENCH_VMWRITES); }
static uint64_t vmwrites_without(unsigned n) { return (void)n, count(0, HC_BENCH_VMWRITES); }

/* ---- All of them ------------------------------------------------------------------------------------------ */

static const struct event alone[] = {
    {"cpuid", 100, cpuid, events_empty, false},
    {"hypercall", 100, hypercall_null, events_empty, false},
    {"hypercall-monitor", 100, hypercall_monitor, events_empty, false},
    {"out-monitor", 100, out_monitor, events_empty, false},
    {"fault-present", 32, fault_present, events_empty, false},
    {"fault-fresh", 64, fault_fresh, events_empty, false},
    {"interrupt", 100, interrupt, interrupt_by_itself, false},
    {"halt-wake", 10, halt_wake, NULL, false},
};

static const struct event counted[] = {
    {"vmread-per-cpuid", 100, vmreads, vmreads_without, false},
    {"vmwrite-per-cpuid", 100, vmwrites, vmwrites_without, false},
};

static void prepare(void)
{
    const uint64_t page = PAGE;

    is_svm = cpu_id(CPUID_NESTOR_INFO, 0).eax == BACKEND_SVM;
    interrupt_set_handler(VECTOR, woken);
    pool = (uint8_t *)(((uint64_t)sbrk(0) + page - 1) & ~(page - 1));
    sbrk(POOL_PAGES * PAGE);
}

const struct role role_alone = {"alone", alone, sizeof alone / sizeof *alone, prepare, NULL, {NULL}, NULL};
const struct role role_counted = {"counted", counted, sizeof counted / sizeof *counted, prepare, NULL, {NULL}, NULL};
