/*
 * The main function of an image of feature tests. Its arguments choose rows and their order:
 *   tests=GLOB[,GLOB] family=GLOB[,GLOB] shuffle=SEED repeat=N
 * docs/tests.md explains them, and what the results look like.
 */
#include <stdlib.h>
#include <string.h>

#include "config/lab.h"
#include "guests/lib/common/console.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/needs.h"
#include "guests/lib/feature/outcome.h"
#include "guests/lib/feature/select.h"
#include "guests/lib/lab/context.h"
#include "guests/lib/lab/control.h"
#include "guests/lib/lab/observe.h"
#include "guests/lib/lab/state.h"
#include "guests/lib/x64/timer.h"

enum { EXITS = 100000, MILLISECONDS = 20000, RESULT_BYTES = 240, STATUS_USAGE = 2, LEFT = 0x100 };

/* A row among all. */
struct place {
    uint16_t test, number;
};

static const struct feature_test **tests;
static size_t n_tests;
static struct place *places;
static size_t n_places, room, other_platform;

/* Where the budget of a row and the end of a row lead to. */
static struct context row_context;
static struct lab_observation guard_seen __attribute__((aligned(4096)));
static long guard_result;
static const struct feature_row *running;

static _Noreturn void leave(void) { context_resume(&row_context, LEFT); }

CONTEXT_FRAME static void run_guarded(const struct feature_row *row, unsigned long guard, uint64_t ticks, uint64_t exits)
{
    guard_result = context_hypercall(&row_context, guard, (unsigned long)&guard_seen, ticks, exits);
    if (guard_result == 0)
        row->test->run(feature_row_argument(row));
    CONTEXT_END();
}

static void judge(uint64_t exits, unsigned milliseconds)
{
    unsigned long long rip = guard_seen.exit[0].rip;
    char reason[40];
    struct text text = text_begin(reason, sizeof reason);

    switch (guard_result) {
    case LAB_GUARD_TIME:
        outcome_worsen(VERDICT_TIMEOUT, NULL, 0, "nothing more came within %u ms, last at 0x%llx", milliseconds, rip);
        break;
    case LAB_GUARD_EXITS:
        outcome_worsen(VERDICT_TIMEOUT, NULL, 0, "it took more than %llu exits, last at 0x%llx", (unsigned long long)exits, rip);
        break;
    case LAB_GUARD_DEATH:
        lab_put_reason(&text, guard_seen.exit[0].reason);
        outcome_worsen(VERDICT_ERROR, NULL, 0, "it would have ended the VM by %s at 0x%llx", reason, rip);
        break;
    default:
        if (guard_result < 0)
            outcome_worsen(VERDICT_ERROR, NULL, 0, "HC_LAB_GUARD returned %ld", guard_result);
    }
}

static void run(const struct feature_row *row)
{
    static uint64_t tsc_per_ms;
    const struct feature_test *test = row->test;
    uint64_t exits = test->exits ? test->exits : EXITS;
    unsigned milliseconds = test->milliseconds ? test->milliseconds : MILLISECONDS;
    unsigned long guard = HC_LAB_GUARD_AGAIN;

    if (!tsc_per_ms) { /* the first row; the others begin with the same registers: state_reset() */
        tsc_per_ms = guest_tsc_per_ms();
        guard = HC_LAB_GUARD;
    }
    run_guarded(row, guard, milliseconds * tsc_per_ms, exits);
    if (guard_result == 0 || guard_result == LEFT)
        hypercall(HC_LAB_GUARD, 0, 0, 0);
    else
        lab_touch();
    judge(exits, milliseconds);
}

static uint16_t missing(const struct feature_row *row)
{
    uint16_t need = feature_missing(row->test->needs);

    if (!need && row->test->row_needs)
        need = feature_missing(row->test->row_needs(feature_row_argument(row)));
    return need;
}

/* Whether this machine has what it takes; if not, the row is a SKIP. */
static bool can_run(const struct feature_row *row)
{
    uint16_t need = missing(row);

    if (need)
        outcome_worsen(VERDICT_SKIP, NULL, 0, "needs %s%s", need & NEED_NOT ? "not " : "", feature_need_name(need));
    else if (row->test->check)
        row->test->check(row->number);
    return outcome.verdict == VERDICT_PASS;
}

static void send(const char *id)
{
    char line[RESULT_BYTES];
    size_t length = outcome_line(id, line, sizeof line);

    hypercall(HC_TEST, (unsigned long)line, length, 0);
}

static void tell(const char *label)
{
    struct feature_row part = *running;
    char id[FEATURE_ID];
    struct text text = text_begin(part.label, sizeof part.label);

    text_put(&text, "%s", label);
    feature_id(&part, id);
    send(id);
    outcome_begin();
}

