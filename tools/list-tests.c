/*
 * Prints every feature test row that is linked in, or those that a choice means, one a line, by rising file and line: id, needs,
 * title of the manual's section, description, with a tab between them; with --families, the families that have such rows. The
 * guests' sources as they are, on the host: nothing of them runs but what names rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests/lib/common/hypercall.h"
#include "guests/lib/feature/needs.h"
#include "guests/lib/feature/select.h"
#include "guests/lib/x64/memory.h"

/* What the guests' library has below it, and nobody calls here. */
bool hypercall_is_svm;
char guest_stack_top[1];
_Noreturn void guest_start(void);

void hypercall_setup(void) {}

long hypercall(unsigned long number, unsigned long a, unsigned long b, unsigned long c)
{
    (void)number, (void)a, (void)b, (void)c;
    return -ABI_ENOSYS;
}

bool hypercall_retry(unsigned long *ip)
{
    (void)ip;
    return false;
}

void guest_exit(long status) { exit((int)status); }

void guest_start(void) { abort(); }

uint64_t memory_bytes(void) { return 0; }

static void print_family(const struct feature_row *row)
{
    static char last[FEATURE_LABEL];
    char family[FEATURE_LABEL];

    feature_family(row->test, family);
    if (strcmp(family, last) != 0)
        printf("%s\n", strcpy(last, family));
}

static void print_row(const struct feature_row *row)
{
    char id[FEATURE_ID], needs[512];
    const uint16_t *more = row->test->row_needs ? row->test->row_needs(feature_row_argument(row)) : NULL;

    feature_id(row, id);
    feature_needs_text(row->test->needs, needs, sizeof needs);
    printf("%s\t%s", id, needs);
    feature_needs_text(more, needs, sizeof needs);
    printf("%s%s\t%s\t%s\n", *needs && *row->test->needs ? ", " : "", needs, row->test->manual, row->test->description);
}

int main(int argc, char **argv)
{
    size_t n = (size_t)(__stop_feature_tests - __start_feature_tests);
    const struct feature_test **tests = malloc(n * sizeof *tests);
    bool families = argc > 1 && strcmp(argv[1], "--families") == 0;
    const struct feature_choice choice = {argc > 1 + families ? argv[1 + families] : NULL, NULL};
    void (*print)(const struct feature_row *row) = families ? print_family : print_row;
    struct feature_row row;

    if (!tests)
        return EXIT_FAILURE;
    memcpy(tests, __start_feature_tests, n * sizeof *tests);
    feature_sort(tests, n);
    for (size_t i = 0; i < n; i++)
        for (unsigned number = 0; number < feature_rows(tests[i]); number++)
            if (feature_row(tests[i], number, &row) && feature_chosen(&choice, tests[i], number))
                print(&row);
    free(tests);
    return EXIT_SUCCESS;
}
