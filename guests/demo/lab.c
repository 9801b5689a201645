/* guest: newlib64 */
/* The lab by hand, without the test library: each call once, on both back ends. */
#include <stdio.h>
#include <string.h>

#include "config/lab.h"
#include "guests/lib/common/cpu.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"

static struct lab_observation seen;

enum { VMX_CPUID = 10, VMX_TRIPLE_FAULT = 2, SVM_CPUID = 0x72, SVM_SHUTDOWN = 0x7f };

static void test_cpuid(void)
{
    volatile long again = hypercall(HC_LAB_OBSERVE, (unsigned long)&seen, LAB_RETURN, 0);

    if (again == 0) {
        cpu_id(0, 0);
        hypercall(HC_LAB_OBSERVE, 0, 0, 0);
    }
    test_result(again == 1 && seen.exits == 1 && seen.exit[0].reason == (hypercall_is_svm ? SVM_CPUID : VMX_CPUID),
                "CPUID is observed: %ld, %lu exits, reason 0x%lx, length %u", (long)again, (unsigned long)seen.exits,
                (unsigned long)seen.exit[0].reason, seen.exit[0].instruction_length);
}

static void test_skip(void)
{
    hypercall(HC_LAB_OBSERVE, (unsigned long)&seen, LAB_SKIP, 0);
    cpu_id(0, 0);
    cpu_id(0, 0);
    cpu_id(0, 0);
    hypercall(HC_LAB_OBSERVE, 0, 0, 0);
    test_result(seen.exits == 3, "three CPUID instructions are skipped: %lu exits", (unsigned long)seen.exits);
}

static void test_triple_fault(void)
{
    static const struct __attribute__((packed)) { uint16_t limit; uint64_t base; } none = {0, 0};
    volatile long again = hypercall(HC_LAB_OBSERVE, (unsigned long)&seen, LAB_RETURN, 0);

    if (again == 0) {
        __asm__ volatile("lidt %0; ud2" : : "m"(none));
        hypercall(HC_LAB_OBSERVE, 0, 0, 0);
    }
    test_result(again == 1 && seen.exit[0].reason == (hypercall_is_svm ? SVM_SHUTDOWN : VMX_TRIPLE_FAULT),
                "a triple fault is observed, and survived: reason 0x%lx", (unsigned long)seen.exit[0].reason);
}

static void test_guard(void)
{
    volatile long why = hypercall(HC_LAB_GUARD, (unsigned long)&seen, 20000000, 0);

    if (why == 0) {
        cpu_interrupts_off();
        for (;;)
            __asm__ volatile("");
    }
    test_result(why == LAB_GUARD_TIME, "a loop ends by the guard's time: %ld", (long)why);
    why = hypercall(HC_LAB_GUARD, (unsigned long)&seen, 0, 100);
    if (why == 0)
        for (;;)
            __asm__ volatile("in $0x40, %%al" : : : "eax");
    test_result(why == LAB_GUARD_EXITS, "a loop of exits ends by the guard's count: %ld", (long)why);
    why = hypercall(HC_LAB_GUARD, (unsigned long)&seen, 0, 0);
    if (why == 0)
        *(volatile char *)0x3fffffff = 1;
    test_result(why == LAB_GUARD_DEATH, "an access to nowhere ends by the guard: %ld, reason 0x%lx", (long)why,
                (unsigned long)seen.exit[0].reason);
}

static long set(uint64_t what, uint64_t value, struct lab_refusal *refusal)
{
    struct lab_pair pair = {what, value};

    return hypercall(HC_LAB_MACHINE, (unsigned long)&pair, 1, (unsigned long)refusal);
}

static uint64_t get(uint64_t what)
{
    struct lab_pair pair = {what, 0};

    return hypercall(HC_LAB_RESULTS, (unsigned long)&pair, 1, 0) ? 0xdeadbeef : pair.value;
}

static void test_machine(void)
{
    struct lab_refusal refusal = {0};
    const uint64_t primary = 0x4002, rdtsc = 1 << 12, io = 1 << 24;
    uint64_t old;
    long refused;
    volatile long again;

    if (hypercall_is_svm)
        return;
    hypercall(HC_LAB_RESET, 0, 0, 0);
    old = get(primary);
    refused = set(primary, old & ~io, &refusal);
    test_result(refused == -ABI_EACCES && (refusal.bits & io), "refused: bits 0x%lx: %s",
                (unsigned long)refusal.bits, refusal.why);
    test_result(set(primary, old | rdtsc, NULL) == 0, "RDTSC exiting can be set: 0x%lx", (unsigned long)get(primary));
    again = hypercall(HC_LAB_OBSERVE, (unsigned long)&seen, LAB_RETURN, 0);
    if (again == 0) {
        cpu_read_tsc();
        hypercall(HC_LAB_OBSERVE, 0, 0, 0);
    }
    test_result(again == 1 && seen.exit[0].reason == 16, "RDTSC exits: reason %lu", (unsigned long)seen.exit[0].reason);
    hypercall(HC_LAB_RESET, 0, 0, 0);
}

static void test_nested(void)
{
    static char page[4096] __attribute__((aligned(4096)));
    uint64_t what = LAB_WHAT(LAB_NESTED, (uintptr_t)page | 1), entry;
    volatile long again;

    page[0] = 1;
    hypercall(HC_LAB_RESET, 0, 0, 0);
    entry = get(what);
    test_result(set(what, entry & ~7ull, NULL) == 0, "a nested entry can be set, was 0x%lx", (unsigned long)entry);
    again = hypercall(HC_LAB_OBSERVE, (unsigned long)&seen, LAB_RETURN, 0);
    if (again == 0) {
        page[1] = 1;
        hypercall(HC_LAB_OBSERVE, 0, 0, 0);
    }
    test_result(again == 1 && seen.exit[0].physical == (uintptr_t)page + 1, "the page is not there: reason 0x%lx, gpa 0x%lx, qualification 0x%lx",
                (unsigned long)seen.exit[0].reason, (unsigned long)seen.exit[0].physical, (unsigned long)seen.exit[0].qualification);
    hypercall(HC_LAB_RESET, 0, 0, 0);
    test_result(page[0] == 1 && page[1] == 0, "and there again");
}

int main(void)
{
    hypercall(HC_TEST_BEGIN, (unsigned long)"lab", 3, 0);
    test_cpuid();
    test_skip();
    test_triple_fault();
    test_guard();
    test_machine();
    test_nested();
    return test_status();
}
