/* sources: vmm/entry tests/entry_support.c tests/lib_support.c */
/*
 * The checker against what the manuals say, written down here a second time and in another way: which bits of which
 * field are reserved, all kinds of segment access rights, all kinds of injected events, bases and RIP around the
 * canonical gap.
 */
#include <stdio.h>

#include "tests/entry_support.h"
#include "tests/lib_support.h"

static struct entry_values values;
static struct entry_block block;

static const struct entry_base *base_named(const struct entry_cpu *cpu, const char *name)
{
    for (unsigned i = 0; i < entry_base_count(cpu->backend); i++) {
        const struct entry_base *base = entry_base(cpu->backend, i);
        unsigned at = 0;

        while (name[at] && name[at] == base->name[at])
            at++;
        if (name[at] == base->name[at])
            return base;
    }
    return NULL;
}

static const struct entry_cpu *start(const char *cpu_name, const char *base)
{
    const struct entry_cpu *cpu = entry_cpu(cpu_name);

    block = entry_values_block(&values);
    CHECK(entry_base_make(cpu, base_named(cpu, base), &values));
    return cpu;
}

static void put(uint32_t field, uint64_t value) { CHECK(block.write(block.context, field, value)); }

static uint64_t get(uint32_t field)
{
    uint64_t value = 0;

    CHECK(block.read(block.context, field, &value));
    return value;
}

/* The id of the first broken rule, "" if there is none. */
static const char *first(const struct entry_cpu *cpu)
{
    struct entry_finding finding;

    return entry_check(cpu->backend, &block, &cpu->caps, &finding) ? "" : finding.rule->id;
}

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
        const struct entry_cpu *cpu = start(reserved[i].id[0] == 'A' ? "svm" : "everything", "long64");
        uint64_t good, wrong = 0, bits = entry_field_bits(rule->field);

        CHECK(entry_rule_arrange(rule, base_named(cpu, "long64"), &block, &cpu->caps, &finding));
        good = get(rule->field);
        for (unsigned bit = 0; bit < bits; bit++) {
            put(rule->field, good | 1ull << bit);
            wrong |= entry_rule_check(rule, &block, &cpu->caps, NULL) == ENTRY_BROKEN ? 1ull << bit : 0;
        }
        if (wrong != reserved[i].bits)
            printf("# %s: 0x%llx are wrong, should be 0x%llx\n", rule->id, (unsigned long long)wrong,
                   (unsigned long long)reserved[i].bits);
        CHECK(wrong == reserved[i].bits);
    }
    test_passed("reserved bits are those of the manuals");
}

/* ---- Segments --------------------------------------------------------------------------------------------------- */

enum { CS, SS, DATA };

struct mode {
    const char *base;
    bool ia32e, unrestricted, real;
};

static bool is_granular(uint64_t rights, uint64_t limit)
{
    bool g = rights >> 15 & 1;

    return !(g && (limit & 0xfff) != 0xfff) && !(!g && limit >> 20);
}

/* Whether access rights are legal, as one function of all there is: CPL 0, all selectors with RPL 0, CS of type 11. */
static bool is_legal(int kind, uint64_t rights, uint64_t limit, const struct mode *mode)
{
    unsigned type = rights & 0xf, dpl = rights >> 5 & 3;
    bool unusable = rights >> 16 & 1, is_64 = rights >> 13 & 1, d = rights >> 14 & 1;
    bool common = (rights & 0x90) == 0x90 && !(rights & 0xf00) && !(rights >> 17) && is_granular(rights, limit);

    if (kind == CS) {
        if (!common || (mode->ia32e && is_64 && d))
            return false;
        if (type == 3)
            return mode->unrestricted && dpl == 0;
        return (type & 9) == 9 && dpl == 0; /* conforming or not: SS.DPL is 0 */
    }
    if (kind == SS) /* CS has DPL 0 and does not conform; RPL is 0 */
        return dpl == 0 && (unusable || (common && (type == 3 || type == 7)));
    return unusable || (common && type & 1 && !(type & 8 && !(type & 2))); /* RPL is 0: no DPL is below it */
}

