#include "drivers/clock.h"

#include <stdbool.h>
#include <stddef.h>

#include "drivers/acpi.h"
#include "drivers/lapic.h"
#include "drivers/pit.h"
#include "lib/hypervisor.h"
#include "lib/x86.h"

#define US_HZ 1000000ull

/* ACPI Specification, "Power Management Timer". Some have more bits than that. */
#define PM_TIMER_HZ   3579545ull
#define PM_TIMER_MASK 0xffffffu

/* A counter of known rate; `read` counts up and wraps at mask. */
struct reference {
    uint64_t hz;
    uint32_t mask;
    uint32_t (*read)(void);
};

/* All three counters, just after the reference has moved. */
struct stamp {
    uint64_t tsc;
    uint32_t lapic_left, count;
};

static struct clock_rates rates;
static uint16_t pm_timer_port;

/*
 * How often the reference is read before it counts as dead: reads are 1 us apart on hardware, and some 10 ns where an
 * emulator runs an instruction a nanosecond; the slower reference moves every 838 ns.
 */
enum { WAIT_READS = 10000 };

/* Two rates are the same when they differ by less than this part. */
enum { PRECISION = 2000 };

static uint32_t read_pit(void) { return 0u - pit_read(); }

static uint32_t read_pm_timer(void) { return x86_inl(pm_timer_port); }

static bool take_stamp(const struct reference *reference, struct stamp *out)
{
    uint32_t before = reference->read() & reference->mask;

    for (unsigned i = 0; i < WAIT_READS; i++) {
        out->count = reference->read() & reference->mask;
        out->tsc = x86_rdtsc();
        out->lapic_left = lapic_timer_left();
        if (out->count != before)
            return true;
    }
    return false;
}

/* Measures both rates over so many microseconds; false: the reference does not count. */
static bool measure(const struct reference *reference, uint64_t us, struct clock_rates *out)
{
    uint64_t ticks = clock_convert(us, US_HZ, reference->hz), passed = 0;
    struct stamp start, end;

    if (!take_stamp(reference, &start))
        return false;
    while (passed < ticks) {
        if (!take_stamp(reference, &end))
            return false;
        passed = (end.count - start.count) & reference->mask;
    }
    out->tsc_hz = clock_convert(end.tsc - start.tsc, passed, reference->hz);
    out->lapic_hz = clock_convert(start.lapic_left - end.lapic_left, passed, reference->hz);
    return true;
}

static bool is_close(uint64_t a, uint64_t b)
{
    uint64_t difference = a > b ? a - b : b - a;

    return difference <= a / PRECISION;
}

/* Measures twice, for longer and longer, until the two agree. */
static bool calibrate(const struct reference *reference, struct clock_rates *out)
{
    static const uint32_t windows_us[] = {1000, 4000, 16000, 40000};
    struct clock_rates first;

    for (size_t i = 0; i < sizeof(windows_us) / sizeof(windows_us[0]); i++) {
        if (!measure(reference, windows_us[i], &first) || !measure(reference, windows_us[i], out))
            return false;
        if (is_close(first.tsc_hz, out->tsc_hz) && is_close(first.lapic_hz, out->lapic_hz))
            break;
    }
    return true;
}

/* What CPUID tells of the rates; 0: nothing. */
static struct clock_rates ask_cpuid(void)
{
    enum { CRYSTAL = 0x15, FREQUENCY = 0x16, HYPERVISOR_FREQUENCY = HYPERVISOR_LEAF + 0x10 };
    uint32_t highest = x86_cpuid(0, 0).eax;
    struct clock_rates found = {0, 0};
    struct cpuid_result r;

    if (hypervisor_is_present() && x86_cpuid(HYPERVISOR_LEAF, 0).eax >= HYPERVISOR_FREQUENCY) {
        r = x86_cpuid(HYPERVISOR_FREQUENCY, 0);
        found = (struct clock_rates){r.eax * 1000ull, r.ebx * 1000ull};
    }
    if (found.tsc_hz == 0 && highest >= CRYSTAL) {
        r = x86_cpuid(CRYSTAL, 0);
        if (r.eax && r.ebx && r.ecx)
            found = (struct clock_rates){clock_convert(r.ecx, r.eax, r.ebx), r.ecx};
    }
    if (found.tsc_hz == 0 && highest >= FREQUENCY)
        found.tsc_hz = (x86_cpuid(FREQUENCY, 0).eax & 0xffff) * 1000000ull;
    return found;
}

/* The LAPIC timer's rate, over 10 ms of a TSC of known rate. */
static uint64_t measure_lapic(uint64_t tsc_hz)
{
    uint64_t start = x86_rdtsc(), now = start;
    uint32_t left = lapic_timer_left();

    while (now - start < tsc_hz / 100)
        now = x86_rdtsc();
    return clock_convert(left - lapic_timer_left(), now - start, tsc_hz);
}

/* The next multiple of 10 MHz, when that is nearer than what a measurement can tell. */
static uint64_t round_rate(uint64_t hz)
{
    uint64_t step = 10000000, rounded = (hz + step / 2) / step * step;

    return is_close(hz, rounded) ? rounded : hz;
}

static struct clock_rates find_rates(void)
{
    static const struct reference pit = {PIT_HZ, 0xffff, read_pit};
    static const struct reference pm_timer = {PM_TIMER_HZ, PM_TIMER_MASK, read_pm_timer};
    struct clock_rates found;
    bool counts;

    pit_start();
    counts = calibrate(&pit, &found);
    pit_stop();
    if (counts)
        return found;
    found = ask_cpuid();
    pm_timer_port = acpi_pm_timer_port();
    if (found.tsc_hz == 0 && !(pm_timer_port && calibrate(&pm_timer, &found)))
        return (struct clock_rates){0, 0};
    if (found.lapic_hz == 0)
        found.lapic_hz = measure_lapic(found.tsc_hz);
    return found;
}

struct clock_rates clock_calibrate(void)
{
    lapic_timer_one_shot(UINT32_MAX);
    rates = find_rates();
    lapic_timer_stop();
    rates.tsc_hz = round_rate(rates.tsc_hz);
    rates.lapic_hz = round_rate(rates.lapic_hz);
    return rates;
}

uint64_t clock_convert(uint64_t value, uint64_t from_hz, uint64_t to_hz)
{
    unsigned __int128 product = (unsigned __int128)value * to_hz;
    uint64_t high = (uint64_t)(product >> 64), quotient, remainder;

    if (high >= from_hz)
        return UINT64_MAX;
    /* Written out because the compiler would call a library for a 128-bit division, which this is not: it fits. */
    __asm__("divq %4" : "=a"(quotient), "=d"(remainder) : "a"((uint64_t)product), "d"(high), "r"(from_hz) : "cc");
    return quotient;
}

uint64_t clock_ticks_from_us(uint64_t us) { return clock_convert(us, US_HZ, rates.tsc_hz); }

uint32_t clock_lapic_from_ticks(uint64_t ticks)
{
    uint64_t count = clock_convert(ticks, rates.tsc_hz, rates.lapic_hz);

    return count < UINT32_MAX ? (uint32_t)count + 1 : UINT32_MAX;
}
