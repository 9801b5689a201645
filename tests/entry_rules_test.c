/* sources: vmm/entry tests/entry_support.c tests/lib_support.c */
/*
 * The rules of a VM entry: every check of the manuals has a row; on every base and every CPU, each case of a row breaks
 * that rule and no other (but those that the row lists), and each neighbour is accepted.
 */
#include <stdio.h>
#include <string.h>

#include "tests/entry_support.h"
#include "tests/lib_support.h"

/* The groups of entry-checks.tsv, and how many checks it counts in each. */
static struct group {
    char letter;
    const char *title;
    unsigned checks;
    unsigned rows, no_probe, cases[2]; /* of the table: [0] bad, [1] near */
    unsigned tried[2];                 /* on all bases of all CPUs */
} groups[] = {
    {.letter = 'B', .title = "instruction", .checks = 8},
    {.letter = 'E', .title = "execution controls", .checks = 70},
    {.letter = 'X', .title = "exit controls", .checks = 10},
    {.letter = 'N', .title = "entry controls, events", .checks = 22},
    {.letter = 'H', .title = "host state", .checks = 50},
    {.letter = 'G', .title = "guest CRs, DRs, MSRs", .checks = 38},
    {.letter = 'S', .title = "guest segments", .checks = 105},
    {.letter = 'T', .title = "GDTR, IDTR", .checks = 4},
    {.letter = 'R', .title = "RIP, RFLAGS, SSP", .checks = 10},
    {.letter = 'K', .title = "activity state", .checks = 8},
    {.letter = 'I', .title = "interruptibility", .checks = 12},
    {.letter = 'P', .title = "pending debug", .checks = 6},
    {.letter = 'L', .title = "link pointer", .checks = 6},
    {.letter = 'D', .title = "PDPTEs", .checks = 4},
    {.letter = 'M', .title = "MSR loading", .checks = 6},
    {.letter = 'A', .title = "VMRUN", .checks = 29},
};
enum { GROUPS = sizeof groups / sizeof *groups, RULES_MAX = 400 };

static struct group *group_of(const struct entry_rule *rule)
{
    for (struct group *group = groups; group < groups + GROUPS; group++)
        if (group->letter == rule->id[0])
            return group;
    return NULL;
}

/* ---- Coverage ------------------------------------------------------------------------------------------------- */

static void test_coverage(void)
{
    unsigned intel = 0, amd = 0;

    for (enum backend backend = BACKEND_VMX; backend <= BACKEND_SVM; backend++) {
        for (unsigned i = 0; i < entry_rule_count(backend); i++) {
            const struct entry_rule *rule = entry_rule(backend, i);
            struct group *group = group_of(rule);

            CHECK(group && rule->must && rule->must[0] && entry_field_name(rule->field)[0]);
            CHECK(entry_rule_find(rule->id) == rule); /* so it is there once */
            CHECK(rule->wrong && entry_case_count(rule, false) > 0 && entry_case_count(rule, true) > 0);
            CHECK(entry_rule_verdict(rule).kind != ENTRY_OF_GROUP);
            group->rows++;
            group->no_probe += rule->no_row != NULL;
            group->cases[0] += entry_case_count(rule, false);
            group->cases[1] += entry_case_count(rule, true);
        }
    }
    for (struct group *group = groups; group < groups + GROUPS; group++) {
        for (unsigned n = 1; n <= group->checks; n++) {
            char id[8];

            snprintf(id, sizeof id, "%c%u", group->letter, n);
            if (!entry_rule_find(id))
                printf("# no rule %s\n", id);
            CHECK(entry_rule_find(id));
        }
        CHECK(group->rows == group->checks);
        *(group->letter == 'A' ? &amd : &intel) += group->checks;
    }
    CHECK(intel == 359 && amd == 29 && entry_rule_count(BACKEND_VMX) == 359 && entry_rule_count(BACKEND_SVM) == 29);
    test_passed("each of the 359 checks of Intel and the 29 of AMD has one rule");
}

