/* sources: vmm/entry tests/entry_support.c tests/lib_support.c */
/*
 * Random control blocks: the checker never reads or writes what it must not (ASan and UBSan watch), blames a rule only
 * for what was changed, and says nothing of what it does not know.
 */
#include <stdio.h>
#include <string.h>

#include "tests/entry_support.h"
#include "tests/lib_support.h"

enum { ROUNDS = 3000, CHANGES_MAX = 4, FINDINGS_MAX = 400 };

static struct entry_values good, values;
static struct entry_finding findings[FINDINGS_MAX];

static uint64_t random_value(uint64_t old)
{
    switch (test_below(6)) {
    case 0:
        return old ^ 1ull << test_below(64);
    case 1:
        return 0;
    case 2:
        return ~0ull;
    case 3:
        return test_below(40);
    case 4:
        return 1ull << test_below(64);
    default:
        return test_random();
    }
}

/* A random CPU and one of its bases, in `good`. */
static const struct entry_cpu *pick(void)
{
    for (;;) {
        unsigned n = 0;

        while (entry_cpus()[n].name)
            n++;
        const struct entry_cpu *cpu = &entry_cpus()[test_below(n)];
        const struct entry_base *base = entry_base(cpu->backend, (unsigned)test_below(entry_base_count(cpu->backend)));

        if (entry_base_make(cpu, base, &good))
            return cpu;
    }
}

static bool is_changed(uint32_t field)
{
    struct entry_block before = entry_values_block(&good), now = entry_values_block(&values);
    uint64_t a = 0, b = 0;
    bool known = before.read(before.context, field, &a);

    return known != now.read(now.context, field, &b) || a != b;
}

/* Some fields change. A finding must have read one of them, or the rule would be broken on the good base. */
static void test_changes(void)
{
    unsigned broken_blocks = 0, broken_rules = 0;

    test_seed(11);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const struct entry_cpu *cpu = pick();
        struct entry_block block = entry_values_block(&values);
        struct entry_finding first = {.rule = NULL};
        unsigned broken;

        values = good;
        for (unsigned n = (unsigned)test_below(CHANGES_MAX) + 1; n > 0; n--) {
            struct entry_pair *pair = &values.pair[test_below(values.count)];

            block.write(block.context, pair->field, random_value(pair->value));
        }
        broken = entry_check_all(cpu->backend, &block, &cpu->caps, findings, FINDINGS_MAX, NULL);
        CHECK(broken <= FINDINGS_MAX);
        CHECK(entry_check(cpu->backend, &block, &cpu->caps, &first) == (broken == 0));
        CHECK(broken == 0 || first.rule == findings[0].rule);
        findings[1].rule = NULL;
        CHECK(entry_check_all(cpu->backend, &block, &cpu->caps, findings, 1, NULL) == broken && !findings[1].rule);
        entry_check_all(cpu->backend, &block, &cpu->caps, findings, FINDINGS_MAX, NULL);
        broken_blocks += broken > 0;
        for (unsigned i = 0; i < broken; i++) {
            const struct entry_finding *f = &findings[i];
            bool blamed = false;
            char text[64];

            CHECK(f->wrong != 0 && f->reads > 0 && f->reads <= ENTRY_READS_MAX);
            for (unsigned r = 0; r < f->reads; r++)
                blamed |= is_changed(f->read[r].field);
            CHECK(blamed);
            CHECK(entry_finding_text(f, NULL, 0) == entry_finding_text(f, text, sizeof text) &&
                  strlen(text) < sizeof text);
            broken_rules++;
        }
    }
    CHECK(broken_blocks > ROUNDS / 4 && broken_blocks < ROUNDS && broken_rules > broken_blocks);
    test_passed("a rule is blamed only for what was changed");
}

