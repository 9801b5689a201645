/* A segment in the LDT, really used: its base leads to the right bytes, its limit and the LDT's own are enforced. */
#include "guests/demo/vm86/vm86.h"
#include "guests/lib/common/interrupt.h"
#include "guests/lib/common/test.h"

enum {
    WINDOW_BEGIN = 16, /* the segment's base, in buffer[] */
    WINDOW_BYTES = 16,
    BEHIND_BYTES = 16,

    TABLE_LDT = 1 << 2, /* the table indicator in a selector */
    SELECTOR_WINDOW = 1 << 3 | TABLE_LDT,
    SELECTOR_BEYOND = 2 << 3 | TABLE_LDT, /* behind the LDT's limit */
};

/* ldt_access.asm. Each returns whether it came through; the #GP handler makes it false by going on at ldt_refused. */
bool ldt_write(uint32_t selector, uint32_t offset, uint8_t value);
bool ldt_load_selector(uint32_t selector);
extern const char ldt_write_instruction[], ldt_load_instruction[], ldt_refused[];

static uint64_t ldt[2];
static uint8_t buffer[WINDOW_BEGIN + WINDOW_BYTES + BEHIND_BYTES];

static void general_protection(struct interrupt_frame *frame)
{
    bool is_write = frame->ip == (unsigned long)ldt_write_instruction && frame->error == 0;
    bool is_load = frame->ip == (unsigned long)ldt_load_instruction && frame->error == SELECTOR_BEYOND;

    if (!is_write && !is_load)
        interrupt_report(frame);
    frame->ip = (unsigned long)ldt_refused;
}

static bool all_are(const uint8_t *bytes, unsigned n, uint8_t value)
{
    for (unsigned i = 0; i < n; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

void ldt_load(void)
{
    uint64_t window = descriptor_make(buffer + WINDOW_BEGIN, WINDOW_BYTES - 1, DESCRIPTOR_DATA);

    ldt[SELECTOR_WINDOW / 8] = window;
    descriptor_set(SELECTOR_FREE, window);
    descriptor_set(SELECTOR_LDT, descriptor_make(ldt, sizeof ldt - 1, DESCRIPTOR_LDT));
    __asm__ volatile("lldt %0" : : "r"((uint16_t)SELECTOR_LDT) : "memory");
}

/* QEMU's TCG checks no segment limit at all, which is no fault of the LDT: the same segment in the GDT tells. */
static void test_limit(const char *when)
{
    bool refused = !ldt_write(SELECTOR_WINDOW, WINDOW_BYTES, 0);
    bool refused_in_gdt = !ldt_write(SELECTOR_FREE, WINDOW_BYTES, 0);

    if (!refused && !refused_in_gdt)
        test_result(true, "%s, the LDT segment limit is enforced # SKIP this processor enforces none in the GDT either",
                    when);
    else
        test_result(refused, "%s, the LDT segment limit is enforced", when);
}

void ldt_test(const char *when, uint8_t value)
{
    uint32_t written = 0;

    interrupt_set_handler(VECTOR_GP, general_protection);
    while (written < WINDOW_BYTES && ldt_write(SELECTOR_WINDOW, written, value))
        written++;
    test_result(written == WINDOW_BYTES && all_are(buffer + WINDOW_BEGIN, WINDOW_BYTES, value) &&
                    all_are(buffer, WINDOW_BEGIN, 0),
                "%s, %u bytes written through an LDT segment are where its base says", when, written);
    test_limit(when);
    test_result(ldt_load_selector(SELECTOR_WINDOW) && !ldt_load_selector(SELECTOR_BEYOND),
                "%s, a selector behind the limit of the LDT is refused", when);
}