static void test_segments(void)
{
    static const struct mode modes[] = {
        {"long64", true, false, false},     {"compat", true, false, false},  {"paged32", false, false, false},
        {"paged32-ug", false, true, false}, {"unpaged", false, true, false}, {"real", false, true, true},
    };
    static const uint32_t rights_fields[] = {GUEST_CS_ACCESS_RIGHTS, GUEST_SS_ACCESS_RIGHTS, GUEST_DS_ACCESS_RIGHTS,
                                             GUEST_ES_ACCESS_RIGHTS, GUEST_FS_ACCESS_RIGHTS, GUEST_GS_ACCESS_RIGHTS};
    static const uint64_t limits[] = {0, 0xfff, 0xffff, 0xfffff, 0x100000, 0x1ff000, 0xffffffff};
    unsigned legal = 0, tried = 0;

    test_seed(7);
    for (unsigned m = 0; m < sizeof modes / sizeof *modes; m++)
        for (unsigned s = 0; s < 6; s++)
            for (unsigned i = 0; i < 500; i++) {
                const struct entry_cpu *cpu = start("everything", modes[m].base);
                uint64_t limit = limits[test_below(7)], rights = test_random() & 0x1ffff;
                bool expected, got;

                rights &= test_below(4) ? ~0xf00ull : ~0ull; /* more of them legal */
                rights |= test_below(3) ? 0x91 : 0;
                rights &= test_below(3) ? ~0x60ull : ~0ull;
                put(rights_fields[s], rights);
                put(rights_fields[s] - GUEST_ES_ACCESS_RIGHTS + GUEST_ES_LIMIT, limit);
                put(GUEST_RIP, 0x1000);
                expected = is_legal(s < 2 ? (int)s : DATA, rights, limit, &modes[m]);
                got = !*first(cpu);
                if (got != expected)
                    printf("# %s, %s 0x%llx, limit 0x%llx: \"%s\"\n", modes[m].base, entry_field_name(rights_fields[s]),
                           (unsigned long long)rights, (unsigned long long)limit, first(cpu));
                CHECK(got == expected);
                legal += got;
                tried++;
            }
    CHECK(legal > tried / 20 && legal < tried / 2);
    test_passed("access rights and limits are legal where a second description says so");
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

/* What comes of an event: 0 nothing wrong, 7 VMfailValid, 33 a failed entry. */
static unsigned expect_event(unsigned type, unsigned vector, bool code, unsigned length, bool hlt, bool real,
                             bool any_code)
{
    bool has_code = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
    bool in_hlt = type == 0 || type == 2 || type == 7 || (type == 3 && (vector == 1 || vector == 18));

    if (type == 1 || (type == 7 && vector) || (type == 2 && vector != 2) || (type == 3 && vector > 31))
        return 7;
    if (code && (type != 3 || real))
        return 7;
    if (type == 3 && !real && !any_code && code != has_code)
        return 7;
    if (type >= 4 && type <= 6 && (length == 0 || length > 15))
        return 7;
    return hlt && !in_hlt ? 33 : 0;
}

static void test_events(void)
{
    static const char *const bases[] = {"long64", "long64-hlt", "real", "real-hlt"};
    static const unsigned lengths[] = {0, 1, 15, 16};

    for (unsigned any_code = 0; any_code < 2; any_code++)
        for (unsigned b = 0; b < 4; b++) {
            struct entry_cpu cpu = *start("everything", bases[b]);

            cpu.caps.value[CAP_IA32_VMX_BASIC - ENTRY_CAP] |= (uint64_t)any_code << 56;
            for (unsigned type = 0; type < 8; type++)
                for (unsigned vector = 0; vector < 40; vector++)
                    for (unsigned code = 0; code < 2; code++)
                        for (unsigned l = 0; l < 4; l++) {
                            struct entry_finding finding = {.rule = NULL};
                            unsigned expected = expect_event(type, vector, code, lengths[l], b & 1, b > 1, any_code),
                                     got;

                            put(ENTRY_INTERRUPTION_INFO, 1u << 31 | code << 11 | type << 8 | vector);
                            put(ENTRY_INSTRUCTION_LENGTH, lengths[l]);
                            got = entry_check(cpu.backend, &block, &cpu.caps, &finding)
                                      ? 0
                                      : entry_rule_verdict(finding.rule).number;
                            if (got != expected)
                                printf("# %s, type %u, vector %u, code %u, length %u: %u, not %u\n", bases[b], type,
                                       vector, code, lengths[l], got, expected);
                            CHECK(got == expected);
                        }
        }
    test_passed("events are legal where a second description says so");
}

static void test_svm_events(void)
{
    static const char *const bases[] = {"long64", "compat", "paged32"};

    for (unsigned b = 0; b < 3; b++) {
        const struct entry_cpu *cpu = start("svm", bases[b]);

        for (unsigned type = 0; type < 8; type++)
            for (unsigned vector = 0; vector < 256; vector++) {
                bool exception = type == 3, legal = type == 0 || (type >= 2 && type <= 4);

                legal = legal && !(exception && (vector == 2 || vector > 31));
                legal = legal && !(exception && b == 0 && (vector == 4 || vector == 5));
                put(VMCB_EVENTINJ, 1u << 31 | type << 8 | vector);
                CHECK((*first(cpu) == 0) == legal);
            }
    }
    test_passed("events of SVM are legal where a second description says so");
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
            const struct entry_cpu *cpu = start(wide ? "everything" : "bochs", "long64");

            put(GUEST_FS_BASE, addresses[i].value);
            CHECK((*first(cpu) == 0) == (wide ? addresses[i].base57 : addresses[i].base48));
            start(wide ? "everything" : "bochs", "long64");
            put(GUEST_RIP, addresses[i].value);
            CHECK((*first(cpu) == 0) == (wide ? addresses[i].rip57 : addresses[i].rip48));
            start(wide ? "everything" : "bochs", "long64");
            put(HOST_RIP, addresses[i].value); /* as many bits as HOST_CR4.LA57 says, which "everything" allows */
            CHECK((*first(cpu) == 0) == addresses[i].base48);
            put(HOST_CR4, get(HOST_CR4) | (uint64_t)wide << 12);
            CHECK((*first(cpu) == 0) == (wide ? addresses[i].base57 : addresses[i].base48));
        }
    test_passed("bases must be canonical, RIP only sign-extended, HOST_RIP as the host pages, for 48 and for 57 bits");
}