/* What is checked first is what the manual has first: VMfailValid before exit 33 before exit 34. */
static void test_order(void)
{
    unsigned before = 0;

    for (unsigned i = 0; i < entry_rule_count(BACKEND_VMX); i++) {
        struct entry_verdict verdict = entry_rule_verdict(entry_rule(BACKEND_VMX, i));
        unsigned rank = entry_rule(BACKEND_VMX, i)->id[0] == 'B' ? 0
                        : verdict.kind == ENTRY_FAIL_VALID       ? 1
                                                                 : verdict.number;

        CHECK(rank >= before);
        before = rank;
    }
    test_passed("controls and host state come before guest state, and that before MSR loading");
}

/* ---- All cases ------------------------------------------------------------------------------------------------- */

/* Which rules were broken, and had a neighbour beside the base, on any CPU. */
static bool was_broken[2][RULES_MAX];

static bool names(const char *list, const char *id)
{
    size_t length = strlen(id);

    for (const char *at = list; at && (at = strstr(at, id)); at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

static void tell(const char *what, const struct entry_cpu *cpu, const struct entry_base *base,
                 const struct entry_case *c, const struct entry_finding *finding)
{
    char text[2000];

    entry_finding_text(finding, text, sizeof text);
    printf("# %s: CPU %s, base %s, %s%s.%s: %s", what, cpu->name, base->name, c->near ? "near " : "", c->rule->id,
           c->label, text);
}

/* A case that breaks its rule: all that is broken is it, and what can't but be broken with it. */
static bool is_its_own(const struct entry_cpu *cpu, const struct entry_base *base, const struct entry_case *c,
                       const struct entry_block *block)
{
    enum { ROOM = 400 };
    static struct entry_finding findings[ROOM];
    unsigned broken = entry_check_all(cpu->backend, block, &cpu->caps, findings, ROOM, NULL);
    bool seen = false, good = true;

    for (unsigned i = 0; i < broken; i++) {
        bool own = findings[i].rule == c->rule;

        if (own || names(c->rule->with, findings[i].rule->id) || (seen && c->rule->first_only)) {
            seen = seen || own;
            continue;
        }
        tell("another rule is broken", cpu, base, c, &findings[i]);
        good = false;
    }
    if (seen && findings[0].rule != c->rule) {
        tell("another rule is told first", cpu, base, c, &findings[0]);
        good = false;
    }
    if (!seen)
        printf("# not broken: CPU %s, base %s, %s.%s\n", cpu->name, base->name, c->rule->id, c->label);
    return good && seen;
}

/* Who knows what each rule looked at on the base is told the same without a look at all of them. */
static bool is_told_by_part(const struct entry_cpu *cpu, const struct entry_block *block, const struct entry_good *good)
{
    const struct entry_block known = {block->context, block->read, block->write, good};
    struct entry_finding all = {.rule = NULL}, part = {.rule = NULL};

    entry_check(cpu->backend, block, &cpu->caps, &all);
    entry_check(cpu->backend, &known, &cpu->caps, &part);
    if (all.rule != part.rule)
        printf("# of all rules %s, of a part %s\n", all.rule ? all.rule->id : "none",
               part.rule ? part.rule->id : "none");
    return all.rule == part.rule;
}

struct total {
    unsigned bad, near, wrong;
};

static void try_rule(const struct entry_cpu *cpu, const struct entry_base *base, const struct entry_values *good,
                     struct entry_good *known, unsigned number, struct total *total)
{
    static struct entry_values arranged, values;
    const struct entry_rule *rule = entry_rule(cpu->backend, number);
    struct entry_block block = entry_values_block(&arranged);
    struct entry_finding finding;

    arranged = *good;
    if (!entry_rule_arrange(rule, base, &block, &cpu->caps, &finding))
        return;
    block = entry_values_block(&values);
    known->written = &values.written;
    for (unsigned near = 0; near < 2; near++) {
        for (unsigned i = 0; i < entry_case_count(rule, near); i++) {
            struct entry_case c = entry_case_get(rule, near, i);

            values = arranged;
            if (!entry_case_write(&c, base, &block, &cpu->caps))
                continue;
            total->wrong += !is_told_by_part(cpu, &block, known);
            if (!near) {
                total->bad++;
                group_of(rule)->tried[0]++;
                was_broken[cpu->backend == BACKEND_SVM][number] = true;
                total->wrong += !is_its_own(cpu, base, &c, &block);
            } else {
                total->near++;
                group_of(rule)->tried[1]++;
                if (!entry_check(cpu->backend, &block, &cpu->caps, &finding)) {
                    tell("a neighbour is refused", cpu, base, &c, &finding);
                    total->wrong++;
                }
            }
        }
    }
}

static struct total try_cpu(const struct entry_cpu *cpu)
{
    static struct entry_values good;
    static struct entry_good known;
    struct entry_block block = entry_values_block(&good);
    struct total total = {0, 0, 0};
    unsigned bases = 0;

    for (unsigned b = 0; b < entry_base_count(cpu->backend); b++) {
        if (!entry_base_make(cpu, entry_base(cpu->backend, b), &good))
            continue;
        bases++;
        total.wrong += !entry_good_learn(&known, cpu->backend, &block, &cpu->caps);
        good.written = 0;
        for (unsigned i = 0; i < entry_rule_count(cpu->backend); i++)
            try_rule(cpu, entry_base(cpu->backend, b), &good, &known, i, &total);
    }
    printf("# CPU %s: %u bases, %u bad cases, %u neighbours, %u not as they should be\n", cpu->name, bases, total.bad,
           total.near, total.wrong);
    return total;
}

static void test_cases(void)
{
    struct total sum = {0, 0, 0};

    for (const struct entry_cpu *cpu = entry_cpus(); cpu->name; cpu++) {
        struct total total = try_cpu(cpu);

        sum.wrong += total.wrong;
        CHECK(total.bad > 100 && total.near > 50);
    }
    CHECK(sum.wrong == 0);
    for (enum backend backend = BACKEND_VMX; backend <= BACKEND_SVM; backend++)
        for (unsigned i = 0; i < entry_rule_count(backend); i++) {
            if (!was_broken[backend == BACKEND_SVM][i])
                printf("# never broken: %s\n", entry_rule(backend, i)->id);
            CHECK(was_broken[backend == BACKEND_SVM][i]);
        }
    test_passed("on every base, each case breaks its own rule alone, and each neighbour is accepted");
}

/* What can't be brought about is told by the rule that is in the way: the capability that is missing. */
static void test_obstacles(void)
{
    static const struct {
        const char *cpu, *base, *rule, *obstacle;
    } cases[] = {
        {"plain", "long64", "E43", "E6"},   {"plain", "long64", "E64", "E4"},   {"plain", "long64", "H20", "X2"},
        {"plain", "long64", "G26", "N2"},   {"bochs", "long64", "S105", "G5"},  {"everything", "pae", "I12", "G38"},
        {"everything", "real", "S3", "G1"}, {"everything", "long64", "D1", ""}, {"bochs", "long64", "E48", NULL},
    };
    static struct entry_values values;

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct entry_cpu *cpu = entry_cpu(cases[i].cpu);
        struct entry_block block = entry_values_block(&values);
        struct entry_finding obstacle;
        unsigned b = 0;
        bool arranged;

        while (strcmp(entry_base(BACKEND_VMX, b)->name, cases[i].base) != 0)
            b++;
        CHECK(entry_base_make(cpu, entry_base(BACKEND_VMX, b), &values));
        arranged = entry_rule_arrange(entry_rule_find(cases[i].rule), entry_base(BACKEND_VMX, b), &block, &cpu->caps,
                                      &obstacle);
        CHECK(arranged == !cases[i].obstacle);
        CHECK(arranged || strcmp(obstacle.rule ? obstacle.rule->id : "", cases[i].obstacle) == 0);
    }
    test_passed("what can't be brought about is told by the rule that is in the way");
}

/* docs/entry.md has this table. */
static void print_table(void)
{
    printf("# | group | checks | rules | without probe | bad cases | neighbours | tried, bad | tried, near |\n");
    for (const struct group *group = groups; group < groups + GROUPS; group++)
        printf("# | %c: %s | %u | %u | %u | %u | %u | %u | %u |\n", group->letter, group->title, group->checks,
               group->rows, group->no_probe, group->cases[0], group->cases[1], group->tried[0], group->tried[1]);
}

int main(void)
{
    test_coverage();
    test_order();
    test_obstacles();
    test_cases();
    print_table();
    return test_done();
}
