/* sources: tests/lib_support.c */
#include <string.h>

#include "tests/drivers_x86.h"
#include "tests/lib_support.h"

#include "drivers/lapic.c"

static uint32_t page[1024];
static uint64_t msr[0x900];
static bool has_x2apic;

struct cpuid_result x86_cpuid(uint32_t leaf, uint32_t subleaf)
{
    CHECK(leaf == 1 && subleaf == 0);
    return (struct cpuid_result){.ecx = has_x2apic ? 1u << 21 : 0};
}

uint64_t x86_rdmsr(uint32_t number)
{
    CHECK(number == MSR_APIC_BASE || (number >= 0x800 && number < 0x900));
    return msr[number];
}

/* As on a CPU that, once its APIC is off, cannot have it on again. */
void x86_wrmsr(uint32_t number, uint64_t v)
{
    CHECK(number == MSR_APIC_BASE || (number >= 0x800 && number < 0x900));
    if (number == MSR_APIC_BASE)
        CHECK((v & msr[number]) == msr[number]);
    else
        CHECK(number != 0x831 && !(number == 0x80b && v));
    msr[number] = v;
}

static void start(uint64_t base, uint32_t last_vector)
{
    memset(page, 0, sizeof(page));
    memset(msr, 0, sizeof(msr));
    msr[MSR_APIC_BASE] = base;
    page[0x30 / 4] = 0x14 | last_vector << 16;
    msr[0x803] = page[0x30 / 4];
    page[0x20 / 4] = 3u << 24;
    msr[0x802] = 0x12345;
    lapic_init(page);
}

static void test_init(void)
{
    start(0xfee00900, 4);
    CHECK(lapic_physical() == 0xfee00000 && lapic_id() == 3);
    CHECK(page[0xf0 / 4] == 0x1ff && page[0x80 / 4] == 0 && page[0x3e0 / 4] == 0xb && page[0x380 / 4] == 0);
    CHECK(page[0x320 / 4] == 0xf0);
    CHECK(page[0x340 / 4] == 0x10000 && page[0x350 / 4] == 0x10000 && page[0x360 / 4] == 0x10000);
    CHECK(page[0x370 / 4] == 0x10000);
    CHECK(page[0x330 / 4] == 0 && page[0x2f0 / 4] == 0);
    start(0xfee00900, 6);
    CHECK(page[0x330 / 4] == 0x10000 && page[0x2f0 / 4] == 0x10000);
    start(0x1fee00100, 6);
    CHECK(msr[MSR_APIC_BASE] == 0x1fee00900 && lapic_physical() == 0x1fee00000);
    test_passed("xAPIC: on, all local vectors that there are masked but the timer's");
}

static void test_x2apic(void)
{
    uint32_t untouched[1024] = {0};

    has_x2apic = true;
    start(0xfee00900, 6);
    CHECK(msr[MSR_APIC_BASE] == 0xfee00d00 && lapic_id() == 0x12345);
    CHECK(msr[0x80f] == 0x1ff && msr[0x832] == 0xf0 && msr[0x835] == 0x10000 && msr[0x83e] == 0xb);
    CHECK(lapic_can_reach(254) && lapic_can_reach(255) && lapic_can_reach(0x10002));
    lapic_send_startup(0x10002, 9);
    CHECK(msr[0x830] == 0x1000200004609);
    lapic_timer_one_shot(77);
    CHECK(msr[0x838] == 77);
    untouched[0x30 / 4] = page[0x30 / 4];
    untouched[0x20 / 4] = page[0x20 / 4];
    CHECK(memcmp(page, untouched, sizeof(page)) == 0);
    has_x2apic = false;
    test_passed("x2APIC, where there is one: switched on without leaving xAPIC mode, all by MSRs, no MMIO");
}

static void test_messages(void)
{
    start(0xfee00900, 6);
    CHECK(lapic_can_reach(254) && !lapic_can_reach(255) && !lapic_can_reach(256));
    lapic_send_fixed(254, 0x55);
    CHECK(page[0x310 / 4] == 254u << 24 && page[0x300 / 4] == 0x4055);
    lapic_send_init(1);
    CHECK(page[0x310 / 4] == 1u << 24 && page[0x300 / 4] == 0x4500);
    lapic_send_startup(2, 8);
    CHECK(page[0x310 / 4] == 2u << 24 && page[0x300 / 4] == 0x4608);
    page[0xb0 / 4] = 1;
    lapic_eoi();
    CHECK(page[0xb0 / 4] == 0);
    lapic_timer_one_shot(1000);
    CHECK(page[0x380 / 4] == 1000);
    page[0x390 / 4] = 12;
    CHECK(lapic_timer_left() == 12);
    lapic_timer_stop();
    CHECK(page[0x380 / 4] == 0);
    test_passed("messages, end of interrupt and timer write what the manual says");
}

int main(void)
{
    test_init();
    test_x2apic();
    test_messages();
    return test_done();
}
