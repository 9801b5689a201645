/* sources: vmm/entry tests/entry_support.c tests/lib_support.c */
/*
 * The checker against what the manuals say, written down here a second time and in another way: which bits of which
 * field must be 0 or 1, the EPT pointer, addresses around the canonical gap, controls that are not active.
 */
#include <stdio.h>

#include "tests/entry_support.h"
#include "tests/lib_support.h"

/* ---- Reserved bits ---------------------------------------------------------------------------------------------- */

/* Bits of a rule's field that must be 0, as the manuals list them. Physical addresses have 46 bits, linear ones 57. */
#define BEYOND_46 0xffffc00000000000ull
#define HIGH      0xffffffff00000000ull
static const struct {
    const char *id;
    uint64_t bits;
} reserved[] = {
    {"E2", 0xffffff00},
    {"E4", 0x1},
    {"E6", 0x20000000},
    {"E7", 0xffffffffffffff60ull},
    {"E9", 0xfff},
    {"E10", 0xfff},
    {"E13", 0xfff},
    {"E15", 0xfff},
    {"E17", 0xfffffff0},
    {"E21", 0xfff},
    {"E30", 0xff00},
    {"E31", 0x3f},
    {"E38", 0xf00},
    {"E43", 0xfff},
    {"E46", 0xfff},
    {"E48", 0xfffffffffffffffeull},
    {"E50", 0xfff},
    {"E52", 0xfff},
    {"E53", 0xfff},
    {"E56", 0xfff},
    {"E63", 0xfe7},
    {"E68", 7},
    {"E11", BEYOND_46},
    {"E12", BEYOND_46},
    {"E14", BEYOND_46},
    {"E16", BEYOND_46},
    {"E22", BEYOND_46},
    {"E32", BEYOND_46},
    {"E39", BEYOND_46},
    {"E44", BEYOND_46},
    {"E47", BEYOND_46},
    {"E51", BEYOND_46},
    {"E54", BEYOND_46},
    {"E55", BEYOND_46},
    {"E57", BEYOND_46},
    {"E64", BEYOND_46},
    {"E69", BEYOND_46},
    {"X3", 0xfffffffffffffff0ull},
    {"X5", 0xf},
    {"X6", BEYOND_46},
    {"X8", 0xf},
    {"X9", BEYOND_46},
    {"N2", 0xfe000000},
    {"N3", 0xf},
    {"N4", BEYOND_46},
    {"H2", HIGH},
    {"H4", 0xfffffffee0104000ull},
    {"H6", BEYOND_46 & ~(3ull << 61)},
    {"H9", 0xfffefff0ffffff00ull},
    {"H11", 0xfffffffffffff2feull},
    {"H19", HIGH},
    {"H20", 0xfffffffffffffa00ull},
    {"H28", 7},
    {"H29", 7},
    {"H30", 7},
    {"H31", 7},
    {"H32", 7},
    {"H33", 7},
    {"H34", 7},
    {"G2", HIGH},
    {"G5", 0xfffffffee0104000ull},
    {"G7", 0xffffffffffff0038ull},
    {"G11", BEYOND_46 & ~(3ull << 61)},
    {"G12", HIGH},
    {"G15", 0xfffefff0ffffff00ull},
    {"G17", 0xfffffffffffff2feull},
    {"G20", 0xffc},
    {"G22", 0xfe7f000070840000ull},
    {"G27", 0xffffffffff80fff0ull},
    {"G28", HIGH},
    {"G29", 0xff00},
    {"G30", 0xfffffffffffffa00ull},
    {"S1", 4},
    {"S62", 0xf00},
    {"S67", 0xf00},
    {"S81", 0xfffe0000},
    {"S86", 0xfffe0000},
    {"S91", 0xf00},
    {"S95", 0xfffe0000},
    {"S99", 0xf00},
    {"S102", 0xfffe0000},
    {"T3", 0xffff0000},
    {"T4", 0xffff0000},
    {"R3", 0xffffffffffc08028ull},
    {"R8", 3},
    {"I1", 0xffffffe0},
    {"I9", 4},
    {"P1", 0xfffffffffffea7f0ull},
    {"L1", 0xfff},
    {"L2", BEYOND_46},
    /* 48 physical-address bits */
    {"A3", HIGH},
    {"A4", 0x9fff000000000000ull},
    {"A5", 0xfffffffee408e000ull},
    {"A6", HIGH},
    {"A7", HIGH},
    {"A8", 0xffffffffffc90200ull},
    {"A21", 0xffff000000000000ull},
    {"A25", 0x3c0},
};

