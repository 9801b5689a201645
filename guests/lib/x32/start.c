/* From crt0.asm to main() and on to the end of the VM. */
#include "guests/lib/common/args.h"
#include "guests/lib/common/hypercall.h"
#include "guests/lib/x32/descriptors.h"

int main(int argc, char **argv);
_Noreturn void guest_start(void);

void guest_start(void)
{
    static char *argv[ARGS_MAX];

    descriptors_setup();
    hypercall_setup();
    int argc = args_fetch(argv);
    guest_exit(main(argc, argv));
}
