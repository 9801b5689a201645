/* The final screen: the verdict in letters that can be read from across a room, and what is behind it. */
#ifndef VMM_ROOT_FINAL_H
#define VMM_ROOT_FINAL_H

#include "vmm/root/screen.h"
#include "vmm/root/tally.h"

enum { FINAL_ROWS = SCREEN_ROWS - 1 }; /* all but the last row, where the log goes on */

struct final {
    struct tally tally;                 /* pass: none has failed */
    unsigned failures;                  /* how many results that say why: */
    const char *(*failure)(unsigned i); /* the text of one, or NULL: it was not kept */
    const char *passport, *platform;    /* the passport's id; what machine this is, in a line */
};

/* Draws it over what is on the screen. */
void final_draw(const struct final *final);

/* One row, `at` < FINAL_ROWS: pure C. */
void final_row(screen_row row, unsigned at, const struct final *final);

#endif
