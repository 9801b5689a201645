#include "kernel/cpu/hint.h"

#include "config/hypervisors.h"
#include "lib/string.h"
#include "lib/x86.h"

const char *hint_for_platform(void)
{
    static const struct {
        char signature[13];
        const char *hint;
    } hints[] = {
#define X(signature, name, hint) {signature, "this is " name ": " hint},
        HYPERVISORS(X)
#undef X
    };
    const char *hint =
        "no hypervisor shows itself: look for VT-x or SVM in the firmware's set-up; in an emulator, for another "
        "CPU model";

    if (!(x86_cpuid(1, 0).ecx & HYPERVISOR_PRESENT))
        return hint;
    hint = "this hypervisor is unknown here: see how it shows VMX or SVM to a VM";
    for (uint32_t leaf = HYPERVISOR_LEAF; leaf < HYPERVISOR_LEAF + HYPERVISOR_LEVELS * HYPERVISOR_STEP;
         leaf += HYPERVISOR_STEP) {
        struct cpuid_result found = x86_cpuid(leaf, 0);

        for (unsigned i = 0; i < sizeof hints / sizeof hints[0]; i++)
            if (memcmp(&found.ebx, hints[i].signature, 12) == 0)
                hint = hints[i].hint;
    }
    return hint;
}
