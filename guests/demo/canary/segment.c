/* Segment registers, descriptor tables and what stands behind LDTR. */
#include <string.h>

#include "guests/demo/canary/canary.h"
#include "guests/lib/x64/descriptors.h"

#define READ(name)                                                                                                     \
    ({                                                                                                                 \
        uint16_t value_;                                                                                               \
        __asm__ volatile("mov %%" name ", %0" : "=r"(value_));                                                         \
        value_;                                                                                                        \
    })
#define WRITE(name, value) __asm__ volatile("mov %0, %%" name : : "r"((uint16_t)(value)) : "memory")

enum { SELECTOR_LDT = 0x40, SELECTOR_IN_LDT = 4, GDT_ENTRIES = 32, IDT_BYTES = 4096, IDTS = 2 };

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

/* ---- Segment registers ---- */

static uint16_t ds, es, fs, gs;

static uint16_t make_selector(void)
{
    static const uint16_t selectors[] = {0, 1, 2, 3, SELECTOR_DATA, SELECTOR_USER_DATA};

    return selectors[canary_random() % (sizeof selectors / sizeof selectors[0])];
}

static void plant_segments(void)
{
    ds = make_selector();
    es = make_selector();
    fs = make_selector();
    gs = make_selector();
    WRITE("ds", ds);
    WRITE("es", es);
    WRITE("fs", fs);
    WRITE("gs", gs);
}

static void check_segments(void)
{
    canary_expect("DS", ds, READ("ds"));
    canary_expect("ES", es, READ("es"));
    canary_expect("FS", fs, READ("fs"));
    canary_expect("GS", gs, READ("gs"));
    canary_expect("CS", SELECTOR_CODE, READ("cs"));
    canary_expect("SS", SELECTOR_DATA, READ("ss"));
}

struct kind kind_segment = {"segment registers", 0, plant_segments, check_segments, 0};

/* ---- Tables ---- */

static uint64_t gdt[GDT_ENTRIES], ldt[1];
static uint8_t idt[IDTS][IDT_BYTES];
static struct table_pointer gdtr, idtr;
static uint16_t ldtr;
static uint32_t ldt_limit; /* of the segment in it */

static void set_ldt_descriptor(void)
{
    const uint64_t type_ldt = 0x82;
    uint64_t base = (uint64_t)ldt, limit = sizeof ldt - 1;
    uint64_t *descriptor = &gdt[SELECTOR_LDT / 8];

    descriptor[0] = limit | (base & 0xffffff) << 16 | type_ldt << 40 | (base >> 24 & 0xff) << 56;
    descriptor[1] = base >> 32;
}

static void setup_tables(void)
{
    struct table_pointer old;

    __asm__ volatile("sgdt %0" : "=m"(old));
    memcpy(gdt, (const void *)old.base, old.limit + 1u);
    set_ldt_descriptor();
    __asm__ volatile("sidt %0" : "=m"(old));
    for (unsigned i = 0; i < IDTS; i++)
        memcpy(idt[i], (const void *)old.base, IDT_BYTES);
}

static void plant_tables(void)
{
    gdtr = (struct table_pointer){(uint16_t)(SELECTOR_LDT + 15 + canary_random() % 128), (uint64_t)gdt};
    idtr = (struct table_pointer){(uint16_t)(IDT_BYTES - 1 + canary_random() % 1024),
                                  (uint64_t)idt[canary_random() % IDTS]};
    ldtr = canary_random() & 1 ? SELECTOR_LDT : 0;
    ldt_limit = canary_random() & 0xffff;
    ldt[0] = 0x0000920000000000 | ldt_limit; /* data, ring 0, base 0 */
    __asm__ volatile("lgdt %0; lidt %1; lldt %2" : : "m"(gdtr), "m"(idtr), "r"(ldtr) : "memory");
}

static void check_tables(void)
{
    struct table_pointer g = {0, 0}, i = {0, 0};
    uint16_t l, t;
    uint32_t limit = ~0u;

    __asm__ volatile("sgdt %0; sidt %1; sldt %2; str %3" : "=m"(g), "=m"(i), "=r"(l), "=r"(t));
    canary_expect("GDTR base", gdtr.base, g.base);
    canary_expect("GDTR limit", gdtr.limit, g.limit);
    canary_expect("IDTR base", idtr.base, i.base);
    canary_expect("IDTR limit", idtr.limit, i.limit);
    canary_expect("LDTR", ldtr, l);
    canary_expect("TR", SELECTOR_TSS, t);
    __asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"((uint32_t)SELECTOR_IN_LDT) : "cc");
    canary_expect("limit by LDTR", ldtr ? ldt_limit : ~0u, limit);
}

struct kind kind_table = {"GDTR, IDTR, LDTR, TR", setup_tables, plant_tables, check_tables, 0};
