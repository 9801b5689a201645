/* sources: vmm/entry tests/entry_support.c tests/lib_support.c */
/* The explanation of a failed entry: which of some broken rules it names, given what came of the entry, and its text. */
#include <stdio.h>
#include <string.h>

#include "tests/entry_support.h"
#include "tests/lib_support.h"

static const struct entry_verdict vmfail7 = {ENTRY_FAIL_VALID, 7, 0}, vmfail8 = {ENTRY_FAIL_VALID, 8, 0},
                                  exit33 = {ENTRY_FAILED_EXIT, 33, 0}, exit34 = {ENTRY_FAILED_EXIT, 34, 1},
                                  invalid = {ENTRY_VMEXIT_INVALID, 0, 0};

/* The id of the rule that is named. */
static const char *named(const struct entry_cpu *cpu, const struct entry_verdict *seen)
{
    struct entry_finding finding;

    return entry_explain(cpu->backend, block_now(), &cpu->caps, seen, &finding) ? finding.rule->id : "";
}

static bool names(const struct entry_cpu *cpu, const struct entry_verdict *seen, const char *id)
{
    return strcmp(named(cpu, seen), id) == 0;
}

/* ---- Of some broken rules, the one that it came to --------------------------------------------------------------- */

static void test_seen(void)
{
    const struct entry_cpu *cpu = block_start("bochs", "long64");
    const struct entry_verdict link = {ENTRY_FAILED_EXIT, 33, 4}, nmi = {ENTRY_FAILED_EXIT, 33, 3};

    CHECK(names(cpu, &exit33, ""));
    block_put(GUEST_RFLAGS, 0x200);
    CHECK(names(cpu, &exit33, "R4"));
    block_put(CR3_TARGET_COUNT, 500);
    CHECK(names(cpu, &exit33, "R4") && names(cpu, &vmfail7, "E8"));
    block_put(HOST_CS_SELECTOR, 0);
    CHECK(names(cpu, &exit33, "R4") && names(cpu, &vmfail7, "E8") && names(cpu, &vmfail8, "H35"));
    block_put(VMCS_LINK_POINTER, 1);
    CHECK(names(cpu, &exit33, "R4") && names(cpu, &link, "L1"));
    CHECK(names(cpu, &nmi, "R4")); /* no such qualification: the reason counts */
    CHECK(names(cpu, &exit34, "E8")); /* no such reason: the first of all */
    cpu = block_start("svm", "long64");
    CHECK(names(cpu, &invalid, ""));
    block_put(VMCB_DR7, 1ull << 32);
    CHECK(names(cpu, &invalid, "A7"));
    test_passed("the rule is named that comes to what was seen");
}

/* ---- Each bad case, on one base of each CPU ------------------------------------------------------------------- */

static bool is_named(const struct entry_cpu *cpu, const struct entry_case *c, const struct entry_block *block)
{
    struct entry_verdict seen = entry_rule_verdict(c->rule);
    struct entry_finding finding;

    if (entry_rule_check(c->rule, block, &cpu->caps, &finding) != ENTRY_BROKEN)
        return false;
    seen.qualification = finding.qualification;
    return entry_explain(cpu->backend, block, &cpu->caps, &seen, &finding) && finding.rule == c->rule;
}

static void try_rule(const struct entry_cpu *cpu, const struct entry_base *base, const struct entry_rule *rule,
                     unsigned *tried, unsigned *wrong)
{
    static struct entry_values arranged, values;
    struct entry_block block = entry_values_block(&arranged);
    struct entry_finding obstacle;

    if (!entry_base_make(cpu, base, &arranged) || !entry_rule_arrange(rule, base, &block, &cpu->caps, &obstacle))
        return;
    block = entry_values_block(&values);
    for (unsigned i = 0; i < entry_case_count(rule, false); i++) {
        struct entry_case c = entry_case_get(rule, false, i);

        values = arranged;
        if (!entry_case_write(&c, base, &block, &cpu->caps))
            continue;
        ++*tried;
        if (is_named(cpu, &c, &block))
            continue;
        printf("# CPU %s: %s.%s is not named\n", cpu->name, rule->id, c.label);
        ++*wrong;
    }
}

static void test_cases(void)
{
    unsigned tried = 0, wrong = 0;

    for (const struct entry_cpu *cpu = entry_cpus(); cpu->name; cpu++)
        for (unsigned i = 0; i < entry_rule_count(cpu->backend); i++)
            try_rule(cpu, entry_base(cpu->backend, 0), entry_rule(cpu->backend, i), &tried, &wrong);
    printf("# %u bad cases, %u of them not named\n", tried, wrong);
    CHECK(wrong == 0 && tried > 5000);
    test_passed("each bad case of each rule is named");
}

/* ---- The text -------------------------------------------------------------------------------------------------- */

static void test_text(void)
{
    const struct entry_cpu *cpu = block_start("bochs", "long64");
    struct entry_finding finding;
    char text[400];

    block_put(GUEST_CR4, 0x2000);
    CHECK(entry_explain(cpu->backend, block_now(), &cpu->caps, &exit33, &finding));
    entry_finding_text(&finding, text, sizeof text);
    CHECK(strncmp(text, "G9.GUEST_CR4: an IA-32e mode guest needs PAE\n"
                        "  GUEST_CR4 = 0x2000: wrong in bit 5; 0x2020 would do\n"
                        "  with ENTRY_CONTROLS = 0x", 120) == 0);
    CHECK(strstr(text, "\n  comes to: VM entry fails as an exit with basic reason 33, exit qualification 0\n"));
    finding.rule = entry_rule_find("I7");
    entry_finding_text(&finding, text, sizeof text);
    CHECK(strstr(text, "\n  but not every CPU checks this one\n"));
    test_passed("a rule that may not be checked is told as such");
}

/* Lacks what rules of these verdicts need: a capability register of the controls, and one of the host's state. */
static void test_unknown(void)
{
    const struct entry_cpu *cpu = block_start("bochs", "long64");
    struct entry_caps caps = cpu->caps;
    char text[400];
    size_t whole;

    block_put(EXIT_MSR_STORE_ADDRESS, 0);
    block_put(EXIT_MSR_LOAD_ADDRESS, 0);
    block_put(ENTRY_MSR_LOAD_ADDRESS, 0);
    CHECK(entry_unknown_text(cpu->backend, block_now(), &caps, NULL, text, sizeof text) == 0 && !*text);
    caps.known &= ~(1ull << (CAP_IA32_VMX_MISC - ENTRY_CAP) | 1ull << (CAP_IA32_VMX_CR4_FIXED0 - ENTRY_CAP));
    entry_unknown_text(cpu->backend, block_now(), &caps, &vmfail8, text, sizeof text);
    CHECK(strcmp(text, "1 of 50 rules that come to this could not be checked; missing are IA32_VMX_CR4_FIXED0\n") == 0);
    whole = entry_unknown_text(cpu->backend, block_now(), &caps, NULL, text, sizeof text);
    CHECK(strstr(text, " of 359 rules could not be checked; missing are IA32_VMX_MISC, IA32_VMX_CR4_FIXED0\n"));
    CHECK(whole == strlen(text) && entry_unknown_text(cpu->backend, block_now(), &caps, NULL, text, 9) == whole);
    CHECK(strlen(text) == 8);
    CHECK(entry_unknown_text(cpu->backend, block_now(), &caps, &exit34, text, sizeof text) == 0);
    test_passed("what could not be checked is counted, of the rules that come to what was seen");
}

int main(void)
{
    test_seen();
    test_text();
    test_unknown();
    test_cases();
    return test_done();
}
