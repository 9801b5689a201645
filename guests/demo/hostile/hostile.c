/* guest: newlib64 */
/*
 * Does to the hypervisor what a guest should not do, by the mode that is its first argument; the second is how much of
 * it, the third the seed (1).
 */
#include "guests/demo/hostile/hostile.h"

#include <string.h>

#include "guests/lib/common/args.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/test.h"

enum { STATUS_USAGE = 2 };

unsigned hostile_seed;

static uint64_t random_state;

/* A counter through a mixing function. */
uint64_t hostile_random(void)
{
    uint64_t x = random_state += 0x9e3779b97f4a7c15;

    x = (x ^ x >> 32) * 0xd6e8feb86659fd93;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93;
    return x ^ x >> 32;
}

uint64_t hostile_value(void)
{
    uint64_t r = hostile_random();

    switch (r >> 60) {
    case 0:
        return 0;
    case 1:
        return 1;
    case 2:
        return ~0ull;
    case 3:
        return 1ull << (r & 63);
    case 4:
        return ~(1ull << (r & 63));
    case 5:
        return (1ull << (r & 63)) - 1;
    case 6:
        return 0x0000800000000000; /* the first that is not canonical */
    case 7:
        return 0xffff7fffffffffff; /* and the last */
    case 8:
        return (uint32_t)r;
    case 9:
        return r & 0xffff;
    default:
        return hostile_random();
    }
}

void spin_mode(uint64_t count)
{
    (void)count;
    __asm__ volatile("cli; 0: jmp 0b");
}

static const struct {
    const char *name;
    hostile_mode *run;
} modes[] = {
    {"hypercalls", hypercalls_mode},     {"ports", ports_mode},             {"msrs", msrs_mode},
    {"instructions", instructions_mode}, {"bits", bits_mode},               {"cpuid", cpuid_mode},
    {"swapgs", swapgs_mode},             {"rewrite", rewrite_mode},         {"timers", timers_mode},
    {"pages", pages_mode},               {"console", console_mode},         {"lines", lines_mode},
    {"results", results_mode},           {"spin", spin_mode},               {"read-hole", read_hole_mode},
    {"write-hole", write_hole_mode},     {"execute-hole", execute_hole_mode}, {"far-hole", far_hole_mode},
    {"tables-hole", tables_hole_mode},   {"stack-hole", stack_hole_mode},   {"idt-hole", idt_hole_mode},
    {"gdt-hole", gdt_hole_mode},         {"idt-nowhere", idt_nowhere_mode}, {"no-stack", no_stack_mode},
    {"halt", halt_mode},                 {"string-io", string_io_mode},
    {"tables", tables_mode},             {"tables-die", tables_die_mode},
    {"channels", channels_mode},         {"hypercalls-die", hypercalls_die_mode},
    {"lab", lab_mode},
};

enum { MODES = sizeof modes / sizeof modes[0] };

int main(int argc, char **argv)
{
    hostile_seed = args_number(argc, argv, 3, 1);
    random_state = (uint64_t)hostile_seed << 32;
    for (unsigned i = 0; argc > 1 && i < MODES; i++) {
        if (strcmp(argv[1], modes[i].name) != 0)
            continue;
        console_print("%s, seed %u\n", argv[1], hostile_seed);
        modes[i].run(args_number(argc, argv, 2, 0));
        return test_status();
    }
    console_print("usage: args = MODE [COUNT [SEED]], MODE one of");
    for (unsigned i = 0; i < MODES; i++)
        console_print(" %s", modes[i].name);
    console_print("\n");
    return STATUS_USAGE;
}
