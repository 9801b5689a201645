/* sources: tests/lib_support.c */
#include <string.h>

#include "tests/drivers_x86.h"
#include "tests/lib_support.h"

#include "drivers/clock.c"
#include "drivers/pit.c"

/* ---- A machine whose time goes on with each access to a port or a counter ------------------------------------ */

struct machine {
    uint64_t access_ps; /* what an access costs */
    uint64_t tsc_hz, lapic_hz;
    bool has_pit, has_pm_timer;
    unsigned noise; /* one access out of so many takes 3 to 100 us, 0: none */
    bool is_hypervisor;
    struct cpuid_result leaf0, leaf15, leaf16, leaf40, leaf40_10;
};

static struct machine machine;
static uint64_t now_ps, pit_start_ps, lapic_start_ps, accesses;
static uint32_t lapic_initial;
static uint16_t pit_latch;
static bool pit_low_is_next, pit_gate;

static void machine_start(struct machine m)
{
    machine = m;
    now_ps = 123456789;
    accesses = 0;
    pit_gate = false;
}

static uint64_t scale(uint64_t ps, uint64_t hz) { return (uint64_t)((unsigned __int128)ps * hz / 1000000000000ull); }

static void pass_time(void)
{
    accesses++;
    now_ps += machine.access_ps;
    if (machine.noise && test_below(machine.noise) == 0)
        now_ps += 3000000 + test_below(97000000);
}

void x86_outb(uint16_t port, uint8_t v)
{
    pass_time();
    if (port == PIT_GATE) {
        if (!pit_gate && (v & GATE_CHANNEL2))
            pit_start_ps = now_ps;
        CHECK((v & ~GATE_CHANNEL2) == 0x0c);
        pit_gate = v & GATE_CHANNEL2;
    } else if (port == PIT_COMMAND && v == COMMAND_CHANNEL2_LATCH) {
        pit_latch = (uint16_t)(0 - scale(now_ps - pit_start_ps, 1193182));
        pit_low_is_next = true;
    }
}

uint8_t x86_inb(uint16_t port)
{
    uint8_t v = 0xff;

    pass_time();
    if (machine.has_pit && port == PIT_CHANNEL2) {
        v = (uint8_t)(pit_low_is_next ? pit_latch : pit_latch >> 8);
        pit_low_is_next = !pit_low_is_next;
    }
    return v;
}

uint32_t x86_inl(uint16_t port)
{
    CHECK(port == 0x608);
    pass_time();
    return (uint32_t)scale(now_ps, 3579545) | 0xff000000;
}

uint64_t x86_rdtsc(void)
{
    now_ps += machine.access_ps / 100;
    return scale(now_ps, machine.tsc_hz);
}

struct cpuid_result x86_cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    switch (leaf) {
    case 0:
        return machine.leaf0;
    case 1:
        return (struct cpuid_result){.ecx = machine.is_hypervisor ? 1u << 31 : 0};
    case 0x15:
        return machine.leaf15;
    case 0x16:
        return machine.leaf16;
    case 0x40000000:
        return machine.leaf40;
    case 0x40000010:
        return machine.leaf40_10;
    default:
        CHECK(!"a leaf that there is");
        return machine.leaf0;
    }
}

uint16_t acpi_pm_timer_port(void) { return machine.has_pm_timer ? 0x608 : 0; }

void lapic_timer_one_shot(uint32_t count)
{
    lapic_initial = count;
    lapic_start_ps = now_ps;
}

void lapic_timer_stop(void) { lapic_initial = 0; }

uint32_t lapic_timer_left(void)
{
    uint64_t passed = scale(now_ps - lapic_start_ps, machine.lapic_hz);

    now_ps += machine.access_ps / 100;
    return passed < lapic_initial ? (uint32_t)(lapic_initial - passed) : 0;
}

/* ---- Tests --------------------------------------------------------------------------------------------------- */

/* Within one part in so many. */
static bool is_near(uint64_t got, uint64_t expected, uint64_t parts)
{
    return got <= expected + expected / parts && got >= expected - expected / parts;
}

static void check_calibration(const struct machine *m)
{
    struct clock_rates found;

    machine_start(*m);
    found = clock_calibrate();
    CHECK(is_near(found.tsc_hz, machine.tsc_hz, machine.noise ? 500 : 1000));
    CHECK(is_near(found.lapic_hz, machine.lapic_hz, machine.noise ? 500 : 1000));
    CHECK(now_ps < 150000000000ull);
    CHECK(lapic_initial == 0 && !pit_gate);
    if (machine.tsc_hz % 10000000 == 0 && !machine.noise)
        CHECK(found.tsc_hz == machine.tsc_hz);
}

