/* IN and OUT of each port with each width. */
#include "guests/demo/hostile/hostile.h"
#include "guests/lib/common/test.h"

enum { PORTS = 0x10000 };

static void use_port(uint16_t port, uint32_t value)
{
    uint32_t in;

    __asm__ volatile("inb %w1, %b0" : "=a"(in) : "d"(port));
    __asm__ volatile("inw %w1, %w0" : "=a"(in) : "d"(port));
    __asm__ volatile("inl %w1, %0" : "=a"(in) : "d"(port));
    __asm__ volatile("outb %b0, %w1" : : "a"(value), "d"(port));
    __asm__ volatile("outw %w0, %w1" : : "a"(value), "d"(port));
    __asm__ volatile("outl %0, %w1" : : "a"(value), "d"(port));
}

static void use_all(uint64_t step)
{
    for (uint64_t port = hostile_random() % step; port < PORTS; port += step)
        use_port((uint16_t)port, (uint32_t)hostile_value());
    use_port(PORTS - 1, ~0u);
}

void ports_mode(uint64_t count)
{
    uint64_t step = count ? count : 1;
    unsigned vector = attempt(use_all, step);

    test_result(vector == ATTEMPT_DONE, "IN and OUT of 8, 16 and 32 bits, each %lu. port (vector %u)", step, vector);
}
