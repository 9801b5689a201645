#include "drivers/lapic.h"

#include <stddef.h>

#include "lib/x86.h"

/* Registers, by their offset in the page; in x2APIC mode the MSR is 800H + offset / 16. */
enum {
    APIC_ID = 0x20,
    APIC_VERSION = 0x30,
    APIC_TPR = 0x80,
    APIC_EOI = 0xb0,
    APIC_SVR = 0xf0,
    APIC_ESR = 0x280,
    APIC_LVT_CMCI = 0x2f0,
    APIC_ICR = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_THERMAL = 0x330,
    APIC_LVT_PERFORMANCE = 0x340,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_INITIAL_COUNT = 0x380,
    APIC_CURRENT_COUNT = 0x390,
    APIC_DIVIDE = 0x3e0,
};

enum {
    X2APIC_MSRS = 0x800,
    SVR_ENABLE = 1 << 8,
    LVT_MASKED = 1 << 16,
    DIVIDE_BY_1 = 0xb,
    ICR_FIXED = 0 << 8,
    ICR_INIT = 5 << 8,
    ICR_STARTUP = 6 << 8,
    ICR_PENDING = 1 << 12,
    ICR_ASSERT = 1 << 14,
    XAPIC_EVERYBODY = 0xff,
};

#define CPUID_X2APIC      (1u << 21)
#define APIC_BASE_X2APIC  (1ull << 10)
#define APIC_BASE_ENABLE  (1ull << 11)
#define APIC_BASE_ADDRESS 0x000ffffffffff000ull

/* How often ICR is read before an interprocessor interrupt counts as sent. */
enum { WAIT_READS = 1000000 };

static volatile uint32_t *registers; /* NULL: x2APIC mode */

static uint32_t apic_read(unsigned offset)
{
    return registers ? registers[offset / 4] : (uint32_t)x86_rdmsr(X2APIC_MSRS + offset / 16);
}

static void apic_write(unsigned offset, uint32_t v)
{
    if (registers)
        registers[offset / 4] = v;
    else
        x86_wrmsr(X2APIC_MSRS + offset / 16, v);
}

uint64_t lapic_physical(void) { return x86_rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS; }

/* The local vectors that this APIC has, by the number of the last one (Intel SDM, "Local APIC Version Register"). */
static void mask_local_vectors(void)
{
    static const struct {
        uint8_t last;
        uint16_t offset;
    } vectors[] = {
        {0, APIC_LVT_TIMER},       {1, APIC_LVT_LINT0},   {2, APIC_LVT_LINT1}, {3, APIC_LVT_ERROR},
        {4, APIC_LVT_PERFORMANCE}, {5, APIC_LVT_THERMAL}, {6, APIC_LVT_CMCI},
    };
    unsigned last = apic_read(APIC_VERSION) >> 16 & 0xff;

    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        if (vectors[i].last <= last)
            apic_write(vectors[i].offset, LVT_MASKED);
}

static volatile uint32_t *mapped;

void lapic_init_pcpu(void)
{
    uint64_t apic_base = x86_rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    /* Neither bit is ever cleared here: leaving a mode needs a way through "disabled", and not each CPU comes back. */
    if (x86_cpuid(1, 0).ecx & CPUID_X2APIC)
        apic_base |= APIC_BASE_X2APIC;
    if (apic_base != x86_rdmsr(MSR_APIC_BASE))
        x86_wrmsr(MSR_APIC_BASE, apic_base);
    registers = apic_base & APIC_BASE_X2APIC ? NULL : mapped;

    apic_write(APIC_SVR, SVR_ENABLE | LAPIC_SPURIOUS_VECTOR);
    mask_local_vectors();
    apic_write(APIC_TPR, 0);
    apic_write(APIC_ESR, 0);
    lapic_timer_stop();
    apic_write(APIC_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, LAPIC_TIMER_VECTOR);
}

void lapic_init(volatile void *mmio)
{
    mapped = mmio;
    lapic_init_pcpu();
}

uint32_t lapic_id(void) { return registers ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID); }

void lapic_eoi(void) { apic_write(APIC_EOI, 0); }

void lapic_timer_one_shot(uint32_t count) { apic_write(APIC_INITIAL_COUNT, count); }

void lapic_timer_stop(void) { apic_write(APIC_INITIAL_COUNT, 0); }

uint32_t lapic_timer_left(void) { return apic_read(APIC_CURRENT_COUNT); }

bool lapic_can_reach(uint32_t id) { return !registers || id < XAPIC_EVERYBODY; }

static void send(uint32_t id, uint32_t message)
{
    if (!registers) {
        /* Unlike a write to MMIO, this one may overtake the stores that the target is to see. */
        __asm__ volatile("mfence; lfence" : : : "memory");
        x86_wrmsr(X2APIC_MSRS + APIC_ICR / 16, (uint64_t)id << 32 | message);
        return;
    }
    apic_write(APIC_ICR_HIGH, id << 24);
    apic_write(APIC_ICR, message);
    for (unsigned i = 0; i < WAIT_READS && (apic_read(APIC_ICR) & ICR_PENDING); i++)
        __builtin_ia32_pause();
}

void lapic_send_fixed(uint32_t id, uint8_t vector) { send(id, ICR_ASSERT | ICR_FIXED | vector); }

void lapic_send_init(uint32_t id) { send(id, ICR_ASSERT | ICR_INIT); }

void lapic_send_startup(uint32_t id, uint8_t page) { send(id, ICR_ASSERT | ICR_STARTUP | page); }
