/* guest: newlib64 */
/* Breaks its own control block, in a VM with `lab = yes`: the args are pairs of numbers, what and value as in config/lab.h.
 * The VM entry behind that fails, and the monitor says why. */
#include <stdio.h>
#include <stdlib.h>

#include "config/lab.h"
#include "guests/lib/common/hypercall.h"

enum { PAIRS = 8 };

static unsigned long read_pairs(struct lab_pair pairs[PAIRS])
{
    static char args[512];
    char *at = args, *end;
    unsigned long n = 0;

    if (hypercall(HC_ARGS, (unsigned long)args, sizeof args, 0) < 0)
        return 0;
    for (; n < PAIRS; n++) {
        pairs[n].what = strtoull(at, &end, 0);
        if (end == at)
            break;
        pairs[n].value = strtoull(end, &at, 0);
    }
    return n;
}

int main(void)
{
    static struct lab_pair pairs[PAIRS];
    static struct lab_refusal refusal;
    unsigned long n = read_pairs(pairs);

    if (hypercall(HC_LAB_MACHINE, (unsigned long)pairs, n, (unsigned long)&refusal))
        printf("refused: 0x%llx, bits 0x%llx: %s\n", (unsigned long long)refusal.what, (unsigned long long)refusal.bits,
               refusal.why);
    printf("it was entered all the same\n");
    return 1;
}
