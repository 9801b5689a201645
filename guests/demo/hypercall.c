/* guest: newlib64 */
/* A hypercall of this guest's own, which its monitor answers (vmm/monitor/own.c): it shifts letters in our memory. */
#include <string.h>

#include "guests/lib/common/hypercall.h"
#include "guests/lib/common/test.h"

enum { PLACES = 13 };

static long caesar(void *text, unsigned long bytes, unsigned long places)
{
    return hypercall(HC_CAESAR, (unsigned long)text, bytes, places);
}

int main(void)
{
    static char text[] = "Hello, Monitor! [az]";
    unsigned long memory = (unsigned long)hypercall(HC_MEMORY, 0, 0, 0);
    long letters = caesar(text, sizeof text, PLACES);

    test_result(letters == 14, "%ld letters are shifted", letters);
    test_result(strcmp(text, "Uryyb, Zbavgbe! [nm]") == 0, "to \"%s\"", text);
    caesar(text, 5, PLACES);
    test_result(strcmp(text, "Hello, Zbavgbe! [nm]") == 0, "the first 5 bytes of it, and no others, back");
    test_result(caesar(text, sizeof text, 26) == -ABI_EINVAL, "26 places are refused");
    test_result(caesar((void *)(memory - 1), 2, PLACES) == -ABI_EFAULT, "a text over the end of memory is refused");
    test_result(caesar(text, ~0ul, PLACES) == -ABI_EFAULT, "and one without end");
    test_result(strcmp(text, "Hello, Zbavgbe! [nm]") == 0, "what was refused has changed nothing");
    return test_status();
}
