#include "guests/lib/feature/select.h"

#include <stdlib.h>
#include <string.h>

#include "guests/lib/feature/text.h"

unsigned feature_rows(const struct feature_test *test)
{
    unsigned rows = 1;

    if (test->table)
        return (unsigned)test->entries;
    if (test->count)
        return test->count();
    for (const struct feature_axis *axis = test->axes; axis && axis->n; axis++)
        rows *= axis->n;
    return rows;
}

/* The last axis turns fastest. */
static bool grid_row(const struct feature_test *test, unsigned number, struct feature_row *row)
{
    struct text label = text_begin(row->label, sizeof row->label);
    unsigned axes = 0;

    while (axes < FEATURE_AXES && test->axes[axes].n)
        axes++;
    for (unsigned i = axes; i-- > 0; number /= test->axes[i].n)
        row->at[i] = number % test->axes[i].n;
    for (unsigned i = 0; i < axes; i++)
        text_put(&label, "%s%s", i ? "-" : "", test->axes[i].labels[row->at[i]]);
    return !test->exists || test->exists(row->at);
}

bool feature_row(const struct feature_test *test, unsigned number, struct feature_row *row)
{
    row->test = test;
    row->number = number;
    row->label[0] = 0;
    if (test->axes)
        return grid_row(test, number, row);
    if (test->make)
        test->make(number, row->label);
    if (test->table) {
        const char *const *entry = feature_row_argument(row);
        struct text label = text_begin(row->label, sizeof row->label);

        text_put(&label, "%s", *entry);
    }
    return true;
}

const void *feature_row_argument(const struct feature_row *row)
{
    if (row->test->axes)
        return row->at;
    if (row->test->make)
        return &row->number;
    if (row->test->table)
        return (const char *)row->test->table + row->number * row->test->entry_bytes;
    return NULL;
}

bool feature_is_last(const struct feature_test *test, unsigned number) { return test->last && test->last(number); }

/* A label may be a name of the manual's, such as GUEST_RIP. */
static char id_character(char c)
{
    if (c == '_')
        return '-';
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

size_t feature_id(const struct feature_row *row, char *id)
{
    static const char *const platforms[] = {"any", "vmx", "svm"};
    struct text text = text_begin(id, FEATURE_ID);

    text_put(&text, "%s.", platforms[row->test->platform]);
    for (const char *c = row->test->name; *c; c++)
        text_put_char(&text, *c == '_' ? '.' : *c);
    text_put(&text, "%s", row->label[0] ? "." : "");
    for (const char *c = row->label; *c; c++)
        text_put_char(&text, id_character(*c));
    return text.used;
}

void feature_family(const struct feature_test *test, char *family)
{
    const char *slash = strrchr(test->file, '/');
    struct text text = text_begin(family, FEATURE_LABEL);

    for (const char *c = slash ? slash + 1 : test->file; *c && *c != '.'; c++)
        text_put_char(&text, *c);
}

/* Whether the text matches the one pattern from `pattern` up to `end`. */
static bool glob_one(const char *pattern, const char *end, const char *text)
{
    const char *star = NULL, *again = NULL;

    while (*text || pattern < end) {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            again = text;
        } else if (pattern < end && *text && (*pattern == '?' || *pattern == *text)) {
            pattern++;
            text++;
        } else if (star && *again) {
            pattern = star;
            text = ++again;
        } else {
            return false;
        }
    }
    return true;
}

bool feature_glob(const char *patterns, const char *text)
{
    while (*patterns) {
        size_t length = strcspn(patterns, ",");

        if (length > 0 && glob_one(patterns, patterns + length, text))
            return true;
        patterns += length + (patterns[length] == ',');
    }
    return false;
}

bool feature_chosen_family(const struct feature_choice *choice, const struct feature_test *test)
{
    char family[FEATURE_LABEL];

    feature_family(test, family);
    return !choice->families || feature_glob(choice->families, family);
}

bool feature_chosen(const struct feature_choice *choice, const struct feature_test *test, unsigned number)
{
    struct feature_row row;
    char id[FEATURE_ID];

    if (!choice->tests && !test->axes) /* then nobody asks for its name, which would take long to make */
        return true;
    if (!feature_row(test, number, &row))
        return false;
    if (!choice->tests || feature_glob(choice->tests, test->name))
        return true;
    feature_id(&row, id);
    return feature_glob(choice->tests, id);
}

static int compare(const void *left, const void *right)
{
    const struct feature_test *a = *(const struct feature_test *const *)left;
    const struct feature_test *b = *(const struct feature_test *const *)right;
    int order = strcmp(a->file, b->file);

    return order ? order : a->line < b->line ? -1 : a->line > b->line;
}

void feature_sort(const struct feature_test **tests, size_t n) { qsort(tests, n, sizeof *tests, compare); }

/* xorshift64*, by Marsaglia and Vigna; the state is never 0. */
uint32_t feature_random(uint64_t *state)
{
    uint64_t x = *state ? *state : 0x9e3779b97f4a7c15;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (uint32_t)(x * 0x2545f4914f6cdd1d >> 32);
}
