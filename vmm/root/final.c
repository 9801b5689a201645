#include "vmm/root/final.h"

#include "vmm/lib/syscall.h"

void final_draw(const struct final *final)
{
    for (unsigned at = FINAL_ROWS; at-- > 0;) { /* the lowest row first, so that the text moves down once */
        screen_row row;

        final_row(row, at, final);
        sys_screen_write(at, row, SCREEN_COLUMNS);
    }
}