static void test_pit(void)
{
    static const struct machine machines[] = {
        {.access_ps = 10000, .tsc_hz = 1000000000, .lapic_hz = 1000000000, .has_pit = true},
        {.access_ps = 20000, .tsc_hz = 50000000, .lapic_hz = 50000000, .has_pit = true},
        {.access_ps = 1200000, .tsc_hz = 2893437000, .lapic_hz = 99770000, .has_pit = true},
        {.access_ps = 1200000, .tsc_hz = 3600000000, .lapic_hz = 25000000, .has_pit = true, .noise = 10000},
        {.access_ps = 3000000, .tsc_hz = 5700000000, .lapic_hz = 1000000000, .has_pit = true, .noise = 1000},
    };

    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        for (uint64_t round = 0; round < (machines[i].noise ? 300 : 1); round++) {
            test_seed(round);
            check_calibration(&machines[i]);
        }
    }
    test_passed("rates by the PIT, within 0.1 %, or 0.2 % where accesses stall; even ones exactly");
}

static void test_no_pit(void)
{
    struct machine m = {.access_ps = 1000000, .tsc_hz = 2400000000, .lapic_hz = 24000000};
    struct clock_rates found;

    machine_start(m);
    found = clock_calibrate();
    CHECK(found.tsc_hz == 0 && found.lapic_hz == 0);
    CHECK(accesses < 100000);

    m.leaf0.eax = 0x16;
    m.leaf15 = (struct cpuid_result){2, 200, 24000000, 0};
    m.leaf16 = (struct cpuid_result){2000, 2000, 100, 0};
    machine_start(m);
    found = clock_calibrate();
    CHECK(found.tsc_hz == 2400000000 && is_near(found.lapic_hz, 24000000, 2000));

    m.leaf15.ecx = 0;
    m.leaf16.eax = 2400;
    machine_start(m);
    found = clock_calibrate();
    CHECK(found.tsc_hz == 2400000000 && is_near(found.lapic_hz, 24000000, 2000));

    m.leaf0.eax = 0x14;
    m.is_hypervisor = true;
    m.leaf40.eax = 0x40000010;
    m.leaf40_10 = (struct cpuid_result){2400000, 24000, 0, 0};
    machine_start(m);
    found = clock_calibrate();
    CHECK(found.tsc_hz == 2400000000 && is_near(found.lapic_hz, 24000000, 2000));

    m.leaf40.eax = 0x40000001;
    m.has_pm_timer = true;
    machine_start(m);
    found = clock_calibrate();
    CHECK(is_near(found.tsc_hz, 2400000000, 1000) && is_near(found.lapic_hz, 24000000, 1000));
    test_passed("without a PIT: CPUID 15H, 16H, 40000010H, the PM timer, or 0, in bounded time");
}

static void test_convert(void)
{
    for (unsigned round = 0; round < 100000; round++) {
        uint64_t value, from, to;
        unsigned __int128 exact;

        test_seed(round);
        value = test_random() >> test_below(64);
        from = test_random() >> test_below(64);
        to = test_random() >> test_below(64);
        if (from == 0)
            continue;
        exact = (unsigned __int128)value * to / from;
        CHECK(clock_convert(value, from, to) == (exact > UINT64_MAX ? UINT64_MAX : (uint64_t)exact));
    }
    CHECK(clock_convert(5, 0, 7) == UINT64_MAX && clock_convert(0, 0, 0) == UINT64_MAX);
    CHECK(clock_convert(UINT64_MAX, UINT64_MAX, UINT64_MAX) == UINT64_MAX);
    CHECK(clock_convert(UINT64_MAX, 3, 3) == UINT64_MAX && clock_convert(UINT64_MAX, 3, 2) == UINT64_MAX / 3 * 2);
    test_passed("clock_convert against 128-bit arithmetic");
}

static void test_units(void)
{
    machine_start((struct machine){.access_ps = 1000000, .tsc_hz = 2500000000, .lapic_hz = 50000000, .has_pit = true});
    clock_calibrate();
    CHECK(clock_ticks_from_us(1) == 2500 && clock_ticks_from_us(0) == 0);
    CHECK(clock_ticks_from_us(3600ull * 24 * 365 * 100 * 1000000) == 3600ull * 24 * 365 * 100 * 2500000000);
    CHECK(clock_ticks_from_us(UINT64_MAX / 2500) == UINT64_MAX / 2500 * 2500);
    CHECK(clock_ticks_from_us(UINT64_MAX / 2000) == UINT64_MAX);
    CHECK(clock_lapic_from_ticks(0) == 1 && clock_lapic_from_ticks(49) == 1 && clock_lapic_from_ticks(50) == 2);
    CHECK(clock_lapic_from_ticks(UINT64_MAX) == UINT32_MAX);
    CHECK(clock_lapic_from_ticks(50ull * (UINT32_MAX - 1)) == UINT32_MAX);
    CHECK(clock_lapic_from_ticks(50ull * (UINT32_MAX - 1) - 1) == UINT32_MAX - 1);
    test_passed("ticks, microseconds, nanoseconds and counts of the LAPIC timer, without overflow");
}

int main(void)
{
    test_pit();
    test_no_pit();
    test_convert();
    test_units();
    return test_done();
}
