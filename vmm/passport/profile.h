/*
 * Profiles: passports of machines that are known, as text, and what is different about a machine. Pure C. tools/passport does the
 * same with a log, in the same words; docs/passport.md tells what a profile is.
 */
#ifndef VMM_PASSPORT_PROFILE_H
#define VMM_PASSPORT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    PROFILE_LINES = 32,        /* more than a passport has */
    PROFILE_WORDS = 96,        /* of one line: more than a register has */
    PROFILE_WHY_BYTES = 200,   /* room for a complaint */
    PROFILE_TELLS_BYTES = 900, /* room for the differences that are told */
};

/* A passport, or what a profile says of one: the lines' keys and words. */
struct profile {
    const char *name; /* without ".conf", `name_bytes` long */
    size_t name_bytes;
    size_t lines;
    struct profile_line {
        const char *key, *words;
    } line[PROFILE_LINES];
};

/*
 * Reads all profiles in text[0..bytes), which lives on and is written to: files behind lines `[file NAME.conf]`, or one, of the
 * name `file`. Returns how many there are, and in *list an array from malloc. Calls `complain` with "FILE:LINE: what is wrong" for
 * each mistake, and leaves that profile out.
 */
typedef void profile_complaint(const char *why);
size_t profile_read(const char *file, char *text, size_t bytes, struct profile **list, profile_complaint *complain);

/* The one of this name, or NULL. */
const struct profile *profile_find(const struct profile *list, size_t count, const char *name);

/* The words of the line with this key, or NULL. */
const char *profile_words(const struct profile *profile, const char *key);

/* Adds a line to a passport; the texts live on. Beyond PROFILE_LINES it is left out. */
void profile_add(struct profile *passport, const char *key, const char *words);

/* How a machine differs from a profile. */
struct profile_difference {
    unsigned distance;                /* 0 = not at all in what counts; the other back end is far, another CPU near */
    unsigned keys;                    /* lines that differ */
    unsigned left_out;                /* of these, for lack of room */
    size_t used;                      /* of tells */
    char tells[PROFILE_TELLS_BYTES];  /* "PROC2 without EPT VPID; MISC timer-shift=5 instead of 0" */
};

/* Compares. What the profile does not speak of does not count, unless it has a key Passport, which says that it is all there is. */
void profile_compare(const struct profile *passport, const struct profile *profile, struct profile_difference *difference);

/* The one of the same passport, or else the nearest; of several, the first. NULL if there is none. */
const struct profile *profile_nearest(const struct profile *passport, const struct profile *list, size_t count);

#endif
