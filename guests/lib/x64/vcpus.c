#include "guests/lib/x64/vcpus.h"

#include "guests/lib/common/hypercall.h"
#include "guests/lib/x64/descriptors.h"

extern const char guest_vcpu_entry[];

_Noreturn void guest_vcpu_start(struct vcpu_launch *launch);

/* Called by crt0.asm on the new vCPU's stack. */
_Noreturn void guest_vcpu_start(struct vcpu_launch *launch)
{
    descriptors_load_idt();
    launch->function(launch->argument);
    for (;;)
        __asm__ volatile("cli; hlt");
}

long vcpu_start(unsigned vcpu, struct vcpu_launch *launch)
{
    return hypercall(HC_VCPU_START, vcpu, (unsigned long)guest_vcpu_entry, (unsigned long)launch);
}

long vcpu_interrupt(unsigned vcpu, unsigned vector) { return hypercall(HC_INTERRUPT, vcpu, vector, 0); }