static void test_reserved(void)
{
    for (unsigned i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        const struct entry_rule *rule = entry_rule_find(reserved[i].id);
        struct entry_finding finding;
        const struct entry_cpu *cpu = block_start(reserved[i].id[0] == 'A' ? "svm" : "everything", "long64");
        uint64_t good, wrong = 0, bits = entry_field_bits(rule->field);

        CHECK(entry_rule_arrange(rule, entry_base_named(cpu, "long64"), block_now(), &cpu->caps, &finding));
        good = block_get(rule->field);
        for (unsigned bit = 0; bit < bits; bit++) {
            block_put(rule->field, good | 1ull << bit);
            wrong |= entry_rule_check(rule, block_now(), &cpu->caps, NULL) == ENTRY_BROKEN ? 1ull << bit : 0;
        }
        if (wrong != reserved[i].bits)
            printf("# %s: 0x%llx are wrong, should be 0x%llx\n", rule->id, (unsigned long long)wrong,
                   (unsigned long long)reserved[i].bits);
        CHECK(wrong == reserved[i].bits);
    }
    test_passed("reserved bits are those of the manuals");
}

/* Bits that must be 1. */
static void test_ones(void)
{
    static const struct {
        const char *cpu, *base, *id;
        uint64_t bits;
    } ones[] = {
        {"everything", "long64", "E1", 0x16},
        {"everything", "long64", "E3", 0x4006172},
        {"plain", "long64", "E3", 0x401e172},
        {"everything", "long64", "E5", 4},
        {"everything", "long64", "X1", 0x36dfb},
        {"plain", "long64", "X1", 0x36dff},
        {"everything", "long64", "N1", 0x11fb},
        {"plain", "long64", "N1", 0x11ff},
        {"everything", "long64", "H1", 0x80000021},
        {"everything", "long64", "H3", 0x2000},
        {"everything", "long64", "G1", 0x80000021},
        {"everything", "long64-ug", "G1", 0x20},
        {"everything", "long64", "G4", 0x2000},
        {"everything", "long64", "H49", 0x20},
        {"everything", "long64", "G9", 0x20},
        {"everything", "long64", "R4", 2},
        {"svm", "long64", "A1", 0x1000},
        {"svm", "long64", "A10", 0x20},
        {"svm", "long64", "A11", 1},
        {"svm", "long64", "A13", 1},
    };

    for (unsigned i = 0; i < sizeof ones / sizeof *ones; i++) {
        const struct entry_cpu *cpu = block_start(ones[i].cpu, ones[i].base);
        const struct entry_rule *rule = entry_rule_find(ones[i].id);
        uint64_t good = block_get(rule->field), wrong = 0;

        for (unsigned bit = 0; bit < entry_field_bits(rule->field); bit++) {
            block_put(rule->field, good & ~(1ull << bit));
            wrong |= entry_rule_check(rule, block_now(), &cpu->caps, NULL) == ENTRY_BROKEN ? 1ull << bit : 0;
        }
        CHECK(wrong == ones[i].bits);
    }
    test_passed("bits that must be 1 are those of the manuals");
}

/* Bits 11:0 of the EPT pointer: memory type, walk length, accessed and dirty flags, shadow-stack control. */
static void test_ept_pointer(void)
{
    static const struct {
        const char *cpu;
        bool uncacheable, walk5, accessed_dirty, shadow_stack;
    } offers[] = {{"everything", true, true, true, true},
                  {"bochs", true, false, true, false},
                  {"plain", false, false, false, false}};

    for (unsigned i = 0; i < sizeof offers / sizeof *offers; i++) {
        const struct entry_cpu *cpu = block_start(offers[i].cpu, "long64");

        for (unsigned low = 0; low < 0x1000; low++) {
            unsigned type = low & 7, walk = low >> 3 & 7;
            bool legal = (type == 6 || (type == 0 && offers[i].uncacheable)) &&
                         (walk == 3 || (walk == 4 && offers[i].walk5)) && (!(low & 0x40) || offers[i].accessed_dirty) &&
                         (!(low & 0x80) || offers[i].shadow_stack) && low < 0x100;

            block_put(EPT_POINTER, 0x9000 | low);
            CHECK((*block_broken(cpu) == 0) == legal);
        }
    }
    test_passed("the EPT pointer is legal where a second description says so");
}

/* ---- Addresses --------------------------------------------------------------------------------------------------- */