/* With fields missing, no rule is blamed that is not blamed with all of them. */
static void test_unknown(void)
{
    test_seed(12);
    for (unsigned round = 0; round < ROUNDS / 3; round++) {
        const struct entry_cpu *cpu = pick();
        struct entry_caps caps = cpu->caps;
        struct entry_block block = entry_values_block(&values), all = entry_values_block(&good);
        unsigned missing, unknown, broken;

        block.write = NULL;
        all.write(all.context, good.pair[test_below(good.count)].field, test_random());
        values = good;
        for (missing = (unsigned)test_below(values.count); missing > 0; missing--) {
            unsigned at = (unsigned)test_below(values.count);

            memmove(&values.pair[at], &values.pair[at + 1], (--values.count - at) * sizeof values.pair[0]);
        }
        caps.known &= test_below(2) ? test_random() : ~0ull;
        broken = entry_check_all(cpu->backend, &block, &caps, findings, FINDINGS_MAX, &unknown);
        CHECK(broken + unknown <= entry_rule_count(cpu->backend));
        for (unsigned i = 0; i < broken; i++)
            CHECK(entry_rule_check(findings[i].rule, &all, &cpu->caps, NULL) == ENTRY_BROKEN);
    }
    values.count = 0;
    for (const struct entry_cpu *cpu = entry_cpus(); cpu->name; cpu++) {
        struct entry_block block = entry_values_block(&values);
        struct entry_caps none = {.known = 0};
        unsigned unknown;

        CHECK(entry_check_all(cpu->backend, &block, &none, NULL, 0, &unknown) == 0 && unknown > 0);
    }
    test_passed("no rule is blamed for what is not known");
}

/* Values and capabilities without any sense. */
static void test_nonsense(void)
{
    test_seed(13);
    for (unsigned round = 0; round < ROUNDS / 3; round++) {
        const struct entry_cpu *cpu = pick();
        struct entry_caps caps = cpu->caps;
        struct entry_block block = entry_values_block(&values);
        const struct entry_rule *rule = entry_rule(cpu->backend, (unsigned)test_below(entry_rule_count(cpu->backend)));
        const struct entry_base *base = entry_base(cpu->backend, (unsigned)test_below(entry_base_count(cpu->backend)));
        struct entry_finding finding;

        values = good;
        for (unsigned i = 0; i < values.count; i++)
            if (test_below(2))
                block.write(block.context, values.pair[i].field, test_random());
        for (unsigned i = 0; i < ENTRY_CAPS; i++)
            caps.value[i] = test_below(3) ? caps.value[i] : test_random();
        entry_check_all(cpu->backend, &block, &caps, findings, FINDINGS_MAX, NULL);
        for (unsigned near = 0; near < 2; near++)
            for (unsigned i = 0; i < entry_case_count(rule, near); i++) {
                struct entry_case c = entry_case_get(rule, near, i);

                entry_case_write(&c, base, &block, &caps);
            }
        entry_rule_arrange(rule, base, &block, &caps, &finding);
    }
    test_passed("values without sense do no harm");
}

/* ---- Names, labels, text ---------------------------------------------------------------------------------- */

static void test_names(void)
{
    uint32_t field;

    CHECK(entry_field_find("GUEST_CR0", &field) && field == GUEST_CR0 &&
          strcmp(entry_field_name(field), "GUEST_CR0") == 0);
    CHECK(entry_field_find("IA32_VMX_MISC", &field) && field == CAP_IA32_VMX_MISC && entry_cap_index(field) == 0x485);
    CHECK(entry_field_find("STATE_VTPR", &field) && field == STATE_VTPR);
    CHECK(entry_field_find("ENTRY_MSR_0", &field) && field == ENTRY_MSR_INDEX(0));
    CHECK(entry_field_find("ENTRY_MSR_511_VALUE", &field) && field == ENTRY_MSR_VALUE(511));
    CHECK(!entry_field_find("ENTRY_MSR_512", &field) && !entry_field_find("ENTRY_MSR_", &field));
    CHECK(!entry_field_find("ENTRY_MSR_1_VALUES", &field) && !entry_field_find("GUEST_CR", &field));
    CHECK(!entry_field_find("", &field) && !entry_field_find("ENTRY_MSR_99999999999999999999", &field));
    CHECK(entry_field_bits(GUEST_CS_SELECTOR) == 16 && entry_field_bits(GUEST_CS_LIMIT) == 32);
    CHECK(entry_field_bits(GUEST_CR0) == 64 && entry_field_bits(EPT_POINTER) == 64 &&
          entry_field_bits(VMCB_ASID) == 32);
    test_passed("fields are found by name");
}

