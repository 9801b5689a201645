/* Control registers and debug registers. */
#include "guests/demo/canary/canary.h"
#include "guests/lib/common/cpu.h"

#define READ(name)                                                                                                     \
    ({                                                                                                                 \
        uint64_t value_;                                                                                               \
        __asm__ volatile("mov %%" name ", %0" : "=r"(value_));                                                         \
        value_;                                                                                                        \
    })
#define WRITE(name, value) __asm__ volatile("mov %0, %%" name : : "r"((uint64_t)(value)) : "memory")

/* ---- Control registers ---- */

/* Bits that may change under a running program: MP, WP, AM; PWT, PCD; and those of CR4 that go with a CPUID.1:EDX bit. */
#define CR0_PLAY (1ull << 1 | 1ull << 16 | 1ull << 18)
#define CR3_PLAY (1ull << 3 | 1ull << 4)
#define CR4_PCE  (1ull << 8)

static const struct {
    uint8_t cpuid_bit;
    uint16_t cr4;
} cr4_features[] = {{1, 1 << 0 /* VME */}, {4, 1 << 2 /* TSD */}, {2, 1 << 3 /* DE */},
                    {3, 1 << 4 /* PSE */}, {7, 1 << 6 /* MCE */}, {13, 1 << 7 /* PGE */}};

static uint64_t cr0, cr2, cr3, cr4, cr8, cr4_play;

static void setup_control(void)
{
    uint32_t features = cpu_id(1, 0).edx;

    cr4_play = CR4_PCE;
    for (unsigned i = 0; i < sizeof cr4_features / sizeof cr4_features[0]; i++)
        if (features >> cr4_features[i].cpuid_bit & 1)
            cr4_play |= cr4_features[i].cr4;
}

static void plant_control(void)
{
    cr0 = READ("cr0") ^ (canary_random() & CR0_PLAY);
    cr2 = canary_random();
    cr3 = READ("cr3") ^ (canary_random() & CR3_PLAY);
    cr4 = READ("cr4") ^ (canary_random() & cr4_play);
    cr8 = canary_random() & 15;
    WRITE("cr0", cr0);
    WRITE("cr2", cr2);
    WRITE("cr3", cr3);
    WRITE("cr4", cr4);
    WRITE("cr8", cr8);
}

static void check_control(void)
{
    canary_expect("CR0", cr0, READ("cr0"));
    canary_expect("CR2", cr2, READ("cr2"));
    canary_expect("CR3", cr3, READ("cr3"));
    canary_expect("CR4", cr4, READ("cr4"));
    canary_expect("CR8", cr8, READ("cr8"));
}

struct kind kind_control = {"CR0, CR2, CR3, CR4, CR8", setup_control, plant_control, check_control, 0};

/* ---- Debug registers, with no breakpoint enabled ---- */

#define DR6_FIXED 0xffff0ff0ull
#define DR6_PLAY  0xe00full
#define DR7_FIXED 0x400ull
#define DR7_PLAY  0x300ull /* LE, GE */

static uint64_t dr[4], dr6, dr7;

/* For each breakpoint one of the conditions and lengths that exist: write or access; 1, 2 or 4 bytes. */
static uint64_t make_dr7(void)
{
    uint64_t value = DR7_FIXED | (canary_random() & DR7_PLAY);

    for (unsigned i = 0; i < 4; i++) {
        static const uint8_t lengths[] = {0, 1, 3};
        uint64_t condition = 1 | (canary_random() & 2), length = lengths[canary_random() % sizeof lengths];

        value |= (condition | length << 2) << (16 + 4 * i);
    }
    return value;
}

static void plant_debug(void)
{
    for (unsigned i = 0; i < 4; i++)
        dr[i] = canary_random() >> 17; /* a linear address */
    dr6 = DR6_FIXED | (canary_random() & DR6_PLAY);
    dr7 = make_dr7();
    WRITE("dr0", dr[0]);
    WRITE("dr1", dr[1]);
    WRITE("dr2", dr[2]);
    WRITE("dr3", dr[3]);
    WRITE("dr6", dr6);
    WRITE("dr7", dr7);
}

static void check_debug(void)
{
    canary_expect("DR0", dr[0], READ("dr0"));
    canary_expect("DR1", dr[1], READ("dr1"));
    canary_expect("DR2", dr[2], READ("dr2"));
    canary_expect("DR3", dr[3], READ("dr3"));
    canary_expect("DR6", dr6, READ("dr6"));
    canary_expect("DR7", dr7, READ("dr7"));
}

struct kind kind_debug = {"debug registers", 0, plant_debug, check_debug, 0};
