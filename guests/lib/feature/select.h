/* Which rows there are, what they are called, and which of them a choice means. Pure: it knows no machine. */
#ifndef GUESTS_LIB_FEATURE_SELECT_H
#define GUESTS_LIB_FEATURE_SELECT_H

#include "guests/lib/feature/record.h"

/* One row of a test. It may be copied. */
struct feature_row {
    const struct feature_test *test;
    unsigned number;
    char label[FEATURE_LABEL];    /* "" for the only row of a FEATURE_TEST */
    unsigned at[FEATURE_AXES];    /* of a grid */
};

/* How many numbers a test's rows have; of a grid's, not each is a row. */
unsigned feature_rows(const struct feature_test *test);

/* Fills in row `number` < feature_rows(); false if there is none with this number. */
bool feature_row(const struct feature_test *test, unsigned number, struct feature_row *row);

/* Whether the machine may not survive row `number`, so that it comes behind all others. */
bool feature_is_last(const struct feature_test *test, unsigned number);

/* What is handed to test->run. */
const void *feature_row_argument(const struct feature_row *row);

/* Writes "vmx.io.bitmap.7fff-4-out" to id[FEATURE_ID]; returns its length. */
size_t feature_id(const struct feature_row *row, char *id);

/* Writes the name of the file that a test is in, without folder and ".c", to family[FEATURE_LABEL]. */
void feature_family(const struct feature_test *test, char *family);

/* Whether a text matches one of some patterns, "io_*,cpuid": * stands for any text, ? for any character. */
bool feature_glob(const char *patterns, const char *text);

/* Which rows are wanted; null: all. */
struct feature_choice {
    const char *tests;    /* patterns of identifiers or ids */
    const char *families; /* patterns of families */
};

/* Whether it may mean rows of this test; and whether row `number` of such a test is there, and meant. */
bool feature_chosen_family(const struct feature_choice *choice, const struct feature_test *test);
bool feature_chosen(const struct feature_choice *choice, const struct feature_test *test, unsigned number);

/* Puts the records in the order of files and lines. */
void feature_sort(const struct feature_test **tests, size_t n);

/* A sequence of numbers without visible order that the seed alone decides. */
uint32_t feature_random(uint64_t *state);

#endif
