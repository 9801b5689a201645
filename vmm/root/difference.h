/*
 * Known differences: results of feature tests that are not what the manual says, on some platform, with the reason why that
 * is believed to be the platform's fault. config/known-differences/ has them; docs/tests.md tells their format.
 */
#ifndef VMM_ROOT_DIFFERENCE_H
#define VMM_ROOT_DIFFERENCE_H

#include <stdbool.h>
#include <stddef.h>

enum { DIFFERENCE_WHY_BYTES = 160 };

struct difference {
    const char *seen; /* what the platform does instead, 0-terminated */
    bool runs;        /* false: the machine would not survive such a test */
    unsigned line;
};

/*
 * Reads the differences in text[0..bytes), which lives on, and keeps those whose `platform` fits: each of its words occurs
 * in `platform`. Replaces those that were there. Returns false, with "FILE:LINE: what is wrong" in why, if the text is not
 * as it should be; `file` is used until a line `[file NAME]` names another.
 */
bool difference_read(const char *file, char *text, size_t bytes, const char *platform, char why[DIFFERENCE_WHY_BYTES]);

/* The first that lists this id, with '*' for any text and '?' for any character; or NULL. */
const struct difference *difference_find(const char *id, size_t id_bytes);

/* How many are listed for this platform. */
size_t difference_count(void);

/* The ids of those whose tests are not to be run, as struct monitor_args.not_run. */
const char *difference_not_run(void);

#endif