static void report(const struct feature_row *row)
{
    char id[FEATURE_ID];
    size_t length = feature_id(row, id);

    outcome_begin();
    if (!can_run(row)) {
        send(id);
        return;
    }
    if (hypercall(HC_TEST_BEGIN, (unsigned long)id, length, 0) == 1) {
        outcome_worsen(VERDICT_ERROR, NULL, 0, "not run: this machine is known not to survive it");
    } else {
        lab_observe_reset();
        running = row;
        run(row);
        if (lab_is_touched())
            hypercall(HC_LAB_RESET, 0, 0, 0);
        state_reset();
        lab_controls_reset();
    }
    send(id);
}

static void add_place(size_t test, unsigned number)
{
    if (n_places == room) {
        room = room ? 2 * room : 1024;
        places = realloc(places, room * sizeof *places);
        if (!places) {
            console_print("no memory for %lu rows\n", (unsigned long)room);
            guest_exit(STATUS_USAGE);
        }
    }
    places[n_places++] = (struct place){(uint16_t)test, (uint16_t)number};
}

/* What is not chosen makes no rows. */
static unsigned rows_of(const struct feature_test *test, const struct feature_choice *choice)
{
    return feature_chosen_family(choice, test) ? feature_rows(test) : 0;
}

/* Those that come last, or the others. */
static void choose(const struct feature_choice *choice, bool last)
{
    enum feature_platform here = hypercall_is_svm ? PLATFORM_SVM : PLATFORM_VMX;

    for (size_t i = 0; i < n_tests; i++)
        for (unsigned number = 0, rows = rows_of(tests[i], choice); number < rows; number++)
            if (feature_is_last(tests[i], number) == last && feature_chosen(choice, tests[i], number)) {
                if (tests[i]->platform == PLATFORM_ANY || tests[i]->platform == here)
                    add_place(i, number);
                else
                    other_platform++;
            }
}

static void shuffle(struct place *list, size_t n, uint64_t seed)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = feature_random(&seed) % i;
        struct place other = list[j];

        list[j] = list[i - 1];
        list[i - 1] = other;
    }
}

static void collect(void)
{
    n_tests = (size_t)(__stop_feature_tests - __start_feature_tests);
    tests = malloc((n_tests + 1) * sizeof *tests);
    if (!tests)
        guest_exit(STATUS_USAGE);
    memcpy(tests, __start_feature_tests, n_tests * sizeof *tests);
    feature_sort(tests, n_tests);
}

static bool parse(int argc, char **argv, struct feature_choice *choice, uint64_t *seed, unsigned long *repeat)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "tests=", 6) == 0)
            choice->tests = argv[i] + 6;
        else if (strncmp(argv[i], "family=", 7) == 0)
            choice->families = argv[i] + 7;
        else if (strncmp(argv[i], "shuffle=", 8) == 0)
            *seed = strtoul(argv[i] + 8, NULL, 0);
        else if (strncmp(argv[i], "repeat=", 7) == 0)
            *repeat = strtoul(argv[i] + 7, NULL, 0);
        else
            return console_print("unknown argument: %s\n", argv[i]), false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct feature_choice choice = {NULL, NULL};
    unsigned long repeat = 1;
    uint64_t seed = 0;
    size_t n_first;
    long result;

    if (!parse(argc, argv, &choice, &seed, &repeat))
        return STATUS_USAGE;
    result = hypercall(HC_LAB_RESET, 0, 0, 0);
    if (result < 0) {
        console_print("this VM is no lab, its config must say `lab = yes`: HC_LAB_RESET returned %ld\n", result);
        return STATUS_USAGE;
    }
    collect();
    choose(&choice, false);
    n_first = n_places;
    choose(&choice, true);
    if (n_places == 0 && other_platform == 0) {
        console_print("no test is called so\n");
        return STATUS_USAGE;
    }
    outcome_leave = leave;
    outcome_tell = tell;
    state_setup();
    lab_controls_reset();
    state_reset();
    if (seed) {
        console_print("shuffle=%llu\n", (unsigned long long)seed);
        shuffle(places, n_first, seed);
        shuffle(places + n_first, n_places - n_first, seed);
    }
    if (other_platform)
        console_print("%lu rows are for the other back end\n", (unsigned long)other_platform);
    for (unsigned long round = 0; round < repeat; round++)
        for (size_t i = 0; i < n_places; i++) {
            struct feature_row row;

            feature_row(tests[places[i].test], places[i].number, &row);
            report(&row);
        }
    return 0;
}
