/* sources: vmm/entry tests/entry_support.c tests/lib_support.c */
/*
 * The checker against what the manuals say, written down here a second time and in another way: all kinds of
 * segment access rights, of injected events and of activity states.
 */
#include <stdio.h>
#include <string.h>

#include "tests/entry_support.h"
#include "tests/lib_support.h"

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
                const struct entry_cpu *cpu = block_start("everything", modes[m].base);
                uint64_t limit = limits[test_below(7)], rights = test_random() & 0x1ffff;
                bool expected, got;

                rights &= test_below(4) ? ~0xf00ull : ~0ull; /* more of them legal */
                rights |= test_below(3) ? 0x91 : 0;
                rights &= test_below(3) ? ~0x60ull : ~0ull;
                block_put(rights_fields[s], rights);
                block_put(rights_fields[s] - GUEST_ES_ACCESS_RIGHTS + GUEST_ES_LIMIT, limit);
                block_put(GUEST_RIP, 0x1000);
                expected = is_legal(s < 2 ? (int)s : DATA, rights, limit, &modes[m]);
                got = !*block_broken(cpu);
                if (got != expected)
                    printf("# %s, %s 0x%llx, limit 0x%llx: \"%s\"\n", modes[m].base, entry_field_name(rights_fields[s]),
                           (unsigned long long)rights, (unsigned long long)limit, block_broken(cpu));
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
            struct entry_cpu cpu = *block_start("everything", bases[b]);

            cpu.caps.value[CAP_IA32_VMX_BASIC - ENTRY_CAP] |= (uint64_t)any_code << 56;
            for (unsigned type = 0; type < 8; type++)
                for (unsigned vector = 0; vector < 40; vector++)
                    for (unsigned code = 0; code < 2; code++)
                        for (unsigned l = 0; l < 4; l++) {
                            struct entry_finding finding = {.rule = NULL};
                            unsigned expected = expect_event(type, vector, code, lengths[l], b & 1, b > 1, any_code),
                                     got;

                            block_put(ENTRY_INTERRUPTION_INFO, 1u << 31 | code << 11 | type << 8 | vector);
                            block_put(ENTRY_INSTRUCTION_LENGTH, lengths[l]);
                            got = entry_check(cpu.backend, block_now(), &cpu.caps, &finding)
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
        const struct entry_cpu *cpu = block_start("svm", bases[b]);

        for (unsigned type = 0; type < 8; type++)
            for (unsigned vector = 0; vector < 256; vector++) {
                bool exception = type == 3, legal = type == 0 || (type >= 2 && type <= 4);

                legal = legal && !(exception && (vector == 2 || vector > 31));
                legal = legal && !(exception && b == 0 && (vector == 4 || vector == 5));
                block_put(VMCB_EVENTINJ, 1u << 31 | type << 8 | vector);
                CHECK((*block_broken(cpu) == 0) == legal);
            }
    }
    test_passed("events of SVM are legal where a second description says so");
}

/* What VMRUN looks at in long mode only. */
static void test_svm_modes(void)
{
    static const struct {
        const char *base;
        bool long_mode;
    } modes[] = {{"long64", true}, {"compat", true}, {"paged32", false}, {"pae", false}, {"real", false}};

    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
        const struct entry_cpu *cpu = block_start("svm", modes[i].base);

        block_put(VMCB_CS_ATTRIBUTES, block_get(VMCB_CS_ATTRIBUTES) | 1 << 9 | 1 << 10);
        CHECK(entry_rule_check(entry_rule_find("A12"), block_now(), &cpu->caps, NULL) ==
              (modes[i].long_mode ? ENTRY_BROKEN : ENTRY_NOT_FOR_IT));
        block_start("svm", modes[i].base);
        block_put(VMCB_CR3, 1ull << 60);
        CHECK((*block_broken(cpu) == 0) == !modes[i].long_mode);
    }
    test_passed("CS.L with CS.D, and bits of CR3, are wrong in long mode only");
}

/* What a CPU without virtual NMIs, CET or nested paging in use does not look at. */
static void test_svm_capabilities(void)
{
    static const char *const ids[] = {"A24", "A25", "A26", "A28"};
    const struct entry_cpu *cpu = NULL;

    for (unsigned plain = 0; plain < 2; plain++) {
        cpu = block_start(plain ? "svm-plain" : "svm", "vm86");
        block_put(VMCB_V_INTR, 1 << 26);
        block_put(VMCB_CR4, block_get(VMCB_CR4) | 1 << 23);
        block_put(VMCB_S_CET, 1 << 6);
        block_put(STATE_U_CET, 1);
        for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++)
            CHECK(entry_rule_check(entry_rule_find(ids[i]), block_now(), &cpu->caps, NULL) ==
                  (plain ? ENTRY_NOT_FOR_IT : ENTRY_BROKEN));
    }
    cpu = block_start("svm", "pae");
    block_put(VMCB_NESTED_CONTROL, 0);
    block_put(VMCB_NESTED_CR3, ~0ull);
    block_put(VMCB_G_PAT, ~0ull);
    block_put(STATE_CPU_CR0, 0);
    CHECK(!*block_broken(cpu));
    block_put(VMCB_NESTED_CONTROL, 1);
    CHECK(*block_broken(cpu));
    test_passed("what is not there, or not on, is not looked at");
}

/* ---- Activity states -------------------------------------------------------------------------------------------- */

static void test_activity(void)
{
    for (unsigned offers = 0; offers < 8; offers++)
        for (unsigned activity = 0; activity < 6; activity++) {
            struct entry_cpu cpu = *block_start("everything", "long64");
            const char *expected = activity > 3 ? "K1" : activity == 0 || offers >> (activity - 1) & 1 ? "" : "K2";

            cpu.caps.value[CAP_IA32_VMX_MISC - ENTRY_CAP] = 4 << 16 | offers << 6;
            block_put(GUEST_ACTIVITY, activity);
            CHECK(strcmp(block_broken(&cpu), expected) == 0);
        }
    test_passed("activity states are those that the CPU offers");
}

int main(void)
{
    test_activity();
    test_segments();
    test_events();
    test_svm_events();
    test_svm_modes();
    test_svm_capabilities();
    return test_done();
}