static void test_addresses(void)
{
    static const struct {
        uint64_t value;
        bool base48, base57, rip48, rip57; /* legal with 48 and 57 linear-address bits */
    } addresses[] = {
        {0x00007fffffffffffull, true, true, true, true},    {0x0000800000000000ull, false, true, true, true},
        {0x0001000000000000ull, false, true, false, true},  {0xffff7fffffffffffull, false, true, true, true},
        {0xffff800000000000ull, true, true, true, true},    {0x00ffffffffffffffull, false, true, false, true},
        {0x0100000000000000ull, false, false, false, true}, {0x0200000000000000ull, false, false, false, false},
        {0xff00000000000000ull, false, true, false, true},  {0xfe00000000000000ull, false, false, false, true},
    };
    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++)
        for (unsigned wide = 0; wide < 2; wide++) {
            const struct entry_cpu *cpu = block_start(wide ? "everything" : "bochs", "long64");

            block_put(GUEST_FS_BASE, addresses[i].value);
            CHECK((*block_broken(cpu) == 0) == (wide ? addresses[i].base57 : addresses[i].base48));
            block_start(wide ? "everything" : "bochs", "long64");
            block_put(GUEST_RIP, addresses[i].value);
            CHECK((*block_broken(cpu) == 0) == (wide ? addresses[i].rip57 : addresses[i].rip48));
            block_start(wide ? "everything" : "bochs", "long64");
            block_put(HOST_RIP, addresses[i].value); /* as many bits as HOST_CR4.LA57 says, which "everything" allows */
            CHECK((*block_broken(cpu) == 0) == addresses[i].base48);
            block_put(HOST_CR4, block_get(HOST_CR4) | (uint64_t)wide << 12);
            CHECK((*block_broken(cpu) == 0) == (wide ? addresses[i].base57 : addresses[i].base48));
        }
    test_passed("bases must be canonical, RIP only sign-extended, HOST_RIP as the host pages, for 48 and for 57 bits");
}

/* ---- Controls that others activate ------------------------------------------------------------------------------- */

/* What is not activated counts as 0, whatever it is, and so do the fields that it would use. */
static void test_not_active(void)
{
    const struct entry_cpu *cpu = block_start("everything", "long64");

    block_put(PROC_CONTROLS, block_get(PROC_CONTROLS) & ~(1ull << 31 | 1ull << 17));
    block_put(EXIT_CONTROLS, block_get(EXIT_CONTROLS) & ~(1ull << 31));
    block_put(PROC2_CONTROLS, 0xffffffff);
    block_put(TERTIARY_CONTROLS, ~0ull);
    block_put(SECONDARY_EXIT_CONTROLS, ~0ull);
    block_put(VM_FUNCTION_CONTROLS, ~0ull);
    block_put(EPT_POINTER, ~0ull);
    block_put(VIRTUAL_PROCESSOR_ID, 0);
    block_put(PML_ADDRESS, 1);
    block_put(HOST_IA32_FRED_RSP1, 1);
    CHECK(!*block_broken(cpu));
    block_put(PROC_CONTROLS, block_get(PROC_CONTROLS) | 1ull << 31);
    CHECK(entry_rule_check(entry_rule_find("E6"), block_now(), &cpu->caps, NULL) == ENTRY_BROKEN);
    CHECK(entry_rule_check(entry_rule_find("E33"), block_now(), &cpu->caps, NULL) == ENTRY_BROKEN);
    CHECK(entry_rule_check(entry_rule_find("E46"), block_now(), &cpu->caps, NULL) == ENTRY_BROKEN);
    CHECK(entry_rule_check(entry_rule_find("E48"), block_now(), &cpu->caps, NULL) == ENTRY_BROKEN);
    CHECK(entry_rule_check(entry_rule_find("E7"), block_now(), &cpu->caps, NULL) == ENTRY_NOT_FOR_IT);
    CHECK(entry_rule_check(entry_rule_find("H22"), block_now(), &cpu->caps, NULL) == ENTRY_NOT_FOR_IT);
    block_put(PROC2_CONTROLS, 0);
    CHECK(entry_rule_check(entry_rule_find("E48"), block_now(), &cpu->caps, NULL) == ENTRY_NOT_FOR_IT);
    test_passed("controls that are not active count as 0");
}

int main(void)
{
    test_not_active();
    test_reserved();
    test_ones();
    test_ept_pointer();
    test_addresses();
    return test_done();
}