static void test_caps(void)
{
    struct entry_caps caps = {.known = 0};

    CHECK(entry_caps_put(&caps, 0x485, 7) && caps.value[CAP_IA32_VMX_MISC - ENTRY_CAP] == 7);
    CHECK(entry_caps_put(&caps, CAP_CPUID | 3ull << 32 | 0x8000000a, 8));
    CHECK(caps.value[CAP_CPUID_8000000A_EDX - ENTRY_CAP] == 8);
    CHECK(caps.known == (1ull << (CAP_IA32_VMX_MISC - ENTRY_CAP) | 1ull << (CAP_CPUID_8000000A_EDX - ENTRY_CAP)));
    CHECK(!entry_caps_put(&caps, 0x48a, 1) && !entry_caps_put(&caps, 0, 1));
    test_passed("capability registers are noted by their index");
}

/* Labels of a rule's cases differ, and are made of what an id is made of. */
static void test_labels(void)
{
    for (enum backend backend = BACKEND_VMX; backend <= BACKEND_SVM; backend++)
        for (unsigned r = 0; r < entry_rule_count(backend); r++)
            for (unsigned near = 0; near < 2; near++)
                for (unsigned i = 0; i < entry_case_count(entry_rule(backend, r), near); i++) {
                    struct entry_case c = entry_case_get(entry_rule(backend, r), near, i);

                    CHECK(c.label[0] && strspn(c.label, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(c.label));
                    for (unsigned j = 0; j < i; j++)
                        CHECK(strcmp(entry_case_get(entry_rule(backend, r), near, j).label, c.label) != 0);
                }
    CHECK(strcmp(entry_case_get(entry_rule_find("H28"), false, 2).label, "bit2") == 0);
    CHECK(strcmp(entry_case_get(entry_rule_find("E9"), false, 11).label, "bit11") == 0);
    CHECK(strcmp(entry_case_get(entry_rule_find("G17"), true, 0).label, "base") == 0);
    CHECK(strcmp(entry_case_get(entry_rule_find("G17"), true, 1).label, "sce") == 0);
    test_passed("each case of a rule has a label of its own");
}

static void test_text(void)
{
    const struct entry_cpu *cpu = entry_cpu("bochs");
    struct entry_block block = entry_values_block(&values);
    struct entry_finding finding;
    char text[400];

    CHECK(entry_base_make(cpu, entry_base(BACKEND_VMX, 0), &values));
    block.write(block.context, GUEST_CS_ACCESS_RIGHTS, 0xeaa9b);
    CHECK(!entry_check(BACKEND_VMX, &block, &cpu->caps, &finding));
    entry_finding_text(&finding, text, sizeof text);
    CHECK(strcmp(text, "S62.GUEST_CS_ACCESS_RIGHTS: bits 11:8 must be 0 if usable\n"
                       "  GUEST_CS_ACCESS_RIGHTS = 0xeaa9b: wrong in bits 11, 9; 0xea09b would do\n"
                       "  with GUEST_RFLAGS = 0x202\n"
                       "  comes to: VM entry fails as an exit with basic reason 33, exit qualification 0\n") == 0);
    block.write(block.context, HOST_RIP, 1ull << 63);
    CHECK(!entry_check(BACKEND_VMX, &block, &cpu->caps, &finding));
    entry_finding_text(&finding, text, sizeof text);
    CHECK(strstr(text, "H50.HOST_RIP: ") == text && strstr(text, "wrong in bit 63; 0x0 would do\n") &&
          strstr(text, "error 8\n"));
    test_passed("a finding tells rule, field, value and verdict");
}

int main(void)
{
    test_names();
    test_caps();
    test_labels();
    test_text();
    test_changes();
    test_unknown();
    test_nonsense();
    return test_done();
}