/* ---- Controls that others activate ------------------------------------------------------------------------------- */

/* What is not activated counts as 0, whatever it is, and so do the fields that it would use. */
static void test_not_active(void)
{
    const struct entry_cpu *cpu = start("everything", "long64");

    put(PROC_CONTROLS, get(PROC_CONTROLS) & ~(1ull << 31 | 1ull << 17));
    put(EXIT_CONTROLS, get(EXIT_CONTROLS) & ~(1ull << 31));
    put(PROC2_CONTROLS, 0xffffffff);
    put(TERTIARY_CONTROLS, ~0ull);
    put(SECONDARY_EXIT_CONTROLS, ~0ull);
    put(VM_FUNCTION_CONTROLS, ~0ull);
    put(EPT_POINTER, ~0ull);
    put(VIRTUAL_PROCESSOR_ID, 0);
    put(PML_ADDRESS, 1);
    put(HOST_IA32_FRED_RSP1, 1);
    CHECK(!*first(cpu));
    put(PROC_CONTROLS, get(PROC_CONTROLS) | 1ull << 31);
    CHECK(entry_rule_check(entry_rule_find("E6"), &block, &cpu->caps, NULL) == ENTRY_BROKEN);
    CHECK(entry_rule_check(entry_rule_find("E33"), &block, &cpu->caps, NULL) == ENTRY_BROKEN);
    CHECK(entry_rule_check(entry_rule_find("E46"), &block, &cpu->caps, NULL) == ENTRY_BROKEN);
    CHECK(entry_rule_check(entry_rule_find("E48"), &block, &cpu->caps, NULL) == ENTRY_BROKEN);
    CHECK(entry_rule_check(entry_rule_find("E7"), &block, &cpu->caps, NULL) == ENTRY_NOT_FOR_IT);
    CHECK(entry_rule_check(entry_rule_find("H22"), &block, &cpu->caps, NULL) == ENTRY_NOT_FOR_IT);
    put(PROC2_CONTROLS, 0);
    CHECK(entry_rule_check(entry_rule_find("E48"), &block, &cpu->caps, NULL) == ENTRY_NOT_FOR_IT);
    test_passed("controls that are not active count as 0");
}

int main(void)
{
    test_not_active();
    test_reserved();
    test_segments();
    test_events();
    test_svm_events();
    test_addresses();
    return test_done();
}
