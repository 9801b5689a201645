/* A row of the screen, cell by cell as sys_screen_write takes it, and how text gets into it. Pure C. */
#ifndef VMM_ROOT_ROW_H
#define VMM_ROOT_ROW_H

#include <stdint.h>

#include "config/abi.h"

typedef uint16_t screen_row[SCREEN_COLUMNS];

/* An attribute is one of these, or-ed with one of the first eight << 4 for the background. */
enum row_color {
    ROW_BLUE = 1,
    ROW_GREEN = 2,
    ROW_CYAN = 3,
    ROW_RED = 4,
    ROW_GREY = 7,
    ROW_DARK_GREY = 8,
    ROW_LIGHT_GREEN = 10,
    ROW_LIGHT_CYAN = 11,
    ROW_LIGHT_RED = 12,
    ROW_YELLOW = 14,
    ROW_WHITE = 15,
};

/* Fills all of the row, with blanks or with a horizontal line. */
void row_clear(screen_row row, unsigned attribute);
void row_rule(screen_row row, unsigned attribute);

/* Puts text from column `at` on; it is cut before column `end` <= SCREEN_COLUMNS. */
__attribute__((format(printf, 5, 6))) void row_put(screen_row row, unsigned at, unsigned end, unsigned attribute,
                                                   const char *format, ...);

#endif
